/** What a run took: all that follows from its records' times, without what was seen at the stops. */
import { STEPS } from '../plan/catalogue'
import type { StepId } from '../plan/types'
import type { SessionRecord } from '../session/records'
import { calibrate } from './calibration'
import type { Context, Hit } from './context'
import { InitWalk, initHits, isRuntimeInit } from './inits'
import { endOf } from './outcome'
import { type Standing, standings } from './status'
import { isStop } from './stops'
import { cut, type Instant, type Span, ZERO } from './times'
import type { Init, Outcome, Overhead, Step, Totals, Trace } from './types'

/** What one run took, and what it was. */
export interface RunFigures
  extends Pick<
    Trace,
    'target' | 'execs' | 'host' | 'outcome' | 'exit' | 'error' | 'totals' | 'overhead' | 'inits' | 'output'
  > {
  /** Always 17. */
  steps: Pick<Step, 'status' | 'wallNs' | 'cpuNs'>[]
}

/**
 * The figures of one run. Those of steps are by the catalogue's order. What is there from the beginning rests on the stops up to
 * the one where the trace was to end; what is asked for, on all records of the context by then.
 */
export class Figures {
  readonly inits: readonly Init[]
  /** Places of each step's own stops among the records. */
  readonly stops: readonly (readonly number[])[]
  readonly spans: readonly Span[]
  /** {@link endPlace}. */
  private readonly endAt: number

  /** `walk`: over the same context. */
  constructor(
    private readonly context: Context,
    walk = new InitWalk(context),
  ) {
    this.endAt = endPlace(context)
    const last = context.records[this.endAt]
    const end = last ? context.clock.at(last) : ZERO
    this.inits = walk.until(end)
    const initStops = initHits(context)
    this.stops = STEPS.map(({ id }) => ownStops(context, id, initStops))
    this.spans = stepSpans(context, this.stops, end)
  }

  standings(outcome: Outcome): Standing[] {
    return standings({ context: this.context, inits: this.inits, outcome })
  }

  /** Sums and counts, and what tracing itself cost. */
  sums(): { totals: Totals; overhead: Overhead } {
    const { context, endAt } = this
    const calibration = calibrate(context.records)
    const { stops, heldNs, armNs, crossings, timed } = countStops(context.records, endAt)
    const totals = { wallNs: 0, cpuNs: 0, cpuCorrectedNs: 0, minorFaults: 0, majorFaults: 0 }
    for (const span of this.spans) {
      totals.wallNs += span.wallNs
      totals.cpuNs += span.cpuNs
      totals.minorFaults += span.minorFaults
      totals.majorFaults += span.majorFaults
    }
    const cost =
      timed.across * calibration.crossCoreNs +
      timed.breakpoints * calibration.sameCoreNs +
      timed.events * calibration.eventNs
    totals.cpuCorrectedNs = Math.max(0, Math.round(totals.cpuNs - cost))
    const threads = endOf(context)?.threads || context.threadsAt(context.last?.at ?? lastOfLife(context))
    const perStopNs = stops === 0 ? 0 : Math.round(heldNs / stops)
    return {
      totals: Object.assign(totals, { stops, threads }),
      overhead: { perStopNs, armNs, heldNs, crossings, stopCpuNs: calibration },
    }
  }
}

/** Sums over all stops of a run; `timed`: those before the end of the steps' times, by placement and kind. */
interface Counts {
  stops: number
  heldNs: number
  armNs: number
  crossings: number
  timed: { breakpoints: number; events: number; across: number }
}

function countStops(records: readonly SessionRecord[], end: number): Counts {
  const timed = { breakpoints: 0, events: 0, across: 0 }
  const counts: Counts = { stops: 0, heldNs: 0, armNs: 0, crossings: 0, timed }
  records.forEach((record, at) => {
    if (!isStop(record)) return
    counts.stops++
    counts.heldNs += record.heldNs
    if (record.kind === 'exec') counts.armNs += record.armNs
    if (record.crossedCores) counts.crossings++
    if (at >= end) return
    if (record.crossedCores) timed.across++
    else if (record.kind === 'breakpoint') timed.breakpoints++
    else timed.events++
  })
  return counts
}

