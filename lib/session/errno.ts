/** errno numbers by name. */
import { constants } from 'node:os'

/** Second names of numbers that have the kernel's own. Source: linux include/uapi/asm-generic/errno.h, signal.h */
const ALIASES = new Set(['EWOULDBLOCK', 'EDEADLOCK', 'ENOTSUP', 'SIGIOT', 'SIGPOLL', 'SIGUNUSED'])

/** Made when a number is first asked for: a trace of a program that ends well has none. */
const tables = new Map<object, Map<number, string>>()

function nameIn(constants: object, number: number): string | undefined {
  const known = tables.get(constants)
  const names = known ?? byNumber(constants)
  if (!known) tables.set(constants, names)
  return names.get(number)
}

function byNumber(constants: object): Map<number, string> {
  const own = Object.entries(constants).filter(([name]) => !ALIASES.has(name))
  return new Map(own.map(([name, number]) => [number, name]))
}

/** `ENOENT` for 2; the number itself where it has no name. */
export function systemErrorName(errno: number): string {
  return nameIn(constants.errno, errno) ?? String(errno)
}

/** `SIGKILL` for 9; `SIGRT…` numbers as `SIG34`. */
export function signalName(signal: number): string {
  return nameIn(constants.signals, signal) ?? `SIG${signal}`
}
