/**
 * `premain/jest`: matchers for Jest and Vitest.
 *
 * Jest: `setupFilesAfterEnv: ['premain/jest']`. Vitest with `globals: true`: `setupFiles: ['premain/jest']`; without, in a
 * setup file: `import { expect } from 'vitest'; import { extend } from 'premain/jest'; extend(expect)`.
 */
import { type ExpectLike, matchersFor, type WithinOptions } from './matchers'
import type { StartOptions } from './subject'

export type { WithinOptions } from './matchers'
export type { Received, StartOptions } from './subject'

/**
 * What is added to `expect(path | Trace | Measurement)`. Every matcher returns a promise: await it. For that they are nothing to
 * put into `toEqual()` and the like.
 */
export interface PremainMatchers {
  /**
   * The upper end of the median's 95 % interval is within the budget. Where the interval holds the budget, or there are too
   * few runs for one, it fails as inconclusive, with `.not` too, and shows the spread. A Trace is judged as the one
   * run that it is.
   *
   * @param budget such as `5ms`
   */
  toReachMainWithin(budget: string, options?: WithinOptions): Promise<void>
  /** The program comes to main.main; every counted launch of a Measurement did. */
  toReachMain(options?: StartOptions): Promise<void>
  /** An init function of this package ran. */
  toHaveInit(name: string, options?: StartOptions): Promise<void>
  /** All inits of the first package ran before any of the second; both must be there. */
  toInitBefore(first: string, second: string, options?: StartOptions): Promise<void>
  /** The steps with their status and the inits, in order and without times, are as the snapshot has them. */
  toMatchLoadSnapshot(options?: StartOptions & { hint?: string }): Promise<void>
}

declare global {
  // Vitest's assertions take up this interface too.
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: an augmentation must repeat the type parameters as they are.
    interface Matchers<R, T = {}> extends PremainMatchers {}
  }
}

/** Adds the matchers to an `expect`: for Vitest without globals, and for `@jest/globals` without them. */
export function extend(expect: unknown): void {
  const target = expect as ExpectLike
  target.extend(matchersFor(() => target) as never)
}

/** The matchers by name, with the global `expect` for snapshots. */
export const matchers = matchersFor(() => (globalThis as unknown as { expect: ExpectLike }).expect)

const ambient = (globalThis as { expect?: { extend?: unknown } }).expect
if (typeof ambient?.extend === 'function') extend(ambient)
