/** What PT_DYNAMIC and PT_NOTE say. Source: the gABI's dynamic section; go cmd/link/internal/ld/elf.go for Go's note. */
import { PremainError } from '../errors'
import { Cursor, malformed } from './cursor'
import { type ElfHeaders, type ProgramHeader, PT_DYNAMIC, PT_NOTE, SHT_NOTE } from './elf'
import type { ProgramFile } from './file'
import type { Memory } from './memory'
import { appliedInPlace, Relocations, type SymbolValue } from './relocations'

const DT = { NULL: 0, NEEDED: 1, STRTAB: 5, SYMTAB: 6, RELA: 7, RELASZ: 8, STRSZ: 10, FLAGS_1: 0x6ffffffb } as const
const DF_1_PIE = 0x08000000

/** More entries than any dynamic section has. */
const MAX_ENTRIES = 65536
const MAX_NEEDED = 4096
const MAX_NOTES = 1024 * 1024
const MAX_NOTE_TABLES = 64
const MAX_NOTES_WALKED = 1024
const SYMBOL_SIZE = 24
const SHN_LORESERVE = 0xff00
const STB_GLOBAL = 1
const R_X86_64_GLOB_DAT = 6
const R_AARCH64_GLOB_DAT = 1025
const MAX_RELOCATIONS = 4 * 1024 * 1024

/** The dynamic section, as far as it matters here. */
export interface Dynamic {
  needed: string[]
  /** DF_1_PIE: the linker says that it is meant to be run. */
  pie: boolean
  /** DT_RELA's table, or null. */
  rela: { address: number; size: number } | null
  /** Where DT_SYMTAB's table begins, or null. */
  symbols: number | null
  /** DT_STRTAB's table, or null. */
  strings: { address: number; size: number } | null
}

/** Reads the dynamic section; what is not there is empty. */
export function readDynamic(file: ProgramFile, memory: Memory, programs: readonly ProgramHeader[]): Dynamic {
  const program = programs.find(({ type }) => type === PT_DYNAMIC)
  if (program === undefined) return { needed: [], pie: false, rela: null, symbols: null, strings: null }
  const size = Math.min(program.filesz - (program.filesz % 16), MAX_ENTRIES * 16)
  const cursor = new Cursor(file.bytes(program.offset, size), 'dynamic section')
  const values = new Map<number, number>()
  const needed: number[] = []
  for (let at = 0; at < size; at += 16) {
    const tag = cursor.u64OrNull(at)
    const value = cursor.u64OrNull(at + 8)
    if (tag === DT.NULL) break
    if (tag === null || value === null) continue
    if (tag === DT.NEEDED && needed.length < MAX_NEEDED) needed.push(value)
    else values.set(tag, value)
  }
  const rela = values.get(DT.RELA)
  const strings = values.get(DT.STRTAB)
  return {
    needed: needed.map((offset) => memory.cstring((values.get(DT.STRTAB) ?? 0) + offset) ?? ''),
    // A flags word above 2^53 does not exist; the division keeps bit 27 exact where `&` would cut to 32 bits.
    pie: Math.floor((values.get(DT.FLAGS_1) ?? 0) / DF_1_PIE) % 2 === 1,
    rela: rela === undefined ? null : { address: rela, size: values.get(DT.RELASZ) ?? 0 },
    symbols: values.get(DT.SYMTAB) ?? null,
    strings: strings === undefined ? null : { address: strings, size: values.get(DT.STRSZ) ?? 0 },
  }
}

/** Loads DT_RELA's table; {@link Relocations.none} where there is none, or where the file has its effect in place. */
export function readRelocations(memory: Memory, dynamic: Dynamic): Relocations {
  const { rela } = dynamic
  if (rela === null || rela.size < 24) return Relocations.none
  if (rela.size > MAX_RELOCATIONS * 24) throw malformed(`a relocation table of ${rela.size} bytes`)
  const table = memory.bytes(rela.address, rela.size - (rela.size % 24), 'relocation table')
  const symbolValue = definedSymbols(memory, dynamic)
  const inPlace = appliedInPlace(table, (address) => memory.word(address), symbolValue)
  return inPlace ? Relocations.none : Relocations.parse(table, symbolValue)
}

