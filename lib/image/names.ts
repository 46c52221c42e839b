/** Finding a few wanted names among many NUL-terminated ones by their bytes, without making strings. */

/** Where names of the package `runtime` begin to differ: most of the wanted ones, and of a small program's. */
const BEHIND_PACKAGE = 'runtime.'.length

/** A wanted name goes on behind these two bytes, or may end with them or before. */
const GOES_ON = 1
const MAY_END = 2

/** A set of wanted names that a table's bytes are held against. */
export class NameMatcher {
  private readonly byHash = new Map<number, { name: string; bytes: Buffer }[]>()
  /** By their first two bytes, low byte first, whether a wanted name begins so: it rules most names out at once. */
  private readonly starts = new Uint8Array(65536)
  /** The same of the two bytes at {@link BEHIND_PACKAGE}, and of the two behind: they rule most of the runtime's names out. */
  private readonly middles = new Uint8Array(65536)
  private readonly ends = new Uint8Array(65536)
  private readonly longest: number

  constructor(names: Iterable<string>) {
    let longest = 0
    for (const name of new Set(names)) {
      const bytes = Buffer.from(`${name}\0`, 'utf8')
      longest = Math.max(longest, bytes.length)
      const hash = hashOf(bytes, 0, bytes.length - 1)
      this.byHash.set(hash, [...(this.byHash.get(hash) ?? []), { name, bytes }])
      this.starts[(bytes[0] as number) | ((bytes[1] ?? 0) << 8)] = 1
      const [first, second, third, fourth] = bytes.subarray(BEHIND_PACKAGE)
      // behind a shorter name may stand whatever there is
      if (first === undefined || second === undefined) {
        this.middles.fill(MAY_END)
        continue
      }
      const middle = first | (second << 8)
      if (third === undefined || fourth === undefined) this.middles[middle] = MAY_END
      else {
        this.middles[middle] ||= GOES_ON
        this.ends[third | (fourth << 8)] = 1
      }
    }
    this.longest = longest
  }

  /**
   * Calls `found` with the index and name of every offset at which a wanted name stands in `table`, its NUL included.
   * `stride` words lie from one offset to the next. Offsets outside the table match nothing.
   */
  eachMatch(table: Uint8Array, offsets: Uint32Array, options: MatchOptions): void {
    const { starts, middles, ends } = this
    const { stride, found } = options
    const last = table.length - 2
    // One plain loop without calls: it runs over every function of the program before the compiler has seen it.
    for (let i = 0; i < offsets.length; i += stride) {
      const at = offsets[i] as number
      if (at > last || starts[(table[at] as number) | ((table[at + 1] as number) << 8)] === 0) continue
      const behind = at + BEHIND_PACKAGE
      const middle = middles[(table[behind] as number) | ((table[behind + 1] as number) << 8)]
      if (
        middle === MAY_END ||
        (middle === GOES_ON && ends[(table[behind + 2] as number) | ((table[behind + 3] as number) << 8)] === 1)
      ) {
        const name = this.nameAt(table, at)
        if (name !== null) found(i / stride, name)
      }
    }
  }

  private nameAt(table: Uint8Array, at: number): string | null {
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

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = FNV_BASIS
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME)
  return hash
}
