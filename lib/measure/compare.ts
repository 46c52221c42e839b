import { checkNames } from '../session/options'
import { TOOL } from '../tool'
import type { Host } from '../trace/types'
import { failureRates, hasTime, type Judged, judgeAll, label } from './judge'
import { between } from './options'
import { expectMeasurement } from './saved'
import { placeOf } from './subject'
import { endName, endsAtEntry } from './summary'
import type { Comparison, Difference, Measurement, MeasureSettings, Metric, Series } from './types'

/** Options of `compare()`. */
export interface CompareOptions {
  /** The chance, over all tests together, that a difference is called where there is none; default 0.05. */
  alpha?: number
  /** A smaller difference than this part of the median before is never called; default 0.02. */
  minEffect?: number
  /** A smaller difference in time than this many nanoseconds is never called; default 2000: the scatter of a stop. */
  minEffectNs?: number
}

/** The names of {@link CompareOptions}. */
export const COMPARE_OPTIONS = ['alpha', 'minEffect', 'minEffectNs'] satisfies (keyof CompareOptions)[]

const NAMES: ReadonlySet<string> = new Set(COMPARE_OPTIONS)

/** Which facts of the host must be alike for two measurements to be comparable. */
const HOST_FACTS: readonly (keyof Host)[] = ['kernel', 'arch', 'cpu', 'cpus', 'virtualization', 'container', 'libc']

/** Which settings must be alike. */
const SETTINGS: readonly (keyof MeasureSettings)[] = ['cold', 'until', 'inits']

/** What is unlike about two hosts, in words; empty when they are alike. */
export function unlikeHosts(before: Host | null, after: Host | null): string[] {
  if (!before || !after) return []
  return HOST_FACTS.filter((fact) => before[fact] !== after[fact]).map(
    (fact) => `host ${fact}: ${before[fact] ?? 'none'} before, ${after[fact] ?? 'none'} after`,
  )
}

/**
 * Compares two measurements: totals, the 17 steps and the init packages, on both clocks, and the total's faults.
 *
 * No verdict rests on a p-value alone: `slower` and `faster` need a difference that is significant after Holm's correction
 * over all tests and larger than the minimum effect; `same` needs an interval of the shift that leaves no room for such
 * a difference; all else is `inconclusive`.
 *
 * @throws PremainError `INVALID_OPTION`
 */
export function compare(before: Measurement, after: Measurement, options: CompareOptions = {}): Comparison {
  checkNames(options, NAMES)
  expectMeasurement('before', before)
  expectMeasurement('after', after)
  const settings = {
    alpha: between('alpha', options.alpha ?? 0.05, [1e-6, 0.5]),
    minEffect: between('minEffect', options.minEffect ?? 0.02, [0, 10]),
    minEffectNs: between('minEffectNs', options.minEffectNs ?? 2000, [0, 1e12]),
    seed: before.settings.seed !== null && before.settings.seed === after.settings.seed ? before.settings.seed : null,
  }
  const unlike = [
    ...unlikeHosts(before.host, after.host),
    ...unlikeSettings(before.settings, after.settings),
    ...unlikeEnds(before, after),
  ]
  const differences = judgeAll(pairs(before, after), { ...settings, unlike: unlike.length > 0 })
  const packages = { before: names(before), after: names(after) }
  return {
    schema: 'premain.comparison/1',
    tool: TOOL,
    before: sideOf(before),
    after: sideOf(after),
    settings,
    ...overall(differences, unlike),
    error: whyNothing(before, after),
    unlike,
    differences,
    added: missingIn(packages.before, packages.after),
    removed: missingIn(packages.after, packages.before),
    failures: failureRates(before.counted, after.counted, settings.alpha),
    notes: notesOn(before, after, settings.seed),
  }
}

/** A side of which no launch came to its end, or both: the error is that of the later one. */
function whyNothing(before: Measurement, after: Measurement): Comparison['error'] {
  const failed = Object.entries({ after, before }).flatMap(([side, { error, target }]) =>
    error === null ? [] : [{ error, line: `${target?.path ?? side}: ${error.message}` }],
  )
  const [first] = failed
  return first === undefined ? null : { ...first.error, message: failed.map(({ line }) => line).join('\n') }
}

