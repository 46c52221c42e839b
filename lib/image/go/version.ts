/** Which Go built the program: as stated, as the runtime's own version string has it, or bounded by what it contains. */
import { PF_W } from '../elf'
import type { Memory } from '../memory'
import type { Relocations } from '../relocations'
import type { FileAddress, GoVersion, Pclntab } from '../types'
import { FINGERPRINTS, NEWEST_MINOR, OLDEST_MINOR, type PclntabLayout } from './layouts'

const LITERAL = /^go1(?:\.\d{1,3}){1,2}(?:(?:rc|beta)\d{1,2})?(?: X:[\w,]+)?$/
const LITERAL_START = /^go1\.\d/
const MAX_LENGTH = 64
const MAX_LITERALS = 256

/** `go1.26.4`, `go1.18`, `go1.27rc1 X:nodwarf5`, `devel go1.28-3a8f…`: as numbers, or null. */
export function parseVersion(text: string): GoVersion | null {
  const match = /^(?:devel )?go(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])/.exec(text)
  if (match === null) return null
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3] ?? 0) }
}

/** Where runtime.buildVersion is looked for. */
export interface BuildVersionQuery {
  memory: Memory
  relocations: () => Relocations
  /** What the version can be, by other facts. */
  bounds: { min: number; max: number }
  /** The variable's address where the symbol table has it, else null. */
  at: FileAddress | null
}

/**
 * The string that runtime.buildVersion holds, without its address: a string header in writable data that points at a
 * text such as `go1.25.7` of its length, within bounds. Null unless all such headers agree.
 */
export function findBuildVersion(query: BuildVersionQuery): string | null {
  if (query.at !== null) return textOf(query, query.at)
  const found = new Set<string>()
  let seen = 0
  for (const segment of query.memory.searchOrder) {
    for (const text of query.memory.search(Buffer.from('go1.'), segment)) {
      if (++seen > MAX_LITERALS) return null
      // Where no digit follows, or none of the text's headers is in the data, it is some other string.
      if (LITERAL_START.test(query.memory.read(text, 6).toString('latin1'))) collect(query, text, found)
    }
  }
  const [only] = found
  return found.size === 1 && only !== undefined ? only : null
}

function collect(query: BuildVersionQuery, text: number, found: Set<string>): void {
  const needle = Buffer.alloc(8)
  needle.writeBigUInt64LE(BigInt(text))
  const headers = [...query.relocations().holding(text)]
  for (const segment of query.memory.searchOrder) {
    if (segment.flags & PF_W) headers.push(...query.memory.search(needle, segment))
  }
  for (const header of headers) {
    const stated = header % 8 === 0 ? textOf(query, header) : null
    if (stated !== null) found.add(stated)
  }
}

/** The version that the string header at `header` holds, or null where it holds another text. */
function textOf({ memory, bounds }: BuildVersionQuery, header: number): string | null {
  const [data, length] = [memory.pointer(header), memory.word(header + 8)]
  if (data === null || length === null || length > MAX_LENGTH || memory.available(data) < length) return null
  const text = memory.bytes(data, length, 'version').toString('latin1')
  const version = LITERAL.test(text) ? parseVersion(text) : null
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
    if (!present.has(name) && until === null && since > min) max = Math.min(max, since - 1)
  }
  return min <= max ? { min, max } : { min: OLDEST_MINOR, max: NEWEST_MINOR }
}

/** `>=1.22 <1.24` for 22 to 23. */
export function rangeText({ min, max }: { min: number; max: number }): string {
  return `>=1.${min} <1.${max + 1}`
}
