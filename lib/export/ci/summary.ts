import { hasTime, label, sideName } from '../../measure/judge'
import { endName } from '../../measure/summary'
import type { CheckResult, Comparison, Difference, Measurement, Series, StepSeries } from '../../measure/types'
import { formatCount, formatDuration, formatPercent, formatValue } from '../../measure/units'
import { STEPS } from '../../plan/catalogue'
import { block, code, cutBelow, details, plain, table } from './markdown'

/** GitHub refuses a step's summary above 1024 KiB, the whole of it; a job may have several writers. */
const SUMMARY_LIMIT = 1000 * 1024

/** How many rows of inits are shown unfolded. */
const TOP = 10

const SIGN = { pass: '✅', fail: '❌', inconclusive: '❔', faster: '🟢', slower: '🔴', same: '⚪' } as const

/**
 * A document as Markdown for `$GITHUB_STEP_SUMMARY`, below GitHub's limit.
 *
 * @param written bytes that are in that file already
 */
export function stepSummary(document: Measurement | Comparison | CheckResult, written = 0): string {
  const parts =
    document.schema === 'premain.check/1'
      ? checkParts(document)
      : document.schema === 'premain.comparison/1'
        ? comparisonParts(document)
        : measurementParts(document)
  if (document.error) parts.splice(1, 0, ...failure(document.error.message))
  return cutBelow(`${parts.filter((part) => part !== '').join('\n\n')}\n`, SUMMARY_LIMIT - written)
}

/** What went wrong, and, as a block, what the program said of it. */
function failure(message: string): string[] {
  const [first = '', ...rest] = message.split('\n')
  return [`${SIGN.fail} ${plain(first)}`, ...(rest.length > 0 ? [block(rest.join('\n'))] : [])]
}

function notesOf(notes: readonly string[]): string {
  return notes.map((note) => `> ${plain(note)}`).join('\n>\n')
}

function duration(ns: number | null): string {
  return ns === null ? '–' : formatDuration(ns)
}

function interval(series: Series): string {
  return series.ci ? `${duration(series.ci.low)} … ${duration(series.ci.high)}` : '–'
}

function measurementParts(measurement: Measurement): string[] {
  const { totals, counted, target } = measurement
  const end = endName(measurement)
  return [
    `### ${code(target?.path ?? '?')} from execve to ${end === 'main' ? 'main.main' : plain(end)}`,
    `${counted.ok} launches${counted.failed > 0 ? `, ${counted.failed} failed` : ''}: ` +
      `median **${duration(totals.wallNs.median)}** wall (${interval(totals.wallNs)}), ` +
      `**${duration(totals.cpuNs.median)}** CPU (${interval(totals.cpuNs)})` +
      (totals.minorFaults.median === null
        ? ''
        : `, ${formatCount(totals.minorFaults.median)} minor and ${formatCount(totals.majorFaults.median ?? 0)} major faults`),
    notesOf(measurement.notes),
    stepGantt(measurement),
    details('Steps', stepTable(measurement.steps)),
    blame(measurement),
  ]
}

function stepTable(steps: readonly StepSeries[]): string {
  const rows = steps.map(({ index, id, status, wallNs, cpuNs }) => {
    const name = `${index} ${code(id)}`
    if (wallNs.count === 0) return [name, status, '–', '–', '–']
    if (!hasTime({ wallNs, cpuNs })) return [name, '', '', '', '']
    return [name, duration(wallNs.median), interval(wallNs), duration(wallNs.p95), duration(cpuNs.median)]
  })
  return table(['step', 'wall, median', '95 % interval', 'p95', 'CPU, median'], rows)
}

function blame({ packages }: Measurement): string {
  if (packages.length === 0) return ''
  const allocs = packages.some((entry) => entry.allocs !== null)
  const rows = packages.map((entry) => [
    code(entry.package),
    duration(entry.wallNs.median),
    duration(entry.cpuNs.median),
    formatPercent(entry.share).slice(1),
    ...(allocs
      ? [entry.allocs ? formatCount(entry.allocs.bytes) : '–', entry.allocs ? formatCount(entry.allocs.allocs) : '–']
      : []),
  ])
  const head = ['init', 'wall, median', 'CPU, median', 'share', ...(allocs ? ['bytes', 'allocs'] : [])]
  const top = table(head, rows.slice(0, TOP))
  return rows.length > TOP ? `${top}\n\n${details(`All ${rows.length} packages`, table(head, rows))}` : top
}

/** Who is at work in a step, for the chart's sections. */
function sectionOf(index: number): string {
  if (index <= 3) return 'kernel'
  if (index === 4) return 'dynamic linker'
  return index <= 15 ? 'Go runtime' : 'program'
}