function unlikeSettings(before: MeasureSettings, after: MeasureSettings): string[] {
  return SETTINGS.filter((key) => before[key] !== after[key]).map(
    (key) => `setting ${key}: ${before[key]} before, ${after[key]} after`,
  )
}

function unlikeEnds(before: Measurement, after: Measurement): string[] {
  if (endsAtEntry(before) === endsAtEntry(after)) return []
  return [`end of the launches: ${endName(before)} before, ${endName(after)} after`]
}

function sideOf({ target, startedAt, counted }: Measurement): Comparison['before'] {
  return {
    path: target?.path ?? null,
    argv: target?.argv ?? [],
    module: target?.go?.module ?? null,
    startedAt,
    counted,
  }
}

function names(measurement: Measurement): Set<string> {
  return new Set([...measurement.packages].sort((a, b) => a.order - b.order).map((entry) => entry.package))
}

/** What is among `names` only. Nothing, where the others were not traced at all. */
function missingIn(others: Set<string>, names: Set<string>): string[] {
  return others.size === 0 ? [] : [...names].filter((name) => !others.has(name))
}

function pairs(before: Measurement, after: Measurement): Judged[] {
  const pair = (
    subject: Pick<Judged, 'scope' | 'subject' | 'file' | 'line'>,
    metric: Metric,
    [a, b]: [Series, Series],
  ): Judged => ({
    ...subject,
    metric,
    before: a,
    after: b,
  })
  const clocks = ['wallNs', 'cpuNs'] as const
  const totals = [...clocks, 'minorFaults', 'majorFaults'] as const
  const subject = { scope: 'total', subject: 'total' } as const
  const later = new Map(after.packages.map((entry) => [entry.package, entry]))
  return [
    ...totals.map((metric) => pair(subject, metric, [before.totals[metric], after.totals[metric]])),
    ...before.steps.flatMap((step, at) => {
      if (!hasTime(step) && !hasTime(after.steps[at]!)) return []
      return clocks.map((metric) =>
        pair({ scope: 'step', subject: step.id }, metric, [step[metric], after.steps[at]![metric]]),
      )
    }),
    ...[...before.packages]
      .sort((a, b) => a.order - b.order)
      .flatMap((entry) => {
        const other = later.get(entry.package)
        if (!other) return []
        const of = { scope: 'init', subject: entry.package, ...placeOf(after, entry.package) } as const
        return clocks.map((metric) => pair(of, metric, [entry[metric], other[metric]]))
      }),
  ]
}

/** The verdict on the whole: that of the total's two clocks. */
function overall(differences: Difference[], unlike: string[]): Pick<Comparison, 'verdict' | 'reason'> {
  if (unlike.length > 0) return { verdict: 'inconclusive', reason: `not comparable: ${unlike.join('; ')}` }
  const clocks = differences.filter((entry) => entry.scope === 'total' && entry.metric.endsWith('Ns'))
  if (clocks.length === 0) return { verdict: 'inconclusive', reason: 'no launch of either came to its end' }
  for (const verdict of ['slower', 'faster'] as const) {
    const found = clocks.filter((entry) => entry.verdict === verdict)
    if (found.length > 0)
      return { verdict, reason: found.map((entry) => `${label(entry)}: ${entry.reason}`).join('; ') }
  }
  const same = clocks.every((entry) => entry.verdict === 'same')
  const telling = same ? clocks : clocks.filter((entry) => entry.verdict === 'inconclusive')
  return {
    verdict: same ? 'same' : 'inconclusive',
    reason: telling.map((entry) => `${label(entry)}: ${entry.reason}`).join('; '),
  }
}

function notesOn(before: Measurement, after: Measurement, seed: number | null): string[] {
  const notes: string[] = []
  if (seed === null) {
    notes.push('The launches were not interleaved: a change of the machine between the two shows as a difference.')
  }
  for (const [name, side] of Object.entries({ before, after })) {
    if (endsAtEntry(side))
      notes.push(`The program ${name} has no main.main to come to: its launches ended at its entry point.`)
  }
  if (before.counted.failed + after.counted.failed > 0 && before.counted.ok + after.counted.ok > 0) {
    notes.push('Some launches failed; times are compared for those that came to their end.')
  }
  return notes
}
