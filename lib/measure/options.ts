import { PremainError } from '../errors'
import type { Aborting } from '../session/options'
import type { RunFigures } from '../trace/figures'
import type { Clock, Launch, MeasureSettings } from './types'

/** What one launch may be told: the options of `trace()` that matter here. */
export interface RunOptions {
  until: string
  inits: boolean
  /** Stop at the end only, so that no breakpoint is written before it. */
  only: boolean
  registers: false
  maps: false
  cwd?: string
  env?: Record<string, string>
  timeout: number
  signal?: Aborting
}

/** Launches a program once, as `trace()` does. The target is started at once. */
export type RunOnce = (file: string, args: readonly string[], options: RunOptions) => Promise<RunFigures>

/** What measuring needs from the rest of the world; tests give their own. */
export interface Machinery {
  runOnce: RunOnce
  /** Drops a file's clean pages from the page cache (posix_fadvise POSIX_FADV_DONTNEED), if the file is still there. */
  dropCache: (path: string) => void
  /** Has a file's pages in the page cache laid out anew, as reading it from front to end does; where it can. */
  reloadCache: (path: string, signal?: Aborting) => Promise<void>
}

/** A program with its arguments. */
export interface Program {
  file: string
  /** Default: none. */
  args?: readonly string[]
}

/** How far a measurement has come. */
export interface Progress {
  /** Launches made, of all kinds. */
  done: number
  total: number
  /** The launch that has just ended. */
  launch: Launch
}

/** Options of `measure()`. */
export interface MeasureOptions {
  /** Counted launches, at least 1; default 30. */
  runs?: number
  /** Launches before them that are not counted; default 3. Cold runs make at least one, to learn which files to drop. */
  warmup?: number
  /**
   * Drop the program's pages from the page cache before each counted launch, without privileges. Such launches stop at the
   * end only, since arming breakpoints would read the pages in: totals, and no figures for steps and inits. With `until`
   * they end at a step: the differences of medians are the steps' cold times. Default false.
   */
  cold?: boolean
  /** Launches with one stop, for the fault figures; default the lesser of `runs` and 10. Without effect when cold. */
  faultRuns?: number
  /** Bytes and allocations of each package's inits, from launches of their own under GODEBUG=inittrace=1; default false. */
  allocs?: boolean
  /** Ranks the packages and the critical chain; both clocks are always sampled. Default `wall`. */
  clock?: Clock
  /** End each launch at this step or Go symbol; default `main`. */
  until?: string
  /** Stop at every package init; default true. */
  inits?: boolean
  cwd?: string
  env?: Record<string, string>
  /** Milliseconds for each launch; default 0 = none. A launch that runs out of it is kept as failed. */
  timeout?: number
  /** Rejects with code `ABORTED`. */
  signal?: Aborting
  /** Level of the confidence intervals, between 0.5 and 1; default 0.95. */
  level?: number
  /** Called after each launch. */
  onProgress?: (progress: Progress) => void
}

/** The names of {@link MeasureOptions}. */
export const MEASURE_OPTIONS = [
  ...(['runs', 'warmup', 'cold', 'faultRuns', 'allocs', 'clock', 'until', 'inits'] as const),
  ...(['cwd', 'env', 'timeout', 'signal', 'level', 'onProgress'] as const),
] satisfies (keyof MeasureOptions)[]

/** Defaults filled in and checked. @throws PremainError `INVALID_OPTION` */
export function settingsOf(options: MeasureOptions, seed: number | null = null): MeasureSettings {
  const runs = wholeNumber('runs', options.runs ?? 30, 1)
  const cold = options.cold ?? false
  return {
    runs,
    warmup: Math.max(wholeNumber('warmup', options.warmup ?? 3, 0), cold ? 1 : 0),
    cold,
    faultRuns: cold ? runs : wholeNumber('faultRuns', options.faultRuns ?? Math.min(runs, 10), 0),
    allocs: options.allocs ?? false,
    clock: oneOf('clock', options.clock ?? 'wall', ['wall', 'cpu']),
    until: options.until ?? 'main',
    inits: options.inits ?? true,
    timeout: between('timeout', options.timeout ?? 0, [0, 2 ** 31 - 1]),
    level: between('level', options.level ?? 0.95, [0.5, 0.9999]),
    seed,
  }
}

/** @throws PremainError `INVALID_OPTION` unless `value` is an integer of at least `least` */
export function wholeNumber(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new PremainError('INVALID_OPTION', `${name} must be a whole number of at least ${least}, not ${value}`, {
    hint: `Give ${name} as digits, ${Math.max(least, 10)} for example.`,
  })
}

/** @throws PremainError `INVALID_OPTION` unless `value` is a number within the bounds, both included */
export function between(name: string, value: number, [least, most]: readonly [number, number]): number {
  if (value >= least && value <= most) return value
  throw new PremainError('INVALID_OPTION', `${name} must lie between ${least} and ${most}, not ${value}`, {
    hint: `Leave ${name} out for its default.`,
  })
}

/** @throws PremainError `INVALID_OPTION` unless `value` is one of the choices */
export function oneOf<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw new PremainError('INVALID_OPTION', `${name} must be ${choices.join(' or ')}, not ${JSON.stringify(value)}`, {
    hint: `Leave ${name} out for ${JSON.stringify(choices[0])}.`,
  })
}
