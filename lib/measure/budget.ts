import { PremainError } from '../errors'
import { endsAtMain } from '../plan/catalogue'
import type { StepId } from '../plan/types'
import type { Baseline } from './baseline'
import { hasTime } from './judge'
import { hodgesLehmann, median, medianInterval } from './statistics'
import { failuresOf, NEVER, parseKey, type SubjectKey, seriesOf, unitOfKey, valuesOf } from './subject'
import type { BudgetResult, Interval, Measurement } from './types'
import { formatPercent, formatValue, parseDuration, parsePercent } from './units'

/** One budget, read. */
export interface Budget extends SubjectKey {
  /** As it was written. */
  text: string
  /** Absolute, in the key's unit, or relative to the baseline's median, as a ratio (0.1 for `+10%`). */
  limit: { absolute: number } | { relative: number }
}

/**
 * Reads `total.cpu=5ms`, `init:net/http.cpu=1ms`, `total.minorFaults=200` or `total.wall=+10%`.
 *
 * @throws PremainError `INVALID_OPTION`
 */
export function parseBudget(text: string): Budget {
  const at = text.lastIndexOf('=')
  if (at < 0) {
    throw new PremainError('INVALID_OPTION', `not a budget: ${JSON.stringify(text)}`, {
      hint: 'Write KEY=VALUE, such as total.cpu=5ms or total.wall=+10%.',
    })
  }
  const key = parseKey(text.slice(0, at).trim())
  const value = text.slice(at + 1).trim()
  const relative = parsePercent(value)
  if (relative !== null && relative > -1) {
    if (relative <= MOST_GROWTH) return { ...key, text, limit: { relative } }
    throw noLimit(value)
  }
  const absolute = unitOfKey(key) === 'ns' ? parseDuration(value) : parseCount(value)
  if (absolute >= NEVER / 2) throw noLimit(value)
  return { ...key, text, limit: { absolute } }
}

function noLimit(value: string): PremainError {
  return new PremainError('INVALID_OPTION', `${JSON.stringify(value)} is no limit: nothing could be beyond it`)
}

/** A hundredfold: what may grow without bound needs no budget. */
const MOST_GROWTH = 99

function parseCount(value: string): number {
  if (/^\d+$/.test(value)) return Number(value)
  throw new PremainError('INVALID_OPTION', `not a count: ${JSON.stringify(value)}`)
}

/** What relative budgets are held against. */
export interface Held {
  baseline: Baseline | null
  /** Where there is none yet, this measurement is to be the first. */
  begins?: boolean | undefined
}

/**
 * Judges a budget. It is kept when the whole confidence interval of the median lies within it, broken when the whole
 * interval lies above, and inconclusive between: a noisy machine neither breaks nor clears a budget. A launch that failed
 * counts as one that took longer than the limit.
 */
export function judgeBudget(budget: Budget, measurement: Measurement, { baseline, begins }: Held): BudgetResult {
  const unit = unitOfKey(budget)
  const found = seriesOf(measurement, budget)
  const result = {
    budget: budget.text,
    key: budget.key,
    unit,
    limit: 'absolute' in budget.limit ? budget.limit.absolute : null,
    median: found?.series.median ?? null,
    ci: found?.series.ci ?? null,
    file: found?.file ?? null,
    line: found?.line ?? null,
  }
  const nothing = whyNothing(budget, measurement)
  if (nothing) return { ...result, ...nothing }
  const values = valuesOf(measurement, budget)
  const judged =
    'relative' in budget.limit
      ? judgeRelative(budget, { values, measurement, baseline, begins })
      : verdict(medianInterval(values, measurement.settings.level), {
          limit: budget.limit.absolute,
          median: median(values),
          unit,
        })
  const failed = failuresOf(measurement, budget)
  const message =
    failed > 0 ? `${judged.message}; ${failed} of the launches failed, and count as longer` : judged.message
  return { ...result, ...judged, message }
}

