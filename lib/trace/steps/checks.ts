/** What a step's evidence claims about its own facts. */
export interface Asserted {
  /** Every comparison held; null when none could be made. */
  asserted: boolean | null
  /** Those that did not hold, in words. */
  failures: string[]
}

/** Collects comparisons. One whose sides are not both known is not made. */
export class Checks {
  private made = 0
  private readonly failures: string[] = []

  equal<T>(label: string, left: T | null | undefined, right: T | null | undefined): this {
    if (left === null || left === undefined || right === null || right === undefined) return this
    return left === right ? this.holds(label, true) : this.holds(label, false, `${show(left)} is not ${show(right)}`)
  }

  holds(label: string, held: boolean | null, why = 'it does not hold'): this {
    if (held === null) return this
    this.made++
    if (!held) this.failures.push(`${label}: ${why}`)
    return this
  }

  result(): Asserted {
    return { asserted: this.made === 0 ? null : this.failures.length === 0, failures: this.failures }
  }
}

function show(value: unknown): string {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : String(value)
}
