import { type ErrorCode, PremainError } from '../errors'
import { TOOL } from '../tool'
import { Baseline, readBaseline, writeBaseline } from './baseline'
import { type Budget, judgeBudget, parseBudget } from './budget'
import { judgeDrift } from './drift'
import { measureWith } from './measure'
import type { Machinery, MeasureOptions, Program } from './options'
import type { CheckResult, Comparison, Measurement } from './types'

/** Options of `check()`. */
export interface CheckOptions extends MeasureOptions {
  /** `KEY=VALUE` each, or an object of them; see `parseBudget`. */
  budgets?: readonly string[] | Readonly<Record<string, string>>
  /** A baseline file, for relative budgets and for drift. */
  baseline?: string
  /**
   * `save`: begin the baseline file anew with this measurement. `update`: add this measurement to its history, unless the
   * check failed. Default: leave it alone.
   */
  write?: 'save' | 'update'
}

/** Fewer than `measure()` makes: a check runs on every push. */
const DEFAULT_RUNS = 20

/** What drifts in every program; keys of budgets come on top. */
const DRIFT_KEYS = ['total.wall', 'total.cpu']

/**
 * Measures a program and judges it by budgets and by its baseline.
 *
 * @throws PremainError `INVALID_OPTION` for a budget, baseline or option without meaning; `EXITED_BEFORE_MAIN`, `TIMEOUT`
 *   or `EXEC_FAILED` when every launch failed; those of `trace()`
 */
export async function checkWith(
  machinery: Machinery,
  program: Program,
  options: CheckOptions = {},
): Promise<CheckResult> {
  const budgets = budgetsOf(options)
  const baseline = await baselineOf(options, budgets)
  const measurement = await measureWith(machinery, program, { runs: DEFAULT_RUNS, ...options })
  const failure = failureOfAll(measurement)
  if (failure) throw failure
  const result = judge(measurement, budgets, options.write === 'save' ? null : baseline)
  if (options.baseline === undefined) return result
  const saved = options.write === 'save' || (options.write === 'update' && result.outcome !== 'fail')
  const history = options.write === 'save' ? new Baseline([]) : (baseline ?? new Baseline([]))
  const keys = budgets.map((budget) => budget.key)
  const after = saved ? history.with(measurement, keys) : history
  if (saved) await writeBaseline(options.baseline, after)
  return { ...result, baseline: { path: options.baseline, entries: after.entries.length, saved } }
}

/** Judges a measurement that is there already. Nothing is read, run or written. */
export function judge(measurement: Measurement, budgets: readonly Budget[], baseline: Baseline | null): CheckResult {
  const results = budgets.map((budget) => judgeBudget(budget, measurement, baseline))
  const keys = [...new Set([...DRIFT_KEYS, ...budgets.map((budget) => budget.key)])]
  const drift = baseline ? keys.flatMap((key) => judgeDrift(key, measurement, baseline) ?? []) : []
  const outcomes = new Set([...results, ...drift].map((entry) => entry.outcome))
  return {
    schema: 'premain.check/1',
    tool: TOOL,
    outcome: outcomes.has('fail') ? 'fail' : outcomes.has('inconclusive') ? 'inconclusive' : 'pass',
    error: null,
    budgets: results,
    drift,
    baseline: null,
    measurement,
    notes: [
      ...results.filter((entry) => entry.median === null).map((entry) => `${entry.budget}: ${entry.message}.`),
      ...measurement.notes,
    ],
  }
}

function budgetsOf(options: CheckOptions): Budget[] {
  const { budgets = [] } = options
  const texts: readonly string[] = Array.isArray(budgets)
    ? budgets
    : Object.entries(budgets).map(([key, value]) => `${key}=${value}`)
  const parsed = texts.map(parseBudget)
  for (const { scope, text } of parsed) {
    if (options.cold && scope !== 'total') {
      throw new PremainError('INVALID_OPTION', `${text}: cold launches have no figures of steps and inits`, {
        hint: 'Budget the total, or check without --cold.',
      })
    }
    if (options.inits === false && scope === 'init') {
      throw new PremainError('INVALID_OPTION', `${text}: inits are not traced`, { hint: 'Leave --no-inits out.' })
    }
  }
  return parsed
}

async function baselineOf(options: CheckOptions, budgets: readonly Budget[]): Promise<Baseline | null> {
  const baseline = options.baseline === undefined ? null : await readBaseline(options.baseline)
  if (baseline || options.write) {
    if (options.baseline !== undefined) return baseline
    throw new PremainError('INVALID_OPTION', 'no baseline file to write to', { hint: 'Name one: --baseline FILE.' })
  }
  if (options.baseline !== undefined) {
    throw new PremainError('INVALID_OPTION', `no baseline at ${options.baseline}`, {
      hint: 'Make one: --save-baseline.',
    })
  }
  const relative = budgets.find((budget) => 'relative' in budget.limit)
  if (relative) {
    throw new PremainError('INVALID_OPTION', `${relative.text} needs a baseline`, {
      hint: 'Name one: --baseline FILE.',
    })
  }
  return null
}

/** The error of a document without figures. */
export function failureOfAll({ error }: Pick<Measurement | Comparison, 'error'>): PremainError | null {
  if (!error) return null
  const { code, message, ...details } = error
  return new PremainError(code as ErrorCode, message, details)
}