/** The outcome where there is nothing to judge; null where there is. */
function whyNothing(budget: Budget, measurement: Measurement): Pick<BudgetResult, 'outcome' | 'message'> | null {
  const { scope, subject } = budget
  const { until } = measurement.settings
  const step = scope === 'step' ? measurement.steps.find(({ id }) => id === subject) : undefined
  const early = !endsAtMain(until)
  if (step && step.wallNs.count > 0 && !hasTime(step)) {
    if (early && !SHARED.has(step.id)) return { outcome: 'inconclusive', message: `launches end at ${until}` }
    return {
      outcome: 'pass',
      message: `step ${subject} has no time of its own: its stop is a neighbour’s, or the last`,
    }
  }
  if ((seriesOf(measurement, budget)?.series.count ?? 0) > 0) return null
  // Launches that failed count as longer than any limit, also where there are no others.
  if (scope === 'total' && failuresOf(measurement, budget) > 0) return null
  if (scope === 'init') {
    return early
      ? { outcome: 'inconclusive', message: `no init of ${subject} ran before ${until}, where launches end` }
      : { outcome: 'pass', message: `no init of ${subject} ran: the budget is kept without any cost` }
  }
  if (step?.status === 'not-applicable') return { outcome: 'pass', message: `the program has no step ${subject}` }
  return { outcome: 'inconclusive', message: 'no launch gave a figure for it' }
}

/** Steps that share the exec stop, wherever launches end. */
const SHARED: ReadonlySet<StepId> = new Set(['image', 'stack'])

interface Observed {
  limit: number
  median: number
  unit: 'ns' | 'count'
  /** The interval is that of the change from the limit. */
  relative?: boolean
}

function verdict(interval: Interval | null, observed: Observed): Pick<BudgetResult, 'outcome' | 'message'> {
  const { limit, relative = false } = observed
  const write = (value: number) => (Math.abs(value) < NEVER / 2 ? formatValue(observed.unit, value) : '∞')
  const signed = (value: number) => `${relative && value > 0 ? '+' : ''}${write(value)}`
  const words = `median ${write(observed.median)}, allowed ${write(limit)}`
  if (!interval) return { outcome: 'inconclusive', message: `${words}; too few samples for an interval` }
  const of = relative ? 'interval of the difference' : 'interval'
  const range = `${words}, ${interval.level * 100} % ${of} ${signed(interval.low)} to ${signed(interval.high)}`
  const most = relative ? 0 : limit
  if (interval.high <= most) return { outcome: 'pass', message: range }
  if (interval.low > most) return { outcome: 'fail', message: range }
  return { outcome: 'inconclusive', message: `${range} holds ${relative ? '0' : 'the limit'}` }
}

function judgeRelative(
  budget: Budget,
  context: Held & { values: number[]; measurement: Measurement },
): Pick<BudgetResult, 'outcome' | 'message' | 'limit'> {
  const { values, measurement, baseline, begins = false } = context
  const unit = unitOfKey(budget)
  const ratio = 'relative' in budget.limit ? budget.limit.relative : 0
  const saved = baseline?.latest(measurement)
  if (!saved) {
    if (begins && !baseline?.of(measurement).length) {
      return { outcome: 'pass', limit: null, message: 'no baseline yet: this run begins it' }
    }
    const others = 'the baseline comes from another program, host or other settings'
    return { outcome: 'inconclusive', limit: null, message: baseline?.entries.length ? others : 'no baseline yet' }
  }
  const before = saved.samples?.[budget.key]
  if (!before?.length) {
    const outcome = budget.scope === 'init' ? 'pass' : 'inconclusive'
    return { outcome, limit: null, message: `the baseline has no ${budget.key}` }
  }
  // Asked is whether the shift from (1 + ratio) times the baseline is above 0: both sides' scatter counts.
  const raised = before.map((value) => value * (1 + ratio))
  const interval = hodgesLehmann(raised, values, measurement.settings.level)?.interval ?? null
  const limit = median(raised)
  const known = median(before) > 0 && median(values) < NEVER / 2
  const change = known ? `${formatPercent(median(values) / median(before) - 1)}, ` : ''
  const judged = verdict(interval, { limit, median: median(values), unit, relative: true })
  return { ...judged, limit, message: `${change}${judged.message}` }
}
