/** Measurements, comparisons and checks for people. */
import { hasTime, sideName, unitOf } from '../../measure/judge'
import { endName } from '../../measure/summary'
import type { CheckResult, Comparison, Difference, Measurement, Series, Verdict } from '../../measure/types'
import { formatCount, formatDuration, formatPercent, formatValue } from '../../measure/units'
import { bar, type Column, fitColumns, percent, shortenName, upTo } from '../columns'
import { escapeControls, sealed } from '../escape'
import { grid } from '../grid'
import { paragraph } from '../paragraph'
import { type Style, styleOf } from '../style'
import type { ReportOptions } from './formats'

/** Packages that are shown; the document has them all. */
const MOST_PACKAGES = 15

function styled({ width, color }: ReportOptions): Style {
  return styleOf({ width, color, lang: 'en' })
}

function join(sections: readonly string[]): string {
  return sealed(`${sections.filter(Boolean).join('\n\n')}\n`)
}

function duration(ns: number | null): string {
  return ns === null ? '–' : formatDuration(ns)
}

function interval({ ci }: Series): string {
  return ci ? `${duration(ci.low)} … ${duration(ci.high)}` : '–'
}

function notes(lines: readonly string[], { width, colors }: Style): string {
  return lines.map((line) => colors.yellow(paragraph(escapeControls(line), width))).join('\n')
}

/** The distribution of each step, the dearest packages and the totals. */
export function measurementText(measurement: Measurement, options: ReportOptions): string {
  const style = styled(options)
  const steps = stepRows(measurement)
  const packages = packageRows(measurement)
  const total = measurement.totals.wallNs.median ?? 0
  const names = [...steps, ...packages].map(({ name }) => escapeControls(name))
  return join([
    headline(measurement, style),
    timeTable(steps, { total, names, style }),
    packageLines(measurement, timeTable(packages, { total, names, style }), style),
    measurement.counted.ok > 0 ? totalLines(measurement, style) : '',
    notes(measurement.notes, style),
  ])
}

function headline({ target, counted, settings }: Measurement, { colors, width }: Style): string {
  const command = (target?.argv ?? ['?']).map((word) => escapeControls(word)).join(' ')
  const launches = `${counted.ok} launches${settings.cold ? ' from a cold page cache' : ''}`
  const failed = counted.failed > 0 ? `, ${counted.failed} failed` : ''
  const version = target?.go?.version ? `, ${escapeControls(target.go.version)}` : ''
  return [colors.bold(paragraph(command, width)), colors.dim(`${launches}${failed}${version}`)].join('\n')
}

type TimeKey = 'name' | 'wall' | 'interval' | 'p95' | 'mad' | 'cpu' | 'bar' | 'share' | 'bytes' | 'allocs'

const TIME_COLUMNS: readonly Column<TimeKey>[] = [
  { key: 'name', width: 14, most: 60 },
  { key: 'wall', width: 9, align: 'right' },
  { key: 'cpu', width: 9, align: 'right' },
  { key: 'bytes', width: 10, align: 'right' },
  { key: 'allocs', width: 7, align: 'right' },
  { key: 'interval', width: 20, align: 'right' },
  { key: 'p95', width: 9, align: 'right' },
  { key: 'share', width: 7, align: 'right' },
  { key: 'mad', width: 9, align: 'right' },
  { key: 'bar', width: 8 },
]

const HEADS: Readonly<Record<TimeKey, string>> = {
  name: '',
  wall: 'wall',
  cpu: 'CPU',
  interval: '95 % interval',
  p95: 'p95',
  share: 'share',
  bytes: 'bytes',
  allocs: 'allocs',
  mad: 'MAD',
  bar: '',
}

/** One row of a table of times. */
interface TimeRow {
  name: string
  wallNs: Series
  cpuNs: Series
  bytes?: string
  allocs?: string
}

/** What the tables of a measurement share: `names`, of all of them, for columns of one width. */
interface Tables {
  total: number
  names: readonly string[]
  style: Style
}

