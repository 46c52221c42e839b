/** Finding runtime.pclntab: by its section, else by its magic in the segments, and holding its header against the file. */
import { PremainError } from '../../errors'
import { Cursor, words } from '../cursor'
import type { Section } from '../elf'
import type { Memory } from '../memory'
import type { Relocations } from '../relocations'
import { PCLNTABS, type PclntabLayout } from './layouts'
import type { PclntabHeader } from './pclntab'

const SECTIONS = ['.gopclntab', '.data.rel.ro.gopclntab']
const HEADER = 72
/** More than ten times as many as the largest programs have. */
const MAX_FUNCTIONS = 1 << 21

/** So much for the names of the functions. */
const MAX_NAMES = 64 * 1024 * 1024

/** Candidates that a scan looks at closely; a file with more of them was made to waste time. */
const MAX_CANDIDATES = 8

/** What the search needs of the file. */
export interface PclntabSource {
  memory: Memory
  sections: readonly Section[]
  machine: string
  relocations: () => Relocations
}

/** The pclntab's header, or null where no part of the file holds one. */
export function locatePclntab(source: PclntabSource): PclntabHeader | null {
  const sections = source.sections.filter(({ name }) => SECTIONS.includes(name))
  for (const { address, size } of sections.slice(0, MAX_CANDIDATES)) {
    const header = parseHeader(source, address, size)
    if (header !== null) return header
  }
  return scan(source)
}

function scan(source: PclntabSource): PclntabHeader | null {
  let candidates = 0
  // The last seven bytes of every magic, with the two pad bytes, the machine's quantum and the pointer size.
  const needle = Buffer.from([0xff, 0xff, 0xff, 0, 0, source.machine === 'x86_64' ? 1 : 4, 8])
  for (const segment of source.memory.searchOrder) {
    for (const hit of source.memory.search(needle, segment)) {
      const header = parseHeader(source, hit - 1, Number.POSITIVE_INFINITY)
      if (header !== null) return header
      if (plausible(source, hit - 1) && ++candidates > MAX_CANDIDATES) return null
    }
  }
  return null
}

function plausible({ memory }: PclntabSource, address: number): boolean {
  return memory.available(address) > HEADER && layoutAt(memory, address) !== null
}

function layoutAt(memory: Memory, address: number): PclntabLayout | null {
  const magic = memory.u32(address, 'pclntab')
  return PCLNTABS.find((layout) => layout.magic === magic) ?? null
}

/** Null where the bytes at `address` are no pclntab; `size` bounds it where that is known. */
export function parseHeader(source: PclntabSource, address: number, size: number): PclntabHeader | null {
  try {
    return readHeader(source, address, size)
  } catch (error) {
    if (error instanceof PremainError && error.code === 'MALFORMED_ELF') return null
    throw error
  }
}

function readHeader(source: PclntabSource, address: number, limit: number): PclntabHeader | null {
  const { memory } = source
  const size = Math.min(limit, memory.available(address))
  if (address < 0 || size < HEADER) return null
  const layout = layoutAt(memory, address)
  const cursor = memory.cursor(address, HEADER, 'pclntab header')
  if (layout === null || cursor.u16(4) !== 0 || cursor.u8(7) !== 8) return null
  const count = cursor.u64(layout.header.count)
  if (count < 1 || count > MAX_FUNCTIONS || count * 2 * layout.word > size) return null
  const part = (word: number | null): number => (word === null ? 0 : cursor.u64(word))
  const { names, compileUnits, files, pcs, funcs, textStart } = layout.header
  if ([names, compileUnits, files, pcs, funcs].some((word) => part(word) >= size)) return null
  const functab = layout.header.functab === null ? address + part(funcs) : address + layout.header.functab
  const table = layout.word === 4 ? narrowTable(memory, functab, count) : wideTable(source, functab, count)
  if (table === null || !rises(table.words, count, size - part(funcs))) return null
  const namesSize = Math.min((compileUnits === null ? size : part(compileUnits)) - part(names), MAX_NAMES)
  if (namesSize <= 0) return null
  const fileTable = files === null ? cursorAfter(memory, functab, count) : part(files)
  return {
    layout,
    address,
    size,
    quantum: cursor.u8(6),
    count,
    textStart: textStart === null ? table.base : memory.pointer(address + textStart) || null,
    names: address + part(names),
    namesSize,
    compileUnits: compileUnits === null ? null : address + part(compileUnits),
    files: address + fileTable,
    pcs: address + part(pcs),
    funcs: address + part(funcs),
    table: table.words,
  }
}

/** From 1.18: 32-bit offsets from the text, as they stand in the file. */
function narrowTable(memory: Memory, functab: number, count: number): { base: null; words: Uint32Array } {
  return { base: null, words: words(memory.bytes(functab, (2 * count + 1) * 4, 'function table')) }
}

/** Up to 1.17: 64-bit addresses, which in a PIE are relocated. */
function wideTable(source: PclntabSource, functab: number, count: number): { base: number; words: Uint32Array } | null {
  const bytes = Buffer.from(source.memory.bytes(functab, (2 * count + 1) * 8, 'function table'))
  source.relocations().applyTo(bytes, functab)
  const cursor = new Cursor(bytes, 'function table')
  const base = cursor.u64(0)
  const table = new Uint32Array(2 * count + 1)
  for (let i = 0; i < table.length; i++) {
    const word = cursor.u64(8 * i) - (i % 2 === 0 ? base : 0)
    if (word < 0 || word > 0xffffffff) return null
    table[i] = word
  }
  return { base, words: table }
}

/** Up to 1.15 the offset of the file table follows the function table. */
function cursorAfter(memory: Memory, functab: number, count: number): number {
  return memory.u32(functab + (2 * count + 1) * 8, 'file table offset')
}

/** Entries and record offsets rise, and all records lie within `size`, 4-byte aligned. */
function rises(table: Uint32Array, count: number, size: number): boolean {
  let entry = 0
  let record = 0
  for (let i = 0; i < 2 * count; i += 2) {
    const nextEntry = table[i] as number
    const nextRecord = table[i + 1] as number
    if (nextEntry < entry || nextRecord <= record || nextRecord % 4 !== 0) return false
    entry = nextEntry
    record = nextRecord
  }
  return (table[2 * count] as number) >= entry && record < size
}
