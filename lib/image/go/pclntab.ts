/** Go's function table, read through its index: names are compared as bytes and decoded one at a time when asked for. */
import { malformed } from '../cursor'
import type { Memory } from '../memory'
import { NameMatcher } from '../names'
import type { FileAddress, FunctionInfo, Pclntab, SourceFrame, SourceLine } from '../types'
import type { InlinedCall, InlineTrees } from './inline'
import type { PclntabLayout } from './layouts'
import { pcValue } from './pcvalue'

/** _func records read at a time. */
const WINDOW = 256 * 1024

/** So many names or fewer are looked for one by one. */
const FEW_NAMES = 4
const MAX_PLACES = 16
/** Longer than any name of a function, which may spell out the types of its instantiation. */
const MAX_NAME = 16384

/** A header whose numbers were found to fit the file, with all tables as addresses. */
export interface PclntabHeader {
  layout: PclntabLayout
  address: number
  /** Bytes from `address` to the end of the table, or of what can hold it. */
  size: number
  quantum: number
  count: number
  /** The base of the function table's program counters; null from 1.26 on, where only the module data has it. */
  textStart: number | null
  names: number
  namesSize: number
  compileUnits: number | null
  files: number
  pcs: number
  funcs: number
  /**
   * The function table in one form for all versions: 2 × count + 1 words; word 2i is function i's entry less the base,
   * word 2i+1 its record's offset from `funcs`, a multiple of 4, the last word the end of the text. Both rise.
   */
  table: Uint32Array
}

/** {@link Pclntab} over a verified header. `text` is what the table's program counters count from. */
export class GoPclntab implements Pclntab {
  readonly magic: number
  readonly address: FileAddress
  readonly count: number
  /** Set once the version is known, which says how they are written. */
  inlined: InlineTrees | null = null
  private nameTable: Buffer | null = null
  private nameOffsets: Uint32Array | null = null
  private readonly known = new Map<string, FileAddress[]>()

  constructor(
    private readonly memory: Memory,
    private readonly header: PclntabHeader,
    private readonly text: number,
  ) {
    this.magic = header.layout.magic
    this.address = header.address as FileAddress
    this.count = header.count
  }

  /** The first function's entry. */
  get low(): FileAddress {
    return this.entryOf(0)
  }

  /** The end of the last function. */
  get high(): FileAddress {
    return this.entryOf(this.count)
  }

  find(names: readonly string[]): Map<string, FileAddress[]> {
    const unknown = names.filter((name) => !this.known.has(name))
    if (unknown.length > 0) this.look(unknown)
    const found = new Map<string, FileAddress[]>()
    for (const name of names) {
      const entries = this.known.get(name)
      if (entries !== undefined && entries.length > 0) found.set(name, [...entries])
    }
    return found
  }

  *all(): Generator<FunctionInfo> {
    for (let i = 0; i < this.count; i++) yield this.functionOf(i)
  }

  functionAt(pc: FileAddress): FunctionInfo | null {
    const index = this.indexAt(pc)
    return index === null ? null : this.functionOf(index)
  }

  /** The function whose entry this is, or null: without a name's being read where it is none. */
  functionFrom(entry: FileAddress): FunctionInfo | null {
    const index = this.indexAt(entry)
    return index === null || this.entryOf(index) !== entry ? null : this.functionOf(index)
  }

  lineAt(pc: FileAddress): SourceLine | null {
    const index = this.indexAt(pc)
    if (index === null) return null
    const { pcfile, pcln } = this.header.layout.func
    const line = this.valueAt(index, pcln, pc)
    const file = this.fileName(index, this.valueAt(index, pcfile, pc))
    return line === null || line < 0 || file === null ? null : { file, line }
  }

  ownLineAt(pc: FileAddress): SourceLine | null {
    const calls = this.inlinedAt(pc)
    return this.lineAt(calls.at(-1)?.calledAt ?? pc)
  }

  framesAt(pc: FileAddress): SourceFrame[] {
    const within = this.functionAt(pc)
    if (within === null) return []
    const calls = this.inlinedAt(pc)
    const names = [...calls.map(({ name }) => name), within.name]
    return names.flatMap((name, depth) => {
      const line = this.lineAt(calls[depth - 1]?.calledAt ?? pc)
      return line === null ? [] : { name, inlined: depth < calls.length, ...line }
    })
  }

  startLine(entry: FileAddress): number | null {
    const { startLine } = this.header.layout.func
    const index = startLine === null ? null : this.indexAt(entry)
    if (startLine === null || index === null) return null
    const line = this.field(index, startLine)
    return line > 0 && line < 0x80000000 ? line : null
  }

  spDelta(pc: FileAddress): number | null {
    const index = this.indexAt(pc)
    return index === null ? null : this.valueAt(index, this.header.layout.func.pcsp, pc)
  }

