/** Finding a few wanted names among many NUL-terminated ones by their bytes, without making strings. */

/** A set of wanted names that a table's bytes are held against. */
export class NameMatcher {
  private readonly byHash = new Map<number, { name: string; bytes: Buffer }[]>()
  /** First four bytes of the wanted names, or null where one is too short to have them. */
  private readonly prefixes: Set<number> | null
  private readonly longest: number

  constructor(names: Iterable<string>) {
    const prefixes = new Set<number>()
    let longest = 0
    let short = false
    for (const name of new Set(names)) {
      const bytes = Buffer.from(name, 'utf8')
      longest = Math.max(longest, bytes.length)
      const hash = hashOf(bytes, 0, bytes.length)
      this.byHash.set(hash, [...(this.byHash.get(hash) ?? []), { name, bytes }])
      if (bytes.length < 4) short = true
      else prefixes.add(bytes.readInt32LE(0))
    }
    this.longest = longest
    this.prefixes = short ? null : prefixes
  }

  /** The wanted name that stands at `at` in `table`, its NUL included, or null. */
  match(table: Buffer, at: number): string | null {
    if (this.prefixes !== null) {
      const prefix =
        (table[at] as number) |
        ((table[at + 1] as number) << 8) |
        ((table[at + 2] as number) << 16) |
        ((table[at + 3] as number) << 24)
      if (!this.prefixes.has(prefix)) return null
    }
    const end = this.endOf(table, at)
    if (end < 0) return null
    for (const wanted of this.byHash.get(hashOf(table, at, end)) ?? []) {
      if (wanted.bytes.length === end - at && wanted.bytes.compare(table, at, end) === 0) return wanted.name
    }
    return null
  }

  private endOf(table: Buffer, at: number): number {
    const limit = Math.min(table.length, at + this.longest + 1)
    for (let end = at; end < limit; end++) if (table[end] === 0) return end
    return -1
  }
}

/** FNV-1a. */
function hashOf(bytes: Buffer, from: number, to: number): number {
  let hash = 0x811c9dc5 | 0
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash
}
