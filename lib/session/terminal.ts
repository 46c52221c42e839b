/** Which descriptors are terminals. */
import { fstatSync, type Stats } from 'node:fs'

/** Major number of /dev/null and its like. Source: linux include/uapi/linux/major.h MEM_MAJOR. */
const MEMORY_DEVICES = 1

/**
 * `isatty(3)`. Node's own is asked about character devices alone: loading it takes milliseconds, since sockets come with
 * it.
 */
export function isTerminal(fd: number): boolean {
  const stat = statOf(fd)
  if (!stat?.isCharacterDevice() || stat.rdev >> 8 === MEMORY_DEVICES) return false
  return (require('node:tty') as typeof import('node:tty')).isatty(fd)
}

/** Null for a descriptor that is not open. */
function statOf(fd: number): Stats | null {
  try {
    return fstatSync(fd)
  } catch {
    return null
  }
}
