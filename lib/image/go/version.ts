/** Which Go built the program: as stated, as the runtime's own version string has it, or bounded by what it contains. */
import type { Memory } from '../memory'
import type { FileAddress, FunctionInfo, GoVersion, Pclntab } from '../types'
import { ANY, Code, type Pattern } from './code'
import { FINGERPRINTS, NEWEST_MINOR, OLDEST_MINOR, type PclntabLayout } from './layouts'

/** Longer than any version, its experiments included. */
const MAX_LENGTH = 256

/** `go1.26.4`, `go1.18`, `go1.27rc1 X:nodwarf5`, `devel go1.28-3a8f…`: as numbers, or null. */
export function parseVersion(text: string): GoVersion | null {
  const match = /^(?:devel )?go(\d{1,2})\.(\d{1,3})(?:\.(\d{1,4}))?(?![\d.])/.exec(text)
  if (match === null) return null
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3] ?? 0) }
}

/** Where runtime.buildVersion is looked for. */
export interface BuildVersionQuery {
  memory: Memory
  /** What the version can be, by other facts. */
  bounds: { min: number; max: number }
  /** The variable's address where the symbol table has it, else null. */
  address: FileAddress | null
  /** runtime.schedinit, where the machine's code can be read. */
  schedinit: FunctionInfo | null
}

/**
 * schedinit: `if buildVersion == ""`, a comparison of the string's length with 0: in place, before 1.11 in a register.
 * `after`: bytes of the instruction behind the operand, which counts from the instruction's end.
 */
const COMPARE_LENGTH: readonly { code: Pattern; after: number }[] = [
  { code: [0x48, 0x83, 0x3d, 'rip', 0x00], after: 1 },
  { code: [0x48, 0x8b, ANY, 'rip', 0x48, 0x85], after: 0 },
]

/**
 * What the string runtime.buildVersion holds: by its symbol, else by the code in schedinit that keeps it in the program
 * (go1.6 on). Null where that is not the text of a version within bounds.
 */
export function readBuildVersion(query: BuildVersionQuery): string | null {
  const { memory, address, schedinit } = query
  if (address !== null) return versionAt(query, address)
  if (schedinit === null) return null
  const code = new Code(memory, schedinit)
  for (const { code: pattern, after } of COMPARE_LENGTH) {
    for (const { operands } of code.matches(pattern)) {
      // The length is the string header's second word.
      const version = versionAt(query, (operands[0] as number) + after - 8)
      if (version !== null) return version
    }
  }
  return null
}

/** The version that the string header at `header` holds, or null where it holds another text. */
function versionAt({ memory, bounds }: BuildVersionQuery, header: number): string | null {
  const [data, length] = [memory.pointer(header), memory.word(header + 8)]
  if (data === null || length === null || length > MAX_LENGTH || memory.available(data) < length) return null
  const text = memory.bytes(data, length, 'version').toString('utf8')
  const version = parseVersion(text)
  return version !== null && version.minor >= bounds.min && version.minor <= bounds.max ? text : null
}

/** Bounds by the format of the pclntab, whether it lacks its text address, and functions that came and went. */
export function boundMinors(layout: PclntabLayout, textless: boolean, pclntab: Pclntab): { min: number; max: number } {
  let [min, max] = layout.minors
  if (textless) min = Math.max(min, 26)
  else if (max === NEWEST_MINOR) max = 25
  const present = pclntab.find(FINGERPRINTS.map(({ name }) => name))
  for (const { name, since, until } of FINGERPRINTS) {
    if (!present.has(name)) continue
    min = Math.max(min, since)
    if (until !== null) max = Math.min(max, until)
  }
  for (const { name, since, until } of FINGERPRINTS) {
    if (!present.has(name) && (until ?? max) >= max && since > min) max = Math.min(max, since - 1)
  }
  return min <= max ? { min, max } : { min: OLDEST_MINOR, max: NEWEST_MINOR }
}

/** `>=1.22 <1.24` for 22 to 23. */
export function rangeText({ min, max }: { min: number; max: number }): string {
  return `>=1.${min} <1.${max + 1}`
}
