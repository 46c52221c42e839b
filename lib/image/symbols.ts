/** ELF symbols by exact name and by address, from .symtab or .dynsym. */
import { Cursor, words } from './cursor'
import { type Section, SHT_DYNSYM, SHT_SYMTAB } from './elf'
import type { ProgramFile } from './file'
import { NameMatcher } from './names'
import type { FileAddress } from './types'

const ENTRY = 24
const WORDS = ENTRY / 4
const CHUNK = ENTRY * 16384
/** More entries, and more bytes of their names, than any program has. */
const MAX_TABLE = ENTRY * 4 * 1024 * 1024
const MAX_STRINGS = 256 * 1024 * 1024

const STT_SECTION = 3
const STT_FILE = 4
const STT_TLS = 6

/** One symbol. */
export interface ElfSymbol {
  name: string
  address: FileAddress
  /** In bytes. */
  size: number
}

/** The symbols of a file, read by passes over the table; only the string table is held. */
export class SymbolTable {
  private strings: Buffer | null = null
  private last: { pc: number; symbol: ElfSymbol | null } | null = null

  private constructor(
    private readonly file: ProgramFile,
    private readonly table: Section,
    private readonly stringTable: Section,
  ) {}

  /** .symtab, else .dynsym; null where the file has neither, or where their sections lie outside the file or are too large. */
  static open(file: ProgramFile, sections: readonly Section[]): SymbolTable | null {
    for (const type of [SHT_SYMTAB, SHT_DYNSYM]) {
      const table = sections.find((section) => section.type === type && section.size >= 2 * ENTRY)
      const strings = table && sections[table.link]
      if (table === undefined || strings === undefined) continue
      const inFile = [table, strings].every(({ offset, size }) => offset + size <= file.size)
      if (table.size > MAX_TABLE || strings.size > MAX_STRINGS) continue
      if (inFile && table.entsize === ENTRY) return new SymbolTable(file, table, strings)
    }
    return null
  }

  /** True where this is the full symbol table, not .dynsym. */
  get full(): boolean {
    return this.table.type === SHT_SYMTAB
  }

  /** The defined symbols of these names, in one pass. Of two with one name the first counts. */
  find(names: readonly string[]): Map<string, { address: FileAddress; size: number }> {
    const found = new Map<string, { address: FileAddress; size: number }>()
    const matcher = new NameMatcher(names)
    const strings = this.loadStrings()
    for (const bytes of this.chunks()) {
      const cursor = new Cursor(bytes, 'symbol table')
      matcher.eachMatch(strings, words(bytes), {
        stride: WORDS,
        found: (index, name) => {
          const address = cursor.u64OrNull(index * ENTRY + 8)
          if (address === null || found.has(name) || !isNamed(bytes, index * ENTRY)) return
          found.set(name, { address: address as FileAddress, size: cursor.u64OrNull(index * ENTRY + 16) ?? 0 })
        },
      })
    }
    return found
  }

  /** The symbol whose extent holds `pc`: the nearest one that begins at or before it, or null. The last answer is kept. */
  at(pc: number): ElfSymbol | null {
    if (this.last?.pc !== pc) this.last = { pc, symbol: this.nearest(pc) }
    return this.last.symbol
  }

  private nearest(pc: number): ElfSymbol | null {
    let best: { name: number; address: number; size: number } | null = null
    for (const bytes of this.chunks()) {
      // Plain words: a table has hundreds of thousands of entries, and almost all of them end at the first comparison.
      const table = words(bytes)
      for (let i = 0; i + WORDS <= table.length; i += WORDS) {
        const address = (table[i + 3] as number) * 0x1_0000_0000 + (table[i + 2] as number)
        if (address > pc || address <= (best?.address ?? -1)) continue
        const size = (table[i + 5] as number) * 0x1_0000_0000 + (table[i + 4] as number)
        if ((pc !== address && pc >= address + size) || !isPlace(bytes, i * 4)) continue
        best = { name: table[i] as number, address, size }
      }
    }
    if (best === null || best.name === 0) return null
    const name = new Cursor(this.loadStrings(), 'symbol names').cstring(best.name)
    return { name, address: best.address as FileAddress, size: best.size }
  }

  private *chunks(): Generator<Buffer> {
    const total = this.table.size - (this.table.size % ENTRY)
    for (let from = 0; from < total; from += CHUNK) {
      yield this.file.bytes(this.table.offset + from, Math.min(CHUNK, total - from))
    }
  }

  private loadStrings(): Buffer {
    this.strings ??= this.file.bytes(this.stringTable.offset, this.stringTable.size)
    return this.strings
  }
}

/** A defined symbol that is neither a section nor a file. */
function isNamed(entry: Buffer, at: number): boolean {
  const kind = (entry[at + 4] as number) & 15
  const defined = entry[at + 6] !== 0 || entry[at + 7] !== 0
  return defined && kind !== STT_SECTION && kind !== STT_FILE
}

/** {@link isNamed} and at an address: the value of a TLS symbol is an offset. */
function isPlace(entry: Buffer, at: number): boolean {
  return isNamed(entry, at) && ((entry[at + 4] as number) & 15) !== STT_TLS
}
