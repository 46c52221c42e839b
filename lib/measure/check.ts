import { type ErrorCode, PremainError } from '../errors'
import { TOOL } from '../tool'
import { Baseline, readBaseline, writeBaseline } from './baseline'
import { type Budget, type Held, judgeBudget, parseBudget } from './budget'
import { judgeDrift } from './drift'
import { measureWith } from './measure'
import type { Machinery, MeasureOptions, Program } from './options'
import { endsAtEntry } from './summary'
import type { CheckResult, Comparison, Measurement } from './types'

/** Options of `check()`. */
export interface CheckOptions extends MeasureOptions {
  /** `KEY=VALUE` each, or an object of them; see `parseBudget`. */
  budgets?: readonly string[] | Readonly<Record<string, string>>
  /** A baseline file, for relative budgets and for drift. */
  baseline?: string
  /**
   * `save`: begin the baseline file anew with this measurement. `update`: add this measurement to its history, unless the
   * check failed or half of the launches did. Default: leave it alone.
   */
  write?: 'save' | 'update'
}

/** The names of those that `measure()` does not have. */
export const CHECK_OPTIONS = ['budgets', 'baseline', 'write'] satisfies (keyof CheckOptions)[]

/** Fewer than `measure()` makes: a check runs on every push. */
const DEFAULT_RUNS = 20

/** What drifts in every program; keys of budgets come on top. */
const DRIFT_KEYS = ['total.wall', 'total.cpu']

/**
 * Measures a program and judges it by budgets and by its baseline.
 *
 * @throws PremainError `INVALID_OPTION` for a budget, baseline or option without meaning; `EXITED_BEFORE_MAIN`, `TIMEOUT`
 *   or `EXEC_FAILED` when every launch failed; `UNSUPPORTED` for a program that is not Go's, unless the launches are to end
 *   at its entry point; those of `trace()`
 */
export async function checkWith(
  machinery: Machinery,
  program: Program,
  options: CheckOptions = {},
): Promise<CheckResult> {
  const budgets = budgetsOf(options)
  const baseline = await baselineOf(options, budgets)
  const measurement = await measureWith(machinery, program, { runs: DEFAULT_RUNS, ...options })
  const failure = failureOfAll(measurement) ?? noMain(measurement)
  if (failure) throw Object.assign(failure, { measurement })
  const held = { baseline: options.write === 'save' ? null : baseline, begins: options.write !== undefined }
  const result = judge(measurement, budgets, held)
  if (options.baseline === undefined) return result
  const worthy = result.outcome !== 'fail' && !mostlyFailed(measurement)
  const saved = options.write === 'save' || (options.write === 'update' && worthy)
  const history = options.write === 'save' ? new Baseline([]) : (baseline ?? new Baseline([]))
  const keys = budgets.map((budget) => budget.key)
  const after = saved ? history.with(measurement, keys) : history
  if (saved) await writeBaseline(options.baseline, after)
  return { ...result, baseline: { path: options.baseline, entries: after.entries.length, saved } }
}

/** Judges a measurement that is there already. Nothing is read, run or written. */
export function judge(measurement: Measurement, budgets: readonly Budget[], held: Held): CheckResult {
  const results = budgets.map((budget) => judgeBudget(budget, measurement, held))
  const { baseline } = held
  const keys = [...new Set([...DRIFT_KEYS, ...budgets.map((budget) => budget.key)])]
  const drift = baseline ? keys.flatMap((key) => judgeDrift(key, measurement, baseline) ?? []) : []
  const outcomes = new Set<CheckResult['outcome']>([...results, ...drift].map((entry) => entry.outcome))
  if (mostlyFailed(measurement)) outcomes.add('inconclusive')
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

/** What holds for the launches that came to their end is not what the program is like. */
function mostlyFailed({ counted }: Measurement): boolean {
  return counted.failed >= counted.ok
}

/** A program that has no main.main keeps every budget of it, and that says nothing. */
function noMain(measurement: Measurement): PremainError | null {
  if (!endsAtEntry(measurement)) return null
  const path = measurement.target?.path ?? 'the program'
  return new PremainError('UNSUPPORTED', `${path} has no main.main to come to: its launches ended at its entry point`, {
    hint: 'Check a Go program, not a script that starts it; or the way to the entry point alone: until entry (--until).',
  })
}

function budgetsOf(options: CheckOptions): Budget[] {
  const budgets = options.budgets ?? []
  if (typeof budgets !== 'object') {
    throw new PremainError('INVALID_OPTION', 'option budgets is neither an array nor an object', {
      hint: "budgets: ['total.cpu=5ms'], or { 'total.cpu': '5ms' }",
    })
  }
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
