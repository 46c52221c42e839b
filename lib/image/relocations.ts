/**
 * Relocations of DT_RELA that put an address of the file itself into a word: what a pointer will hold once the dynamic
 * linker, or the static-pie start-up, is done. RELATIVE says it outright; where a shared library exports its data, the
 * absolute kind names a symbol. DT_RELR needs no table: its addends lie in place, so a pointer under RELR already
 * reads as its value less the load bias.
 */
import { Cursor, malformed } from './cursor'

const ENTRY = 24
const R_X86_64_RELATIVE = 8
const R_AARCH64_RELATIVE = 1027
const R_X86_64_64 = 1
const R_AARCH64_ABS64 = 257

/** The value of a dynamic symbol that the file defines, by its index; null for any other. */
export type SymbolValue = (index: number) => number | null

const NO_SYMBOLS: SymbolValue = () => null

/** Values of one digit of {@link risingOrder}. */
const RADIX = 2048

/** How many entries are held against the file to see whether its linker wrote addends in place as well. */
const SAMPLES = 128

/**
 * True where the words that the table relocates already hold their addends: Go's linker and GNU ld write both, so that
 * nothing needs to be looked up; lld and mold leave zeros. A linker does one or the other, so a sample of entries, evenly
 * spread over the table, tells. `word` reads the file at an address.
 */
export function appliedInPlace(
  table: Buffer,
  word: (address: number) => number | null,
  symbolValue: SymbolValue = NO_SYMBOLS,
): boolean {
  const cursor = new Cursor(table, 'relocation table')
  const total = Math.floor(table.length / ENTRY)
  const step = Math.max(1, Math.floor(total / SAMPLES))
  for (let i = 0; i < total; i += step) {
    const entry = resolve(cursor, i * ENTRY, symbolValue)
    if (entry !== null && word(entry.place) !== entry.addend) return false
  }
  return true
}

/** The word that one entry writes, and what it writes there: an address of the file. Null for any other kind of entry. */
function resolve(cursor: Cursor, at: number, symbolValue: SymbolValue): { place: number; addend: number } | null {
  const base = baseOf(cursor.u32(at + 8), cursor.u32(at + 12), symbolValue)
  const place = cursor.u64OrNull(at)
  const addend = cursor.u64OrNull(at + 16)
  if (base === null || place === null || addend === null || base + addend > Number.MAX_SAFE_INTEGER) return null
  return { place, addend: base + addend }
}

function baseOf(type: number, symbol: number, symbolValue: SymbolValue): number | null {
  if (type === R_X86_64_RELATIVE || type === R_AARCH64_RELATIVE) return symbol === 0 ? 0 : null
  return type === R_X86_64_64 || type === R_AARCH64_ABS64 ? symbolValue(symbol) : null
}

/**
 * The indexes of `places` so that these rise, equal ones in their own order: by 11 bits a pass, as a comparison sort takes
 * seconds for the millions of entries that a table may claim.
 */
function risingOrder(places: Float64Array): Uint32Array {
  let order = Uint32Array.from(places, (_, i) => i)
  let next = new Uint32Array(order.length)
  const highest = places.reduce((most, place) => Math.max(most, place), 0)
  for (let unit = 1; unit <= highest; unit *= RADIX) {
    const digit = (index: number): number => Math.floor((places[index] as number) / unit) % RADIX
    const starts = new Uint32Array(RADIX + 1)
    for (const index of order) starts[digit(index) + 1] = (starts[digit(index) + 1] as number) + 1
    for (let i = 1; i < RADIX; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number)
    for (const index of order) {
      const at = digit(index)
      next[starts[at] as number] = index
      starts[at] = (starts[at] as number) + 1
    }
    ;[order, next] = [next, order]
  }
  return order
}

/** A sorted index from relocated addresses to addends; empty where every pointer can be read in place. */
export class Relocations {
  static readonly none = new Relocations(new Float64Array(0), new Float64Array(0))

  private constructor(
    private readonly places: Float64Array,
    private readonly addends: Float64Array,
  ) {}

  get count(): number {
    return this.places.length
  }

  /** Indexes a DT_RELA table. Its entries may come in any order; of two at one place the last counts. */
  static parse(table: Buffer, symbolValue: SymbolValue = NO_SYMBOLS): Relocations {
    const cursor = new Cursor(table, 'relocation table')
    const total = Math.floor(table.length / ENTRY)
    const places = new Float64Array(total)
    const addends = new Float64Array(total)
    let count = 0
    let sorted = true
    for (let i = 0, at = 0; i < total; i++, at += ENTRY) {
      const entry = resolve(cursor, at, symbolValue)
      if (entry === null) continue
      if (count > 0 && entry.place <= (places[count - 1] as number)) sorted = false
      places[count] = entry.place
      addends[count++] = entry.addend
    }
    const found = new Relocations(places.subarray(0, count), addends.subarray(0, count))
    return sorted ? found : found.sorted()
  }

  /** The addend at exactly this address, or null. */
  at(address: number): number | null {
    if (this.places.length === 0) return null
    const index = this.lowerBound(address)
    return this.places[index] === address ? (this.addends[index] as number) : null
  }

  /** The addresses that will hold `value`. */
  *holding(value: number): Generator<number> {
    for (let i = this.addends.indexOf(value); i >= 0; i = this.addends.indexOf(value, i + 1)) {
      yield this.places[i] as number
    }
  }

  /** Writes into `bytes`, which begin at `address`, the relocated 64-bit words that lie wholly inside. */
  applyTo(bytes: Buffer, address: number): void {
    const end = address + bytes.length - 8
    for (let i = this.lowerBound(address); i < this.places.length; i++) {
      const place = this.places[i] as number
      if (place > end) return
      bytes.writeBigUInt64LE(BigInt(this.addends[i] as number), place - address)
    }
  }

  private lowerBound(address: number): number {
    let low = 0
    let high = this.places.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.places[middle] as number) < address) low = middle + 1
      else high = middle
    }
    return low
  }

  private sorted(): Relocations {
    const { places, addends } = this
    if (places.length > 0x7fffffff) throw malformed('too many relocations')
    const order = risingOrder(places)
    const from = Float64Array.from(order, (i) => places[i] as number)
    const to = Float64Array.from(order, (i) => addends[i] as number)
    // Duplicates: the last one overwrites the earlier, and a lower-bound search finds the first.
    for (let i = from.length - 2; i >= 0; i--) if (from[i] === from[i + 1]) to[i] = to[i + 1] as number
    return new Relocations(from, to)
  }
}