/** Place behind the last stop that is no thread's end: a program that ends takes its threads along one by one. */
function lastOfLife({ records }: Context): number {
  return (
    1 +
    records.findLastIndex(
      (record) => !DEATHS.has(record.kind) && !(record.kind === 'thread' && record.event === 'exit'),
    )
  )
}

const DEATHS: ReadonlySet<SessionRecord['kind']> = new Set(['end', 'detached'])

/** Place of the last record that the steps' times reach to: the stop where the trace was to end, else the last of all. */
function endPlace(context: Context): number {
  return context.last?.at ?? context.records.length - 1
}

/**
 * The steps' times. The exec stop lies within step 1, which lasts until the program (or its dynamic linker) runs: steps
 * 2 and 3 stand there and take none. What a program does before it executes itself again lies within step 1, too.
 */
function stepSpans(context: Context, stops: readonly (readonly number[])[], end: Instant): Span[] {
  const starts = STEPS.map(({ id }, at) => startOf(context, id, stops[at] as readonly number[]))
  const exec = starts[1]
  const spans = cut(
    starts.map((start, at) => (at === 1 || at === 2 ? null : start)),
    end,
  )
  if (!exec) return spans
  for (const span of spans.slice(1, 3)) span.startNs = Math.min(exec.ns, span.startNs)
  return spans
}

/** A step's first stop. Step 16 begins when gcenable returns, whether init functions are stopped at or not. */
function startOf(context: Context, id: StepId, own: readonly number[]): Instant | null {
  if (id === 'execve') return ZERO
  const first = own.find((at) => id !== 'sysmon' || context.records[at]?.kind === 'breakpoint')
  const record = first === undefined ? null : context.records[first]
  return record ? context.clock.at(record) : null
}

/** Places of the records that are a step's own stops, in order. */
function ownStops(context: Context, id: StepId, inits: readonly Hit[]): number[] {
  const { records, exec, execAt, execExit } = context
  const hits = context.stepHits(id).map(({ at }) => at)
  switch (id) {
    case 'execve':
      return places(records, ({ kind }, at) => SYSCALL_STOPS.has(kind) || (kind === 'exec' && at <= execAt))
    case 'image':
    case 'stack':
      return exec ? [execAt] : []
    case 'interp': {
      if (context.image.elf.interpreter === null || !exec) return []
      const from = execExit ? records.indexOf(execExit) : execAt
      return [
        Math.max(from, execAt),
        ...context
          .stepHits('entry')
          .slice(0, 1)
          .map(({ at }) => at),
      ]
    }
    case 'sysmon':
      return [...hits, ...cloneOf(context), ...placesOf(context, inits, true)].sort((a, b) => a - b)
    case 'inits':
      return [...hits, ...placesOf(context, inits, false)].sort((a, b) => a - b)
    default:
      return hits
  }
}

const SYSCALL_STOPS: ReadonlySet<SessionRecord['kind']> = new Set(['syscall-entry', 'syscall-exit'])

function places(records: readonly SessionRecord[], test: (record: SessionRecord, at: number) => boolean): number[] {
  const found: number[] = []
  records.forEach((record, at) => {
    if (test(record, at)) found.push(at)
  })
  return found
}

/** The clone event of sysmon. */
function cloneOf(context: Context): number[] {
  const newm = context.hit('runtime.newm')
  if (!newm) return []
  const at = context.records.findIndex(
    (record, place) => place > newm.at && record.kind === 'thread' && record.event === 'start',
  )
  return at < 0 ? [] : [at]
}

function placesOf(context: Context, inits: readonly Hit[], runtime: boolean): number[] {
  return inits.filter((hit) => hit.site.role !== 'step' && isRuntimeInit(context, hit) === runtime).map(({ at }) => at)
}
