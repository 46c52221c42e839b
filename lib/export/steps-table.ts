/** The table of the 17 steps. */
import type { Step, Trace } from '../trace/types'
import { bar, type Column, fitColumns, milliseconds, percent, shortenName } from './columns'
import { escapeControls } from './escape'
import { grid } from './grid'
import { mark, type Style } from './style'

type Key = 'index' | 'mark' | 'step' | 'title' | 'where' | 'address' | 'start' | 'wall' | 'cpu' | 'share' | 'bar'

/** Most important first. */
const COLUMNS: readonly Column<Key>[] = [
  { key: 'index', width: 2, align: 'right' },
  { key: 'mark', width: 1 },
  { key: 'step', width: 10 },
  { key: 'wall', width: 8, align: 'right' },
  { key: 'where', width: 20, most: 32 },
  { key: 'bar', width: 6, most: 20 },
  { key: 'start', width: 8, align: 'right' },
  { key: 'cpu', width: 8, align: 'right' },
  { key: 'share', width: 7, align: 'right' },
  { key: 'address', width: 14 },
  { key: 'title', width: 40, most: 60 },
]

const SHOWN: readonly Key[] = [
  'index',
  'mark',
  'step',
  'title',
  'where',
  'address',
  'start',
  'wall',
  'cpu',
  'share',
  'bar',
]

/** A row a step: where it was seen, when, how long it took, and its part of the whole. */
export function stepsTable(trace: Trace, style: Style): string {
  const columns = fitColumns(COLUMNS, { width: style.width, shown: SHOWN })
  const titles = { index: '', mark: '', bar: '', title: '', ...style.words.columns }
  const head = columns.map(({ key }) => style.colors.dim(titles[key]))
  const longest = Math.max(...trace.steps.map((step) => step.wallNs))
  const rows = trace.steps.map((step) =>
    columns.map(({ key, width }) => cell(key, { step, width, longest, trace, style })),
  )
  return grid(columns, [head, ...rows])
}

interface CellContext {
  step: Step
  width: number
  longest: number
  trace: Trace
  style: Style
}

function cell(key: Key, { step, width, longest, trace, style }: CellContext): string {
  const { colors, words } = style
  switch (key) {
    case 'index':
      return colors.dim(String(step.index))
    case 'mark':
      return mark(step.status, style)
    case 'step':
      return passed(step) ? step.id : colors.dim(step.id)
    case 'title':
      return words.steps[step.id] ?? step.title
    case 'where':
      return whereOf(step, { width, trace, style })
    case 'address':
      return colors.dim(step.address ?? '')
    case 'start':
      return passed(step) ? colors.dim(milliseconds(step.startNs)) : ''
    case 'wall':
      return hasTime(step) ? colors.bold(milliseconds(step.wallNs)) : ''
    case 'cpu':
      return hasTime(step) ? milliseconds(step.cpuNs) : ''
    case 'share':
      return hasTime(step) ? percent(step.wallNs, trace.totals.wallNs) : ''
    case 'bar':
      return colors.cyan(bar(step.wallNs, longest, width))
  }
}

function passed(step: Step): boolean {
  return step.status === 'observed' || step.status === 'derived'
}

/** Steps that share a stop with their neighbour have no time of their own. */
function hasTime(step: Step): boolean {
  return step.wallNs > 0 || step.cpuNs > 0
}

function whereOf(step: Step, { width, trace, style }: Pick<CellContext, 'width' | 'trace' | 'style'>): string {
  const { colors, words } = style
  if (step.status === 'missed') return colors.red(words.status.missed)
  if (!passed(step)) return colors.dim(words.status[step.status])
  const first = step.stops[0] === undefined ? undefined : trace.stops[step.stops[0]]
  // The exec stop's own name is the path of what was executed.
  const name = step.symbol ?? first?.symbol ?? (first?.kind === 'exec' ? 'exec' : first?.name)
  return name ? escapeControls(shortenName(name, width)) : colors.dim(words.status[step.status])
}
