/** errno numbers by name. */
import { constants } from 'node:os'

/** Second names of numbers that have the kernel's own. Source: linux include/uapi/asm-generic/errno.h, signal.h */
const ALIASES = new Set(['EWOULDBLOCK', 'EDEADLOCK', 'ENOTSUP', 'SIGIOT', 'SIGPOLL', 'SIGUNUSED'])

function byNumber(constants: object): Map<number, string> {
  const own = Object.entries(constants).filter(([name]) => !ALIASES.has(name))
  return new Map(own.map(([name, number]) => [number, name]))
}

const NAMES = byNumber(constants.errno)

/** `ENOENT` for 2; the number itself where it has no name. */
export function systemErrorName(errno: number): string {
  return NAMES.get(errno) ?? String(errno)
}

const SIGNALS = byNumber(constants.signals)

/** `SIGKILL` for 9; `SIGRT…` numbers as `SIG34`. */
export function signalName(signal: number): string {
  return SIGNALS.get(signal) ?? `SIG${signal}`
}
