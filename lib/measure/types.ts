/**
 * The public shapes of many runs: `premain.measurement/1` and `premain.comparison/1`, plain data and the single source of
 * their JSON Schemas. Times are integer nanoseconds unless a name says otherwise; medians of an even number of
 * samples may end in .5.
 */
import type { StepId } from '../plan/types'
import type { ErrorInfo, Host, Outcome, StepStatus, Target } from '../trace/types'

/** Which clock: wall time, or the CPU time of the target's process. */
export type Clock = 'wall' | 'cpu'

/** What is sampled. `wallNs` and `cpuNs` in nanoseconds, faults in counts. */
export type Metric = 'wallNs' | 'cpuNs' | 'minorFaults' | 'majorFaults'

/** An interval with the probability that it covers the true value. */
export interface Interval {
  low: number
  high: number
  /** The level asked for, such as 0.95; by order statistics the true coverage is at least this. */
  level: number
}

/** One metric over all counted launches of its kind. */
export interface Series {
  /**
   * The raw samples, in the order of the launches; entry i belongs to the launch whose `sample` is i. Null where that
   * launch did not pass here (an init that ran only sometimes).
   */
  samples: (number | null)[]
  /** How many samples are not null. The figures below are null when it is 0. */
  count: number
  median: number | null
  /** The 95th percentile, interpolated linearly between order statistics (numpy's default, R's type 7). */
  p95: number | null
  min: number | null
  max: number | null
  /** Median absolute deviation from the median, unscaled. */
  mad: number | null
  /** Confidence interval of the median by order statistics; null when there are too few samples for the level. */
  ci: Interval | null
}

/** One start of the program, whatever became of it. */
export interface Launch {
  /** 0-based, in the order in which the programs were started. */
  index: number
  /**
   * `warmup`: not counted. `run`: its times are the samples. `one-stop`: only stopped at the end, so that no breakpoint
   * was written before it; its faults are the samples of faults. `allocs`: with `GODEBUG=inittrace=1`.
   */
  kind: 'warmup' | 'run' | 'one-stop' | 'allocs'
  /** It came to the end that was asked for. */
  ok: boolean
  /** Index of its samples among those of its kind; null where it is not counted (a warm-up, a failure). */
  sample: number | null
  /** How it ended; null when it could not be started. */
  outcome: Outcome | null
  /** How the process ended by itself; null when premain ended it. */
  exit: null | { code: number | null; signal: string | null }
  error: ErrorInfo | null
  /** Stops of the tracer at which target and tracer were on different cores. */
  crossings: number
  stops: number
}

/** Totals from execve to the end of the trace. */
export interface TotalSeries {
  wallNs: Series
  /** CPU time, less the calibrated cost of the stops (`totals.cpuCorrectedNs` of the traces). */
  cpuNs: Series
  /** CPU time as the kernel counted it, the cost of the stops included. */
  cpuRawNs: Series
  /** Faults of the `one-stop` launches: writing breakpoints would take faults away from the target. */
  minorFaults: Series
  majorFaults: Series
}

/** One of the 17 steps over all counted launches. */
export interface StepSeries {
  index: number
  id: StepId
  title: string
  /**
   * The status in the counted launches; where they differ, the most frequent. Cold launches have no stop in most steps: these
   * are `not-applicable`.
   */
  status: StepStatus
  wallNs: Series
  /** Raw: the target's share of the stops (1.6 µs on one core) is in it. */
  cpuNs: Series
}

/** One package init function over all counted launches. Self times. */
export interface InitSeries {
  package: string
  function: string
  file: string | null
  line: number | null
  runtime: boolean
  /** Place in the order of running, 0-based, in the first launch that ran it. */
  order: number
  wallNs: Series
  cpuNs: Series
}

