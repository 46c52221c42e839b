/** errno numbers by name. */
import { constants } from 'node:os'

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))

/** `ENOENT` for 2; the number itself where it has no name. */
export function systemErrorName(errno: number): string {
  return NAMES.get(errno) ?? String(errno)
}

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number as number, name]))

/** `SIGKILL` for 9; `SIGRT…` numbers as `SIG34`. */
export function signalName(signal: number): string {
  return SIGNALS.get(signal) ?? `SIG${signal}`
}