/** Steps one after another: their ids and microseconds. */
type Bars = readonly { section: string; id: string; us: number }[]

/** The steps of a measurement as a chart, by who is at work in them. */
export function stepGantt({ steps }: Measurement): string {
  const bars = steps.map(({ id, index, wallNs }) => ({
    section: sectionOf(index),
    id,
    us: microseconds(wallNs.median),
  }))
  return gantt([bars])
}

/** The steps of both sides, each from its own execve. */
function comparisonGantt({ differences }: Comparison): string {
  const known = (id: string) => STEPS.some((step) => step.id === id)
  const steps = differences.filter(
    ({ scope, subject, metric }) => scope === 'step' && metric === 'wallNs' && known(subject),
  )
  const sides = ['before', 'after'] as const
  return gantt(
    sides.map((section) =>
      steps.map((step) => ({ section, id: step.subject, us: microseconds(step[section].median) })),
    ),
  )
}

function microseconds(ns: number | null): number {
  return Math.round((ns ?? 0) / 1000)
}

/**
 * A Mermaid Gantt chart, each group of bars from 0. Mermaid knows dates only, to the millisecond: a microsecond is drawn as
 * one, and the axis shows plain numbers.
 */
function gantt(groups: readonly Bars[]): string {
  const lines: string[] = []
  let last = ''
  for (const bars of groups) {
    let at = 0
    for (const { section, id, us } of bars) {
      if (us === 0) continue
      if (section !== last) lines.push(`  section ${section}`)
      last = section
      lines.push(`  ${id} : ${at}, ${us}ms`)
      at += us
    }
  }
  if (lines.length === 0) return ''
  const head = ['gantt', '  title Median wall time, µs', '  dateFormat x', '  axisFormat %Q']
  return ['```mermaid', ...head, ...lines, '```'].join('\n')
}

function checkParts(result: CheckResult): string[] {
  const { measurement } = result
  const rows = result.budgets.map((entry) => [
    `${SIGN[entry.outcome]} ${code(entry.budget)}`,
    entry.median === null ? '–' : formatValue(entry.unit, entry.median),
    entry.limit === null ? '–' : formatValue(entry.unit, entry.limit),
    plain(entry.message),
  ])
  const words = { pass: 'passed', fail: 'failed', inconclusive: 'is inconclusive' }
  if (result.error) return [`## ${SIGN.fail} premain check failed`]
  return [
    `## ${SIGN[result.outcome]} premain check ${words[result.outcome]}`,
    rows.length > 0 ? table(['budget', 'median', 'allowed', ''], rows) : '',
    ...result.drift
      .filter((entry) => entry.outcome === 'fail')
      .map((entry) => `${SIGN.fail} Drift: ${plain(entry.message)}`),
    notesOf(result.notes.filter((note) => !measurement.notes.includes(note))),
    ...measurementParts(measurement),
  ]
}

function comparisonParts(comparison: Comparison): string[] {
  const telling = comparison.differences.filter((entry) => entry.scope === 'total' || isCalled(entry))
  const { before, after } = comparison.failures
  const failures =
    before.failed + after.failed > 0
      ? `Failed launches: ${before.failed} of ${before.launches} before, ` +
        `${after.failed} of ${after.launches} after (${comparison.failures.verdict}).`
      : ''
  const changes = [
    ...comparison.added.map((name) => `new ${code(name)}`),
    ...comparison.removed.map((name) => `gone ${code(name)}`),
  ]
  return [
    `## ${SIGN[comparison.verdict]} ${comparison.verdict}`,
    `${code(sideName(comparison.before))} → ${code(sideName(comparison.after))}: ${plain(comparison.reason)}`,
    notesOf([...comparison.unlike, ...comparison.notes]),
    differenceTable(telling),
    comparisonGantt(comparison),
    failures,
    changes.length > 0 ? `Inits: ${changes.join(', ')}` : '',
    details('Everything compared', differenceTable(comparison.differences)),
  ]
}

function isCalled({ verdict }: Difference): boolean {
  return verdict === 'slower' || verdict === 'faster'
}

function differenceTable(differences: readonly Difference[]): string {
  const rows = differences.map((entry) => {
    const unit = entry.metric.endsWith('Ns') ? 'ns' : 'count'
    const write = (value: number | null) => (value === null ? '–' : formatValue(unit, value))
    const range = entry.shiftInterval ? `${write(entry.shiftInterval.low)} … ${write(entry.shiftInterval.high)}` : '–'
    return [
      plain(label(entry)),
      write(entry.before.median),
      write(entry.after.median),
      write(entry.shift),
      range,
      `${SIGN[entry.verdict]} ${entry.verdict}`,
    ]
  })
  return table(['', 'before', 'after', 'shift', 'interval', 'verdict'], rows)
}
