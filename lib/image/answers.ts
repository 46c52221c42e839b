/** What was found out of a file, so that it need not be read for that again. */

/** Beyond so many, what is asked for is answered and forgotten. */
const MOST_ANSWERS = 32768

/** Answers by keys that say all they follow from, the file apart: plain data, as JSON holds it, never `undefined`. */
export class Answers {
  /** How many were added to those it was made of. */
  added = 0
  /** It was made of some. */
  readonly restored: boolean
  private readonly known: Map<string, unknown>

  constructor(entries: readonly [string, unknown][] = []) {
    this.restored = entries.length > 0
    this.known = new Map(entries)
  }

  /** The answer to a question; `find` is called where it is not known. */
  of<T>(key: string, find: () => T): T {
    const known = this.known.get(key)
    if (known !== undefined) return known as T
    const found = find()
    if (this.known.size < MOST_ANSWERS) {
      this.known.set(key, found)
      this.added++
    }
    return found
  }

  /** All of them, for {@link Answers.constructor}. */
  entries(): [string, unknown][] {
    return [...this.known]
  }
}
