import { hodgesLehmann, holm, kolmogorovSmirnov, mannWhitney, newcombe, wilson } from './statistics'
import type { ComparedSide, Comparison, Difference, FailureRate, Metric, Series } from './types'
import { formatDuration, formatPercent, formatValue } from './units'

/** One metric of one subject, about to be judged. */
export interface Judged {
  scope: Difference['scope']
  subject: string
  metric: Metric
  before: Series
  after: Series
  /** Where an init is in the source. */
  file?: string | null
  line?: number | null
}

/** By what to judge. */
export interface Rules {
  alpha: number
  minEffect: number
  minEffectNs: number
  /** The two cannot be compared: figures are given, and no verdict. */
  unlike: boolean
}

/**
 * How the chance of a false call is shared among the scopes (Bonferroni), before Holm's correction within each: hundreds of
 * inits must not cost the totals their power.
 */
const SHARES: Readonly<Record<Difference['scope'], number>> = { total: 0.5, step: 0.25, init: 0.25 }

/** The unit of a metric's values. */
export function unitOf(metric: Metric): 'ns' | 'count' {
  return metric.endsWith('Ns') ? 'ns' : 'count'
}

/** Steps that share a stop with their neighbour have no time of their own, in any launch. */
export function hasTime({ wallNs, cpuNs }: { wallNs: Series; cpuNs: Series }): boolean {
  return wallNs.max !== 0 || cpuNs.max !== 0
}

/** `step inits, CPU time`: what a difference is about, in words. */
export function label({ scope, subject, metric }: Pick<Difference, 'scope' | 'subject' | 'metric'>): string {
  const words = { wallNs: 'wall time', cpuNs: 'CPU time', minorFaults: 'minor faults', majorFaults: 'major faults' }
  return `${scope === 'total' ? 'total' : `${scope} ${subject}`}, ${words[metric]}`
}

/** Digits of a commit that are shown. */
const SHORT_COMMIT = 10

/** The revision, where the program is but a copy that was built from it; and the arguments. */
export function sideName({ path, argv, revision }: ComparedSide): string {
  if (revision === undefined) return argv.join(' ') || path || '?'
  return [revision.name, `(${revision.commit.slice(0, SHORT_COMMIT)})`, ...argv.slice(1)].join(' ')
}

/** Judges all pairs together; those that neither side passed are left out. */
export function judgeAll(pairs: readonly Judged[], rules: Rules): Difference[] {
  const tested = pairs
    .filter((pair) => pair.before.count + pair.after.count > 0)
    .map((pair) => ({ pair, ...test(pair, rules.alpha) }))
  for (const scope of ['total', 'step', 'init'] as const) correct(tested.filter((entry) => entry.pair.scope === scope))
  return tested.map((entry) => describe(entry, rules))
}

interface Tested {
  pair: Judged
  mannWhitney: Difference['mannWhitney']
  kolmogorovSmirnov: Difference['kolmogorovSmirnov']
  shift: ReturnType<typeof hodgesLehmann>
  /** Corrected p-values; null where there was nothing to test. */
  place: number | null
  form: number | null
}

function valuesOf(series: Series): number[] {
  return series.samples.filter((value): value is number => value !== null)
}

function test(pair: Judged, alpha: number): Omit<Tested, 'pair'> {
  const [before, after] = [valuesOf(pair.before), valuesOf(pair.after)]
  return {
    mannWhitney: mannWhitney(before, after),
    kolmogorovSmirnov: kolmogorovSmirnov(before, after),
    shift: hodgesLehmann(before, after, 1 - alpha),
    place: null,
    form: null,
  }
}

/** Corrects the p-values of one scope, both tests of each pair together. */
function correct(scope: Tested[]): void {
  const present = scope.filter((entry) => entry.mannWhitney && entry.kolmogorovSmirnov)
  const adjusted = holm(present.flatMap((entry) => [entry.mannWhitney!.p, entry.kolmogorovSmirnov!.p]))
  present.forEach((entry, at) => {
    const share = SHARES[entry.pair.scope]
    entry.place = Math.min(1, adjusted[2 * at]! / share)
    entry.form = Math.min(1, adjusted[2 * at + 1]! / share)
  })
}

