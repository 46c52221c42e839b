/** Records → Trace. */
import type { ProgramImage } from '../image/types'
import { STEPS } from '../plan/catalogue'
import type { StepId, StopPlan } from '../plan/types'
import type { SessionRecord } from '../session/records'
import { hex } from './addresses'
import { type Calibration, calibrate } from './calibration'
import { Context, symbolOf } from './context'
import { collectInits } from './inits'
import { notesOf } from './notes'
import { endOf, exitOf, lastHit, listDescendants, listExecs, outcomeOf, type Script } from './outcome'
import { mainHit, type Standing, standings } from './status'
import { EVIDENCE } from './steps/evidence'
import type { Scene } from './steps/scene'
import { addStops, type StopDetails, type StopList } from './stops'
import { type Executed, listSyscalls } from './syscalls'
import { listThreads } from './threads'
import { cut, type Instant, type Span, ZERO } from './times'
import type { ErrorInfo, Host, Init, Outcome, Overhead, Step, Stuck, Target, Totals, Trace } from './types'

/** What the assembly is to show. */
export interface AssemblyOptions {
  /** Default true. */
  registers?: boolean | undefined
  /** Default true. */
  maps?: boolean | undefined
  /** Default false. */
  backtraces?: boolean | undefined
  /** Default false. */
  syscalls?: boolean | undefined
}

/** Everything a trace is made of. */
export interface Assembly {
  /** The image that ran last: that of the last plan. */
  image: ProgramImage
  plan: StopPlan
  /** Plans that were added while the target ran; their sites are numbered after the first plan's. */
  laterPlans?: readonly StopPlan[] | undefined
  /** In the order in which the tracer reported them. May be cut short. */
  records: readonly SessionRecord[]
  host: Host
  /** What was started; `elf` and `go` come from the image. */
  target: Omit<Target, 'elf' | 'go'>
  /** The `#!` chain that led to the image, outermost first. */
  scripts?: readonly Script[] | undefined
  /** Set when the run was ended from outside; else the outcome follows from the records. */
  outcome?: Extract<Outcome, 'timeout' | 'aborted'> | null | undefined
  error?: ErrorInfo | null | undefined
  /** Where the program hung, when its time ran out. */
  stuck?: Stuck | null | undefined
  output?: { stdout: string; stderr: string } | undefined
  /** The package's. */
  version: string
  options?: AssemblyOptions | undefined
}

/** What is known of a run only when it is over. */
export type Ending = Pick<Assembly, 'outcome' | 'error' | 'stuck' | 'output'>

/**
 * Puts a run together. Pure but for the image, which is read for code, lines and the mode of its file. A run that was
 * cut short gives a trace as far as its records go.
 */
export function assembleTrace(assembly: Assembly): Trace {
  return new Draft(assembly).finish(assembly)
}

/**
 * A trace in the making: all of it that the record of the target's end does not change. It can be made while the target,
 * past its last stop, still runs to its end.
 */
export class Draft {
  private readonly context: Context
  private readonly calibration: Calibration
  private readonly details: StopDetails
  private readonly list: StopList
  private readonly outcome: Outcome
  private readonly inits: Init[]
  private readonly steps: Step[]
  /** Held time of the last record: known late, by the tracer's next report. */
  private readonly heldNs: number

  /** `assembly.records` may be added to until {@link finish}. */
  constructor(private readonly assembly: Assembly) {
    const { records, options = {} } = assembly
    const context = new Context(assembly)
    const end = endInstant(context)
    this.context = context
    this.calibration = calibrate(records)
    this.details = {
      registers: options.registers ?? true,
      maps: options.maps ?? true,
      backtraces: options.backtraces ?? false,
    }
    this.list = addStops({ stops: [], indexOf: new Map(), seen: 0 }, context, this.details)
    this.heldNs = records.at(-1)?.heldNs ?? 0
    this.outcome = assembly.outcome ?? outcomeOf(context)
    this.inits = collectInits(context, end)
    this.steps = this.makeSteps(end)
  }

