/** The report for people. */
import { formatDuration } from '../measure/units'
import { RENDEZVOUS } from '../plan/loader'
import type { Step, Trace } from '../trace/types'
import { escapeControls, sealed } from './escape'
import { initsTable } from './inits-table'
import { machineState, syscallLines } from './machine-state'
import { paragraph } from './paragraph'
import { stepsTable } from './steps-table'
import { type Style, styleOf, type TextOptions } from './style'
import { fill } from './words'

export type { TextOptions } from './style'

/** Lines of a dead program's standard error that the report repeats. */
const STDERR_LINES = 20

/** The trace as text of at most `options.width` columns, registers and maps aside. */
export function toText(trace: Trace, options: TextOptions): string {
  const style = styleOf(options)
  const sections = [
    headline(trace, style),
    stepsTable(trace, style),
    totals(trace, style),
    initsTable(trace, style),
    extraStops(trace, style),
    machineState(trace, options, style),
    syscallLines(trace, style),
    environment(trace, style),
    notes(trace, style),
  ]
  return sealed(`${sections.filter(Boolean).join('\n\n')}\n`)
}

function headline(trace: Trace, { colors, width }: Style): string {
  const { target } = trace
  const command = [target.path, ...target.argv.slice(1)].map((word) => escapeControls(word)).join(' ')
  const { elf, go } = target
  const facts = [
    go?.version ?? go?.versionRange,
    elf && `${elf.machine} ${elf.static ? 'static' : 'dynamic'}${elf.pie ? ' PIE' : ''}`,
    elf && !elf.has.symtab ? 'stripped' : null,
    go?.cgo ? 'cgo' : null,
    go?.module,
  ].filter(Boolean)
  return [
    colors.bold(paragraph(command, width)),
    facts.length > 0 ? colors.dim(paragraph(escapeControls(facts.join(', ')), width)) : '',
  ]
    .filter(Boolean)
    .join('\n')
}

function totals(trace: Trace, style: Style): string {
  const { words, width, colors } = style
  const { totals: total, overhead } = trace
  const time = fill(words.totals, {
    outcome: outcome(trace, style),
    wall: formatDuration(total.wallNs),
    cpu: formatDuration(total.cpuNs),
  })
  const corrected =
    total.cpuCorrectedNs === total.cpuNs ? '' : fill(words.corrected, { cpu: formatDuration(total.cpuCorrectedNs) })
  const faults = fill(words.faults, { minor: total.minorFaults, major: total.majorFaults, threads: total.threads })
  const tracing = fill(words.overhead, {
    stops: total.stops,
    held: formatDuration(overhead.heldNs),
    each: formatDuration(overhead.perStopNs),
  })
  const crossings = overhead.crossings > 0 ? fill(words.crossings, { count: overhead.crossings }) : ''
  const color = reached(trace) ? colors.green : colors.red
  return [
    color(paragraph(time + corrected, width)),
    paragraph(faults, width),
    colors.dim(paragraph(tracing + crossings, width)),
  ].join('\n')
}

function lastReached(trace: Trace): Step | undefined {
  return trace.steps.findLast((step) => step.status === 'observed')
}

function reached(trace: Trace): boolean {
  return trace.outcome.startsWith('reached')
}

function outcome(trace: Trace, { words }: Style): string {
  const { signal = null, code = null } = trace.exit ?? {}
  const last = reached(trace) ? undefined : lastReached(trace)
  return [
    words.outcome[trace.outcome],
    signal === null ? '' : fill(words.exitSignal, { signal }),
    code === null ? '' : fill(words.exitCode, { code }),
    last ? fill(words.lastStep, { index: last.index, id: last.id }) : '',
  ]
    .filter(Boolean)
    .join(', ')
}

/** Stops that belong to no step, nor to the search for a Go library: those of `--stop`. */
function extraStops(trace: Trace, style: Style): string {
  const ofSteps = new Set(trace.steps.flatMap((step) => step.stops))
  const extra = trace.stops.filter(
    (stop) => stop.kind === 'breakpoint' && !ofSteps.has(stop.index) && stop.name !== RENDEZVOUS,
  )
  if (extra.length === 0) return ''
  const lines = extra.map((stop) => {
    const line = stop.file === null ? '' : `  ${stop.file}:${stop.line}`
    return `${formatDuration(stop.atNs).padStart(10)}  ${escapeControls(`${stop.name}${line}`)}`
  })
  return [style.colors.bold(style.words.stops), ...lines].join('\n')
}

/** Shown only with its values, which are there only when they were asked for. */
function environment(trace: Trace, style: Style): string {
  const env = trace.steps.find((step) => step.id === 'stack')?.evidence.env
  if (!Array.isArray(env) || !env.some((entry) => String(entry).includes('='))) return ''
  const lines = env.map((entry) => `  ${escapeControls(String(entry))}`)
  return [style.colors.bold(style.words.environment), ...lines].join('\n')
}

function notes(trace: Trace, style: Style): string {
  const { words, width, colors } = style
  const lines = [
    ...missedNotes(trace, style),
    ...notApplicableNotes(trace, style),
    ...notReachedNotes(trace, style),
    ...(trace.notes ?? []),
    ...trace.descendants.map(({ pid, path, fate }) => fill(words.descendants, { pid, path: path ?? '', fate })),
  ].map((line) => paragraph(escapeControls(line), width, 2))
  const stderr = stderrNote(trace, style)
  if (lines.length === 0 && stderr === '') return ''
  return [...(lines.length > 0 ? [colors.bold(words.notes), ...lines] : []), stderr].filter(Boolean).join('\n')
}

function missedNotes(trace: Trace, { words }: Style): string[] {
  return trace.steps
    .filter((step) => step.status === 'missed')
    .map((step) => `${step.index} ${step.id}: ${fill(words.missed, { reason: step.reason ?? '' })}`)
}

function notApplicableNotes(trace: Trace, { words }: Style): string[] {
  return notesByReason(trace, 'not-applicable', (reason) => `${words.status['not-applicable']}: ${reason}`)
}

function notReachedNotes(trace: Trace, { words }: Style): string[] {
  return notesByReason(trace, 'not-reached', (reason) => fill(words.notReached, { reason }))
}

/** Adjoining steps with one status for one reason share a line. */
function notesByReason(trace: Trace, status: Step['status'], say: (reason: string) => string): string[] {
  const runs: Step[][] = []
  for (const step of trace.steps.filter((one) => one.status === status)) {
    const run = runs.at(-1)
    const last = run?.at(-1)
    if (last?.index === step.index - 1 && last.reason === step.reason) run?.push(step)
    else runs.push([step])
  }
  return runs.map((steps) => {
    const [first, last] = [steps[0]!, steps.at(-1)!]
    const which =
      first === last ? `${first.index} ${first.id}` : `${first.index} ${first.id} – ${last.index} ${last.id}`
    return `${which}: ${say(first.reason ?? '')}`
  })
}

/** The panic, most of the time. */
function stderrNote(trace: Trace, { words, width, colors }: Style): string {
  if (trace.outcome !== 'exited' && trace.outcome !== 'killed') return ''
  const text = trace.output.stderr.trimEnd()
  if (text === '') return ''
  const lines = text.split('\n').slice(-STDERR_LINES)
  return [
    colors.bold(paragraph(words.stderr, width)),
    ...lines.map((line) => `  ${shortenEnd(escapeControls(line.replaceAll('\t', '    ')), width - 2)}`.trimEnd()),
  ].join('\n')
}

function shortenEnd(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