function describe(tested: Tested, rules: Rules): Difference {
  const { pair, shift } = tested
  const { before, after } = pair
  const floor = unitOf(pair.metric) === 'ns' ? rules.minEffectNs : 1
  const minEffect = Math.max(rules.minEffect * (before.median ?? 0), floor)
  const medianDifference = before.median === null || after.median === null ? null : after.median - before.median
  return {
    scope: pair.scope,
    subject: pair.subject,
    metric: pair.metric,
    before: { count: before.count, median: before.median, mad: before.mad },
    after: { count: after.count, median: after.median, mad: after.mad },
    medianDifference,
    relative: before.median && medianDifference !== null ? medianDifference / before.median : null,
    shift: shift?.shift ?? null,
    shiftInterval: shift?.interval ?? null,
    mannWhitney: tested.mannWhitney,
    kolmogorovSmirnov: tested.kolmogorovSmirnov,
    pAdjusted: tested.place,
    shapeDiffers: tested.form !== null && tested.form < rules.alpha,
    minEffect,
    file: pair.file ?? null,
    line: pair.line ?? null,
    ...verdictOn(tested, minEffect, rules),
  }
}

/** The shift in words: `+3.1 % (+310 µs)`. */
function shiftInWords({ pair, shift }: Tested): string {
  const value = shift?.shift ?? 0
  const text = `${value >= 0 ? '+' : ''}${formatValue(unitOf(pair.metric), value)}`
  return pair.before.median ? `${formatPercent(value / pair.before.median)} (${text})` : text
}

function verdictOn(tested: Tested, minEffect: number, rules: Rules): Pick<Difference, 'verdict' | 'reason'> {
  const { pair, shift, place } = tested
  if (rules.unlike) return { verdict: 'inconclusive', reason: 'the two are not comparable' }
  if (!shift || place === null) {
    return { verdict: 'inconclusive', reason: `sampled only ${pair.before.count > 0 ? 'before' : 'after'}` }
  }
  const words = shiftInWords(tested)
  if (place < rules.alpha && Math.abs(shift.shift) >= minEffect) {
    return { verdict: shift.shift > 0 ? 'slower' : 'faster', reason: `shifted by ${words}` }
  }
  const { interval } = shift
  if (!interval) return { verdict: 'inconclusive', reason: 'too few samples for an interval' }
  const unit = unitOf(pair.metric)
  const least = unit === 'ns' ? formatDuration(minEffect) : formatValue(unit, minEffect)
  if (interval.low >= -minEffect && interval.high <= minEffect) {
    return { verdict: 'same', reason: `any shift is smaller than ${least}` }
  }
  const range = `${formatValue(unit, interval.low)} to ${formatValue(unit, interval.high)}`
  const oneSided = interval.low > minEffect || interval.high < -minEffect
  const found = oneSided ? `looks like ${range}, but so few runs may differ by chance` : `may be anything from ${range}`
  return { verdict: 'inconclusive', reason: `the shift ${found}; more runs would tell` }
}

/** Compares how often launches failed. */
export function failureRates(
  before: { ok: number; failed: number },
  after: { ok: number; failed: number },
  alpha: number,
): Comparison['failures'] {
  const rates = { before: failureRate(before, 1 - alpha), after: failureRate(after, 1 - alpha) }
  const interval = newcombe(
    { count: before.failed, trials: rates.before.launches },
    { count: after.failed, trials: rates.after.launches },
    1 - alpha,
  )
  return { ...rates, interval, verdict: failureVerdict(rates, interval) }
}

function failureRate({ ok, failed }: { ok: number; failed: number }, level: number): FailureRate {
  const launches = ok + failed
  return { failed, launches, rate: launches > 0 ? failed / launches : 0, interval: wilson(failed, launches, level) }
}

function failureVerdict(
  { before, after }: { before: FailureRate; after: FailureRate },
  interval: Comparison['failures']['interval'],
): Comparison['failures']['verdict'] {
  if (!interval) return 'inconclusive'
  if (interval.low > 0) return 'more'
  if (interval.high < 0) return 'fewer'
  return before.rate === after.rate ? 'same' : 'inconclusive'
}