  /** Whether the records that came since, and how the run ended, change nothing that is in the draft. */
  holds(ending: Ending): boolean {
    const { records } = this.context
    const { seen } = this.list
    const [next] = records.slice(seen)
    const onlyEnd = records.length === seen || (records.length === seen + 1 && next?.kind === 'end')
    const stands = lastHit(this.context) !== null && records[seen - 1]?.heldNs === this.heldNs
    return onlyEnd && stands && (ending.outcome ?? outcomeOf(this.context)) === this.outcome
  }

  /** The trace. */
  finish(ending: Ending): Trace {
    const { context, assembly, calibration, steps, inits } = this
    const { image, records, host, options = {} } = assembly
    const list = addStops(this.list, context, this.details)
    const trace: Trace = {
      schema: 'premain.trace/1',
      tool: { name: 'premain', version: assembly.version },
      target: { ...assembly.target, elf: image.elf, go: image.go?.info ?? null },
      execs: listExecs(context, assembly.target.path, assembly.scripts ?? []),
      host,
      startedAt: startedAt(records),
      pid: records[0]?.tid ?? 0,
      outcome: this.outcome,
      exit: exitOf(context),
      error: ending.error ?? null,
      totals: totals(context, { steps, list, calibration }),
      overhead: overhead(context, list, calibration),
      descendants: listDescendants(context),
      steps,
      stops: list.stops,
      inits,
      threads: listThreads(context),
      output: ending.output ?? { stdout: '', stderr: '' },
    }
    const notes = notesOf(context)
    if (notes.length > 0) trace.notes = notes
    if (ending.stuck) trace.stuck = ending.stuck
    if (options.syscalls) trace.syscalls = listSyscalls(records, executedBy(assembly, context))
    return trace
  }

  private makeSteps(end: Instant): Step[] {
    const { context, inits, outcome, list } = this
    const scene: Scene = { context, inits, target: this.assembly.target }
    const stops = STEPS.map(({ id }) => ownStops(context, id, inits))
    const spans = stepSpans(context, stops, end)
    const standing = standings({ context, inits, outcome })
    return STEPS.map(({ index, id, title }, at): Step => {
      const own = stops[at] as number[]
      return makeStep(
        { index, id, title },
        { scene, list, own, standing: standing[at] as Standing, span: spans[at] as Span },
      )
    })
  }
}

function startedAt(records: readonly SessionRecord[]): string {
  const entry = records.find((record) => record.kind === 'syscall-entry')
  return new Date(Number((entry?.realtimeNs ?? 0n) / 1_000_000n)).toISOString()
}

/** Place of the last record that the steps' times reach to: the stop where the trace was to end, else the last of all. */
function endPlace(context: Context): number {
  return lastHit(context)?.at ?? context.records.length - 1
}

function endInstant(context: Context): Instant {
  const record = context.records[endPlace(context)]
  return record ? context.clock.at(record) : ZERO
}

/**
 * The steps' times. The exec stop lies within step 1, which lasts until the program (or its dynamic linker) runs: steps
 * 2 and 3 stand there and take none. What a program does before it executes itself again lies within step 1, too.
 */
function stepSpans(context: Context, stops: readonly number[][], end: Instant): Span[] {
  const starts = STEPS.map(({ id }, at) => startOf(context, id, stops[at] as number[]))
  const exec = starts[1]
  const spans = cut(
    starts.map((start, at) => (at === 1 || at === 2 ? null : start)),
    end,
  )
  if (!exec) return spans
  return spans.map((span, at) => (at === 1 || at === 2 ? { ...span, startNs: Math.min(exec.ns, span.startNs) } : span))
}

/** A step's first stop. Step 16 begins when gcenable returns, whether init functions are stopped at or not. */
function startOf(context: Context, id: StepId, own: readonly number[]): Instant | null {
  if (id === 'execve') return ZERO
  const first = own.find((at) => id !== 'sysmon' || context.records[at]?.kind === 'breakpoint')
  const record = first === undefined ? null : context.records[first]
  return record ? context.clock.at(record) : null
}

