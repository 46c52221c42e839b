/** Finding a few wanted names among many NUL-terminated ones by their bytes, without making strings. */

/** A set of wanted names that a table's bytes are held against. */
export class NameMatcher {
  private readonly byHash = new Map<number, { name: string; bytes: Buffer }[]>()
  /** By their first two bytes, low byte first, whether a wanted name begins so: it rules most names out at once. */
  private readonly starts = new Uint8Array(65536)
  /** First four bytes, NULs after a shorter name's end, low byte first. */
  private readonly prefixes = new Set<number>()
  private readonly longest: number

  constructor(names: Iterable<string>) {
    let longest = 0
    for (const name of new Set(names)) {
      const bytes = Buffer.from(`${name}\0`, 'utf8')
      longest = Math.max(longest, bytes.length)
      const hash = hashOf(bytes, 0, bytes.length - 1)
      this.byHash.set(hash, [...(this.byHash.get(hash) ?? []), { name, bytes }])
      this.starts[(bytes[0] as number) | ((bytes[1] ?? 0) << 8)] = 1
      this.prefixes.add(prefixOf(bytes, 0))
    }
    this.longest = longest
  }

  /**
   * Calls `found` with the index and name of every offset at which a wanted name stands in `table`, its NUL included.
   * `stride` words lie from one offset to the next. Offsets outside the table match nothing.
   */
  eachMatch(table: Uint8Array, offsets: Uint32Array, options: MatchOptions): void {
    const { starts } = this
    const { stride, found } = options
    const last = table.length - 2
    // One plain loop without calls: it runs over every function of the program before the compiler has seen it.
    for (let i = 0; i < offsets.length; i += stride) {
      const at = offsets[i] as number
      if (at <= last && starts[(table[at] as number) | ((table[at + 1] as number) << 8)] === 1) {
        const name = this.nameAt(table, at)
        if (name !== null) found(i / stride, name)
      }
    }
  }

  private nameAt(table: Uint8Array, at: number): string | null {
    if (!this.prefixes.has(prefixOf(table, at))) return null
    const limit = Math.min(table.length, at + this.longest)
    let hash = FNV_BASIS
    let end = at
    for (; end < limit && table[end] !== 0; end++) hash = Math.imul(hash ^ (table[end] as number), FNV_PRIME)
    if (end === limit) return null
    for (const { name, bytes } of this.byHash.get(hash) ?? []) {
      if (bytes.length === end + 1 - at && bytes.equals(table.subarray(at, end + 1))) return name
    }
    return null
  }
}

/** How a table is walked. */
export interface MatchOptions {
  stride: number
  found: (index: number, name: string) => void
}

const FNV_BASIS = 0x811c9dc5 | 0
const FNV_PRIME = 0x01000193

/** Four bytes; what follows a NUL among them counts as NUL. */
function prefixOf(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes[at + 3] ?? 0]
  if (a === 0) return 0
  if (b === 0) return a
  return c === 0 ? a | (b << 8) : a | (b << 8) | (c << 16) | (d << 24)
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = FNV_BASIS
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME)
  return hash
}