/** One package: the sum of its init functions, launch by launch. */
export interface PackageSeries {
  package: string
  runtime: boolean
  /** How many init functions of it ran; 0 where inits were not stopped at, and only `allocs` tells of it. */
  functions: number
  /** Place of its first init function in the order of running. */
  order: number
  wallNs: Series
  cpuNs: Series
  /** Its median time by the chosen clock, as a part of the median total. */
  share: number
  /** Heap use of its inits, where `allocs` was asked for and the runtime told. */
  allocs: PackageAllocs | null
}

/**
 * Heap use of a package's inits as the Go runtime reports it under `GODEBUG=inittrace=1`, in launches of their own that
 * were stopped at main only. Joined by package: the runtime prints one line for each.
 */
export interface PackageAllocs {
  /** Median over the launches. */
  bytes: number
  /** Median number of allocations. */
  allocs: number
  /** Median of the runtime's own clock for the package's inits, nanoseconds; it prints two digits. */
  clockNs: number
  launches: number
}

/** One link of the critical chain. */
export interface ChainLink {
  kind: 'step' | 'package'
  /** The step's id, or the package. */
  id: string
  /** Sum of the medians of what ran before it, by the chosen clock. */
  atNs: number
  /** Its median time, likewise. */
  timeNs: number
  /** As a part of the median total. */
  share: number
}

/** How the launches were made. */
export interface MeasureSettings {
  runs: number
  warmup: number
  /** The program's pages were dropped from the page cache before each counted launch. */
  cold: boolean
  /** How many one-stop launches the fault figures rest on. */
  faultRuns: number
  allocs: boolean
  /** By which clock packages are ranked and the critical chain is made. */
  clock: Clock
  until: string
  inits: boolean
  /** Milliseconds; 0 = none. */
  timeout: number
  /** Level of the confidence intervals. */
  level: number
  /** Seed of the run order, where programs were interleaved; else null. */
  seed: number | null
}

/** Many launches of one program. */
export interface Measurement {
  schema: 'premain.measurement/1'
  tool: { name: 'premain'; version: string }
  /** Of the first launch that could be started; null when none could. */
  target: Target | null
  host: Host | null
  /** ISO 8601. */
  startedAt: string
  /** Why there are no figures; null where at least one counted launch came to its end. */
  error: null | ErrorInfo
  settings: MeasureSettings
  /** Every launch, the failed ones too. */
  launches: Launch[]
  /** How many counted launches (`run`, or `one-stop` when cold) came to their end, and how many did not. */
  counted: { ok: number; failed: number }
  totals: TotalSeries
  /** Always 17; without samples where nothing was started, and in cold launches, which run through them. */
  steps: StepSeries[]
  /** Every init function that ran in any counted launch, in order. */
  inits: InitSeries[]
  /** The same by package, dearest first by the chosen clock: whom to blame. */
  packages: PackageSeries[]
  /**
   * Start-up runs on one thread, so all of it is critical; this is the shortest list of steps and packages, in order of
   * time, that makes up 80 % of the sum of the medians.
   */
  criticalChain: ChainLink[]
  /** What a reader must know to read the figures right. */
  notes: string[]
}

/** What a comparison says of one metric. */
export type Verdict = 'faster' | 'slower' | 'same' | 'inconclusive'

/** One metric of one subject, before against after. */
export interface Difference {
  scope: 'total' | 'step' | 'init'
  /** `total`, the step's id, or the package. */
  subject: string
  metric: Metric
  before: { count: number; median: number | null; mad: number | null }
  after: { count: number; median: number | null; mad: number | null }
  /** After less before; null where either has no samples. */
  medianDifference: number | null
  /** The same as a part of the median before; null also where that is 0. */
  relative: number | null
  /** Hodges–Lehmann estimate of the shift: the median of all differences after − before. */
  shift: number | null
  /** Distribution-free interval of the shift; null when there are too few samples. */
  shiftInterval: Interval | null
  /** Mann–Whitney U of `after`, and its two-sided p-value with ties and continuity, before correction. */
  mannWhitney: { u: number; p: number } | null
  /** Two-sample Kolmogorov–Smirnov statistic and its two-sided p-value, before correction. */
  kolmogorovSmirnov: { d: number; p: number } | null
  /** The Mann–Whitney p-value after Holm's correction over all tests of the comparison. */
  pAdjusted: number | null
  /** The distributions differ after correction (Kolmogorov–Smirnov), be it in place, spread or form. */
  shapeDiffers: boolean
  /** The smallest difference that counts here, in the metric's unit. */
  minEffect: number
  /** Where an init is in the source, for annotations; null for totals and steps. */
  file: string | null
  line: number | null
  verdict: Verdict
  /** Why, in words. */
  reason: string
}