function timeTable(rows: readonly TimeRow[], { total, names, style: { width, colors } }: Tables): string {
  if (rows.length === 0) return ''
  const allocs = rows.some((row) => row.bytes !== undefined)
  const offered = TIME_COLUMNS.filter(({ key }) => allocs || (key !== 'bytes' && key !== 'allocs')).map((column) =>
    column.key === 'name' ? upTo(column, names) : column,
  )
  const shown: TimeKey[] = ['name', 'wall', 'interval', 'p95', 'mad', 'cpu', 'share', 'bytes', 'allocs', 'bar']
  const columns = fitColumns(offered, { width, shown })
  const longest = Math.max(...rows.map((row) => row.wallNs.median ?? 0))
  const cell = (row: TimeRow, key: TimeKey, cells: number): string => {
    const { median, p95, mad } = row.wallNs
    if (key === 'name') return escapeControls(shortenName(row.name, cells))
    if (key === 'bytes' || key === 'allocs') return row[key] ?? '–'
    if (!hasTime(row)) return ''
    switch (key) {
      case 'wall':
        return duration(median)
      case 'cpu':
        return duration(row.cpuNs.median)
      case 'interval':
        return colors.dim(interval(row.wallNs))
      case 'p95':
        return duration(p95)
      case 'mad':
        return colors.dim(duration(mad))
      case 'share':
        return colors.dim(percent(median ?? 0, total))
      case 'bar':
        return colors.cyan(bar(median ?? 0, longest, cells))
    }
  }
  return grid(columns, [
    columns.map(({ key }) => colors.dim(HEADS[key])),
    ...rows.map((row) => columns.map(({ key, width: cells }) => cell(row, key, cells))),
  ])
}

function stepRows({ steps }: Measurement): TimeRow[] {
  return steps
    .filter((step) => step.wallNs.count > 0)
    .map(({ index, id, wallNs, cpuNs }) => ({ name: `${`${index}`.padStart(2)} ${id}`, wallNs, cpuNs }))
}

function packageRows({ packages }: Measurement): TimeRow[] {
  return packages.slice(0, MOST_PACKAGES).map(({ package: name, wallNs, cpuNs, allocs }) => ({
    name,
    wallNs,
    cpuNs,
    ...(allocs ? { bytes: formatCount(allocs.bytes), allocs: formatCount(allocs.allocs) } : {}),
  }))
}

function packageLines({ packages }: Measurement, table: string, style: Style): string {
  if (packages.length === 0) return ''
  const rest = packages.length - MOST_PACKAGES
  return [
    style.colors.bold(`inits of ${packages.length} packages`),
    table,
    ...(rest > 0 ? [style.colors.dim(`${rest} more`)] : []),
  ].join('\n')
}

function totalLines(measurement: Measurement, { colors, width }: Style): string {
  const { totals } = measurement
  const { wallNs, cpuNs, minorFaults, majorFaults } = totals
  const one = (name: string, series: Series) =>
    `${duration(series.median)} ${name} (${interval(series)}, p95 ${duration(series.p95)})`
  const faults =
    minorFaults.median === null
      ? ''
      : `${formatCount(minorFaults.median)} minor and ${formatCount(majorFaults.median ?? 0)} major page faults`
  const line = `execve to ${escapeControls(endName(measurement))}: ${one('wall', wallNs)}, ${one('CPU', cpuNs)}`
  return [colors.green(paragraph(line, width)), faults].filter(Boolean).join('\n')
}

const VERDICT_COLORS = { faster: 'green', slower: 'red', same: 'dim', inconclusive: 'yellow' } as const

function painted(verdict: Verdict, { colors }: Style): string {
  return colors[VERDICT_COLORS[verdict]](verdict)
}

/** The verdict, the totals and every step and init that changed. */
export function comparisonText(comparison: Comparison, options: ReportOptions): string {
  const style = styled(options)
  const { before, after, failures } = comparison
  const names = [before, after].map((side) => escapeControls(sideName(side)))
  const telling = comparison.differences.filter(
    (entry) => entry.scope === 'total' || entry.verdict === 'slower' || entry.verdict === 'faster',
  )
  const failed =
    failures.before.failed + failures.after.failed > 0
      ? `failed launches: ${failures.before.failed} of ${failures.before.launches} before, ` +
        `${failures.after.failed} of ${failures.after.launches} after: ${failures.verdict}`
      : ''
  return join([
    names.map((name, at) => `${style.colors.dim(at === 0 ? 'before' : 'after ')} ${name}`).join('\n'),
    differenceLines(telling, style),
    [failed, changed('new', comparison.added), changed('gone', comparison.removed)].filter(Boolean).join('\n'),
    paragraph(escapeControls(`${comparison.verdict}: ${comparison.reason}`), style.width),
    notes(comparison.notes, style),
  ])
}

function changed(word: string, names: readonly string[]): string {
  const rest = names.length - MOST_PACKAGES
  const shown = names.slice(0, MOST_PACKAGES).join(', ')
  return names.length === 0 ? '' : escapeControls(`${word} inits: ${shown}${rest > 0 ? ` and ${rest} more` : ''}`)
}

type DifferenceKey = 'name' | 'before' | 'after' | 'shift' | 'relative' | 'interval' | 'verdict'