/**
 * st_value of each dynamic symbol that has a section of the file. The table has no stated size: linkers put the names
 * after it. Source: the gABI's symbol table.
 */
function definedSymbols(memory: Memory, { symbols, strings }: Dynamic): SymbolValue {
  const size = symbols === null || strings === null ? 0 : Math.min(strings.address - symbols, memory.available(symbols))
  if (symbols === null || size < SYMBOL_SIZE) return () => null
  let table: Cursor | null = null
  return (index) => {
    const at = index * SYMBOL_SIZE
    if (at + SYMBOL_SIZE > size) return null
    table ??= memory.cursor(symbols, size, 'dynamic symbols')
    const section = table.u32(at + 4) >>> 16
    return section === 0 || section >= SHN_LORESERVE ? null : table.u64OrNull(at + 8)
  }
}

/**
 * A word that holds 0 in the file and, once the dynamic linker is done, the address of a symbol of another object: of a
 * GLOB_DAT relocation, whose symbol is not weak. Null where there is none.
 */
export function importedWord(memory: Memory, { rela, symbols }: Dynamic): number | null {
  if (rela === null || symbols === null || rela.size > MAX_RELOCATIONS * 24) return null
  const table = memory.cursor(rela.address, rela.size - (rela.size % 24), 'relocation table')
  for (let at = 0; at < table.length; at += 24) {
    const type = table.u32(at + 8)
    const symbol = symbols + table.u32(at + 12) * SYMBOL_SIZE
    if ((type !== R_X86_64_GLOB_DAT && type !== R_AARCH64_GLOB_DAT) || memory.available(symbol) < SYMBOL_SIZE) continue
    // st_info, st_other and st_shndx
    const kind = memory.cursor(symbol, SYMBOL_SIZE, 'dynamic symbol').u32(4)
    const strong = ((kind >>> 4) & 15) === STB_GLOBAL && kind >>> 16 === 0
    const place = table.u64OrNull(at)
    if (strong && place !== null && memory.word(place) === 0) return place
  }
  return null
}

/** The build ids that the notes carry. */
export interface BuildIds {
  /** NT_GNU_BUILD_ID in hexadecimal digits. */
  gnu: string | null
  go: string | null
}

/**
 * Walks the PT_NOTE segments and the note sections: Go's linker leaves .note.gnu.build-id out of PT_NOTE. A note that does
 * not fit ends the walk of its segment or section.
 */
export function readBuildIds(file: ProgramFile, { programs, sections }: ElfHeaders): BuildIds {
  const ids: BuildIds = { gnu: null, go: null }
  const segments = programs
    .filter(({ type }) => type === PT_NOTE)
    .map(({ offset, filesz, align }) => ({ offset, size: filesz, align }))
  const noted = sections.filter(({ type }) => type === SHT_NOTE).map(({ offset, size }) => ({ offset, size, align: 4 }))
  for (const { offset, size, align } of [...segments, ...noted].slice(0, MAX_NOTE_TABLES)) {
    if (size > MAX_NOTES || offset + size > file.size) continue
    try {
      walkNotes(new Cursor(file.bytes(offset, size), 'notes'), align === 8 ? 8 : 4, ids)
    } catch (error) {
      if (!(error instanceof PremainError) || error.code !== 'MALFORMED_ELF') throw error
    }
  }
  return ids
}

function walkNotes(cursor: Cursor, align: number, ids: BuildIds): void {
  const padded = (size: number): number => Math.ceil(size / align) * align
  for (let at = 0, walked = 0; at + 12 <= cursor.length && walked < MAX_NOTES_WALKED; walked++) {
    const nameSize = cursor.u32(at)
    const size = cursor.u32(at + 4)
    const owner = cursor.slice(at + 12, nameSize).toString('latin1')
    const from = at + padded(12 + nameSize)
    const body = cursor.slice(from, size)
    if (owner === 'GNU\0' && cursor.u32(at + 8) === 3) ids.gnu ??= body.toString('hex')
    if (owner === 'Go\0\0' && cursor.u32(at + 8) === 4) ids.go ??= body.toString('utf8')
    at = from + padded(size)
  }
}