/** Places of the records that are a step's own stops, in order. */
function ownStops(context: Context, id: StepId, inits: readonly Init[]): number[] {
  const { records, exec, execAt, execExit } = context
  const hits = context.stepHits(id).map(({ at }) => at)
  switch (id) {
    case 'execve':
      return places(records, (record, at) => /^syscall-/.test(record.kind) || (record.kind === 'exec' && at <= execAt))
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
      return [...hits, ...cloneOf(context), ...initStops(context, inits, true)].sort((a, b) => a - b)
    case 'inits':
      return [...hits, ...initStops(context, inits, false)].sort((a, b) => a - b)
    default:
      return hits
  }
}

function places(records: readonly SessionRecord[], test: (record: SessionRecord, at: number) => boolean): number[] {
  return records.flatMap((record, at) => (test(record, at) ? [at] : []))
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

function initStops(context: Context, inits: readonly Init[], runtime: boolean): number[] {
  const addresses = new Set(inits.filter((init) => init.runtime === runtime).map((init) => init.address))
  return context.hits
    .filter(({ site }) => site.address !== null && site.role !== 'step')
    .filter(({ record }) => addresses.has(hex(record.address)))
    .map(({ at }) => at)
}

interface StepParts {
  scene: Scene
  list: StopList
  own: readonly number[]
  standing: Standing
  span: Span
}

function makeStep(
  { index, id, title }: Pick<Step, 'index' | 'id' | 'title'>,
  { scene, list, own, standing, span }: StepParts,
): Step {
  const { context } = scene
  const main = mainHit(context, id)
  const { startNs, wallNs, cpuNs, minorFaults, majorFaults } = span
  // a step that was never come to, or that a program that is not Go does not have, has no facts
  const bare =
    standing.status === 'not-reached' ||
    (standing.status === 'not-applicable' && (!context.go || context.host || context.shared) && index > 5)
  return {
    index,
    id,
    title,
    ...standing,
    stops: own.map((at) => list.indexOf.get(at)).filter((stop) => stop !== undefined),
    symbol: symbolOf(main?.site),
    address: main ? hex(main.record.address) : null,
    startNs,
    wallNs,
    cpuNs,
    minorFaults,
    majorFaults,
    evidence: bare ? {} : { ...EVIDENCE[id](scene) },
  }
}

function totals(
  context: Context,
  { steps, list, calibration }: { steps: readonly Step[]; list: StopList; calibration: Calibration },
): Totals {
  const sum = (key: 'wallNs' | 'cpuNs' | 'minorFaults' | 'majorFaults') =>
    steps.reduce((total, step) => total + step[key], 0)
  const cpuNs = sum('cpuNs')
  const end = endPlace(context)
  const counted = context.records.slice(0, end).filter((_, at) => list.indexOf.has(at))
  const crossed = counted.filter((record) => record.crossedCores).length
  const cost = crossed * calibration.crossCoreNs + (counted.length - crossed) * calibration.sameCoreNs
  return {
    wallNs: sum('wallNs'),
    cpuNs,
    cpuCorrectedNs: Math.max(0, Math.round(cpuNs - cost)),
    minorFaults: sum('minorFaults'),
    majorFaults: sum('majorFaults'),
    stops: list.stops.length,
    threads: endOf(context)?.threads || context.threadsAt(end),
  }
}

function overhead(context: Context, list: StopList, calibration: Calibration): Overhead {
  const heldNs = list.stops.reduce((total, stop) => total + stop.heldNs, 0)
  const armNs = context.records.reduce((total, record) => total + (record.kind === 'exec' ? record.armNs : 0), 0)
  return {
    perStopNs: list.stops.length === 0 ? 0 : Math.round(heldNs / list.stops.length),
    armNs,
    heldNs,
    crossings: list.stops.filter((stop) => stop.crossedCores).length,
    stopCpuNs: calibration,
  }
}

function executedBy({ target }: Assembly, { stack }: Context): Executed {
  return { path: target.path, argv: target.argv, envc: stack?.envc ?? null }
}