/** How often launches failed. */
export interface FailureRate {
  failed: number
  launches: number
  rate: number
  /** Wilson score interval. */
  interval: Interval | null
}

/** One of two measurements that are compared. */
export interface ComparedSide {
  path: string | null
  argv: string[]
  /** Go's path of the main module. */
  module: string | null
  /** The revision that the program was built from, as it was named, and its commit; absent for other programs. */
  revision?: { name: string; commit: string }
  startedAt: string
  counted: { ok: number; failed: number }
}

/** Two measurements compared. */
export interface Comparison {
  schema: 'premain.comparison/1'
  tool: { name: 'premain'; version: string }
  before: ComparedSide
  after: ComparedSide
  settings: {
    /** The chance, over all tests together, that a difference is called where there is none. */
    alpha: number
    /** As a part of the median before. */
    minEffect: number
    /** Nanoseconds. */
    minEffectNs: number
    /** Runs were interleaved in random order under this seed; null for saved measurements. */
    seed: number | null
  }
  /** Slower if wall or CPU time of the total is; else faster if one is; same if both are; else inconclusive. */
  verdict: Verdict
  reason: string
  /** Why nothing was compared, such as that no launch of one side came to its end; null where it was. */
  error: null | ErrorInfo
  /** What about the two is unlike, so that no verdict can be given; empty when they are alike. */
  unlike: string[]
  /** Totals, then steps, then init packages in order. */
  differences: Difference[]
  /** Init packages that ran on one side only. */
  added: string[]
  removed: string[]
  failures: {
    before: FailureRate
    after: FailureRate
    /** Newcombe's interval of the difference of the rates, after − before, from the two Wilson intervals. */
    interval: Interval | null
    verdict: 'more' | 'fewer' | 'same' | 'inconclusive'
  }
  notes: string[]
}

/** One budget, judged. */
export interface BudgetResult {
  /** As it was written: `step:inits.cpu=2ms`. */
  budget: string
  /** The left side: `step:inits.cpu`. */
  key: string
  unit: 'ns' | 'count'
  outcome: 'pass' | 'fail' | 'inconclusive'
  /** What was allowed, in the unit; null where a baseline was needed and is missing. */
  limit: number | null
  median: number | null
  ci: Interval | null
  /** Where an init is in the source, for annotations. */
  file: string | null
  line: number | null
  /** In words. */
  message: string
}

/** A slow change against the history of a baseline. */
export interface DriftResult {
  key: string
  unit: 'ns' | 'count'
  outcome: 'pass' | 'fail'
  /** Median of the oldest entries. */
  reference: number
  /** Median of the newest entries, this run among them. */
  recent: number
  /** How far the recent median may lie above the reference. */
  allowance: number
  /** How many entries there were to judge by, this run included. */
  entries: number
  message: string
}

/** What `check` found. */
export interface CheckResult {
  schema: 'premain.check/1'
  tool: { name: 'premain'; version: string }
  /** `fail` when any budget or drift failed, else `inconclusive` when any was, else `pass`. */
  outcome: 'pass' | 'fail' | 'inconclusive'
  /** Why nothing was judged; null where it was. */
  error: null | ErrorInfo
  budgets: BudgetResult[]
  drift: DriftResult[]
  baseline: null | { path: string; entries: number; saved: boolean }
  measurement: Measurement
  notes: string[]
}