const DIFFERENCE_COLUMNS: readonly Column<DifferenceKey>[] = [
  { key: 'name', width: 22, most: 60 },
  { key: 'verdict', width: 12 },
  { key: 'before', width: 9, align: 'right' },
  { key: 'after', width: 9, align: 'right' },
  { key: 'relative', width: 9, align: 'right' },
  { key: 'interval', width: 22, align: 'right' },
  { key: 'shift', width: 9, align: 'right' },
]

const DIFFERENCE_HEADS: Readonly<Record<DifferenceKey, string>> = {
  name: '',
  before: 'before',
  after: 'after',
  shift: 'shift',
  relative: 'relative',
  interval: 'interval of the shift',
  verdict: 'verdict',
}

/** As `label()` has it, for a column. */
const METRICS: Readonly<Record<Difference['metric'], string>> = {
  wallNs: 'wall',
  cpuNs: 'CPU',
  minorFaults: 'minor faults',
  majorFaults: 'major faults',
}

const OF_THE_SHIFT =
  'The shift is the median of all differences of a launch after and one before, which need not be that of the medians.'

function subjectOf({ scope, subject }: Difference): string {
  return scope === 'total' ? 'total' : escapeControls(`${scope} ${subject}`)
}

function differenceLines(differences: readonly Difference[], style: Style): string {
  if (differences.length === 0) return ''
  const shown: DifferenceKey[] = ['name', 'before', 'after', 'shift', 'relative', 'interval', 'verdict']
  const names = differences.map((entry) => [subjectOf(entry), METRICS[entry.metric]] as const)
  const verdicts = [DIFFERENCE_HEADS.verdict, ...differences.map(({ verdict }) => verdict)]
  const offered = DIFFERENCE_COLUMNS.map((column) => {
    if (column.key === 'name') {
      return upTo(
        column,
        names.map((parts) => parts.join(', ')),
      )
    }
    return column.key === 'verdict' ? upTo(column, verdicts) : column
  })
  const columns = fitColumns(offered, { width: style.width, shown })
  const room = (columns.find(({ key }) => key === 'name')?.width ?? 0) - ', wall'.length
  const rows = differences.map((entry, at) => {
    const [subject, metric] = names[at]!
    const write = (value: number | null) => (value === null ? '–' : formatValue(unitOf(entry.metric), value))
    const range = entry.shiftInterval
    const relative = entry.shift !== null && entry.before.median ? entry.shift / entry.before.median : null
    const cells: Record<DifferenceKey, string> = {
      // both clocks of a package shorten its name alike
      name: entry.scope === 'total' ? `${subject}, ${metric}` : `${shortenName(subject, room)}, ${metric}`,
      before: write(entry.before.median),
      after: write(entry.after.median),
      shift: write(entry.shift),
      relative: relative === null ? '–' : formatPercent(relative),
      interval: style.colors.dim(range ? `${write(range.low)} … ${write(range.high)}` : '–'),
      verdict: painted(entry.verdict, style),
    }
    return columns.map(({ key }) => cells[key])
  })
  const table = grid(columns, [columns.map(({ key }) => style.colors.dim(DIFFERENCE_HEADS[key])), ...rows])
  const told = columns.some(({ key }) => key === 'shift' || key === 'relative')
  return told ? `${table}\n${style.colors.dim(paragraph(OF_THE_SHIFT, style.width))}` : table
}

/** Each budget and what became of it. */
export function checkText(result: CheckResult, options: ReportOptions): string {
  const style = styled(options)
  const { colors, width } = style
  const marks = { pass: colors.green('✓'), fail: colors.red('✗'), inconclusive: colors.yellow('?') }
  const line = (outcome: keyof typeof marks, text: string) =>
    `${marks[outcome]} ${paragraph(escapeControls(text), width, 2).trimStart()}`
  const budgets = result.budgets.map((entry) => line(entry.outcome, `${entry.budget}: ${entry.message}`))
  const drift = result.drift
    .filter((entry) => entry.outcome === 'fail')
    .map((entry) => line('fail', `drift of ${entry.message}`))
  const saved = result.baseline?.saved
    ? `the baseline ${escapeControls(result.baseline.path)} now has ${result.baseline.entries === 1 ? '1 entry' : `${result.baseline.entries} entries`}`
    : ''
  const words = { pass: 'passed', fail: 'failed', inconclusive: 'inconclusive' }
  return join([
    headline(result.measurement, style),
    [...budgets, ...drift].join('\n'),
    totalLines(result.measurement, style),
    notes(result.notes, style),
    [words[result.outcome], saved].filter(Boolean).join('; '),
  ])
}
