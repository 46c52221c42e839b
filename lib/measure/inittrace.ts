/**
 * The runtime's own account of package inits: with `GODEBUG=inittrace=1` it writes a line to standard error after each
 * package (Go 1.16 on; runtime/proc.go, doInit1).
 */

/** One line, for one package. */
export interface InittraceLine {
  package: string
  /** From the runtime's start to the package's first init function, nanoseconds, two digits. */
  atNs: number
  /** Wall time of its inits, nanoseconds, two digits. */
  clockNs: number
  bytes: number
  allocs: number
}

const LINE = /^init (\S+) @([\d.]+) ms, ([\d.]+) ms clock, (\d+) bytes, (\d+) allocs$/

/** Finds the lines among whatever else was written. */
export function parseInittrace(stderr: string): InittraceLine[] {
  return stderr.split('\n').flatMap((line) => {
    const match = LINE.exec(line)
    if (!match) return []
    const [, name = '', at, clock, bytes, allocs] = match
    return {
      package: decodePackage(name),
      atNs: Math.round(Number(at) * 1e6),
      clockNs: Math.round(Number(clock) * 1e6),
      bytes: Number(bytes),
      allocs: Number(allocs),
    }
  })
}

/**
 * A package path as people write it: symbols have the dots of its last element, and bytes that are not ASCII, as `%2e`
 * (cmd/internal/objabi, PathToPrefix).
 */
export function decodePackage(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name // not UTF-8: as it stands
  }
}