  private inlinedAt(pc: FileAddress): InlinedCall[] {
    const index = this.indexAt(pc)
    if (index === null || this.inlined === null) return []
    const record = this.header.funcs + (this.header.table[2 * index + 1] as number)
    return this.inlined.at(pc, { record, entry: this.entryOf(index), end: this.entryOf(index + 1) })
  }

  /** Remembers the entries of `names`. */
  private look(names: readonly string[]): void {
    this.nameOffsets ??= this.loadNameOffsets()
    for (const name of names) this.known.set(name, [])
    const found = (index: number, name: string): void => void this.known.get(name)?.push(this.entryOf(index))
    if (names.length <= FEW_NAMES && names.every((name) => this.lookFor(name, found))) return
    for (const name of names) this.known.set(name, [])
    new NameMatcher(names).eachMatch(this.loadNames(), this.nameOffsets, { stride: 1, found })
  }

  /**
   * One name by native searches: in the names for its places, in the index for the functions that point there. False
   * where it stands at too many places for that, as the end of other names, or in a file made so.
   */
  private lookFor(name: string, found: (index: number, name: string) => void): boolean {
    const table = this.loadNames()
    const offsets = this.nameOffsets as Uint32Array
    const bytes = Buffer.from(`${name}\0`, 'utf8')
    let places = 0
    for (let at = table.indexOf(bytes); at >= 0; at = table.indexOf(bytes, at + 1)) {
      if (++places > MAX_PLACES) return false
      for (let i = offsets.indexOf(at); i >= 0; i = offsets.indexOf(at, i + 1)) found(i, name)
    }
    return true
  }

  /** One pass over the records by windows that only move forward, as their offsets rise. */
  private loadNameOffsets(): Uint32Array {
    const { table, funcs, layout, address, size } = this.header
    const offsets = new Uint32Array(this.count)
    const end = Math.floor((address + size - funcs) / 4) * 4
    const field = layout.func.name
    const window = new Uint32Array(WINDOW / 4)
    let from = 0
    let to = 0
    for (let i = 0; i < offsets.length; i++) {
      const wanted = (table[2 * i + 1] as number) + field
      if (wanted >= to) {
        from = wanted
        to = Math.min(from + WINDOW, end)
        this.memory.fill(new Uint8Array(window.buffer, 0, Math.max(0, to - from)), funcs + from, 'function records')
      }
      offsets[i] = window[(wanted - from) >>> 2] as number
    }
    return offsets
  }

  private loadNames(): Buffer {
    this.nameTable ??= this.memory.bytes(this.header.names, this.header.namesSize, 'function names')
    return this.nameTable
  }

  private entryOf(index: number): FileAddress {
    return (this.text + (this.header.table[2 * index] as number)) as FileAddress
  }

  private functionOf(index: number): FunctionInfo {
    return { name: this.nameOf(index), entry: this.entryOf(index), end: this.entryOf(index + 1) }
  }

  private nameOf(index: number): string {
    const offset = this.nameOffsets?.[index] ?? this.field(index, this.header.layout.func.name)
    const { names, namesSize } = this.header
    if (this.nameTable !== null) {
      const length = this.nameTable.subarray(offset, offset + MAX_NAME).indexOf(0)
      if (length >= 0) return this.nameTable.toString('utf8', offset, offset + length)
    }
    const name = offset < namesSize ? this.memory.cstring(names + offset, Math.min(MAX_NAME, namesSize - offset)) : null
    if (name === null) throw malformed('a function name lies outside the pclntab')
    return name
  }

  private indexAt(pc: number): number | null {
    const { table } = this.header
    const wanted = pc - this.text
    let low = 0
    let high = this.count
    if (!(wanted >= (table[0] as number) && wanted < (table[2 * high] as number))) return null
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((table[2 * middle] as number) <= wanted) low = middle
      else high = middle
    }
    return low
  }

  /** A 32-bit field of function `index`'s record. */
  private field(index: number, offset: number): number {
    const { table, funcs } = this.header
    const record = funcs + (table[2 * index + 1] as number)
    return this.memory.u32(record + offset, 'function record')
  }

  private valueAt(index: number, field: number, pc: number): number | null {
    const offset = this.field(index, field)
    if (offset === 0) return null
    const { pcs, quantum } = this.header
    return pcValue(this.memory, { table: pcs + offset, entry: this.entryOf(index), pc, quantum })
  }

  private fileName(index: number, number: number | null): string | null {
    if (number === null || number < 0) return null
    const { compileUnits, files, layout, address } = this.header
    const u32 = (at: number): number | null =>
      this.memory.available(at) >= 4 ? this.memory.u32(at, 'file table') : null
    if (compileUnits === null || layout.func.compileUnit === null) {
      const offset = u32(files + 4 * number)
      return offset === null ? null : this.memory.cstring(address + offset)
    }
    const offset = u32(compileUnits + 4 * (this.field(index, layout.func.compileUnit) + number))
    return offset === null || offset === 0xffffffff ? null : this.memory.cstring(files + offset)
  }
}
