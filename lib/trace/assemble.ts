/** Records → Trace. */
import type { ProgramImage } from '../image/types'
import { STEPS } from '../plan/catalogue'
import type { StepId, StopPlan } from '../plan/types'
import type { SessionRecord } from '../session/records'
import { hex } from './addresses'
import { Context, symbolOf } from './context'
import { Figures } from './figures'
import { InitWalk } from './inits'
import { notesOf } from './notes'
import { exitOf, listDescendants, listExecs, outcomeOf, type Script } from './outcome'
import { mainHit, type Standing } from './status'
import { EVIDENCE } from './steps/evidence'
import type { Scene } from './steps/scene'
import { addStops, emptyList, type StopDetails, type StopList } from './stops'
import { type Executed, listSyscalls } from './syscalls'
import { listThreads } from './threads'
import type { Span } from './times'
import type { ErrorInfo, Host, Outcome, Step, Stuck, Target, Trace } from './types'

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

/** Steps whose evidence is made as soon as a stop past them was reached: nothing that comes later changes it. */
const EARLY: readonly { past: StepId; steps: readonly StepId[] }[] = [
  { past: 'rt0', steps: ['execve', 'image', 'stack', 'interp', 'entry'] },
  {
    past: 'newproc',
    steps: ['rt0', 'args', 'osinit', 'schedinit', 'mallocinit', 'modules', 'procs'],
  },
  { past: 'sysmon', steps: ['newproc', 'mstart'] },
]

/** Steps whose evidence is made when the trace has come to where it was to end. */
const LATE: readonly StepId[] = ['sysmon', 'inits', 'main']

/** A trace in the making: its stops, and the evidence of steps that are past, are made while the target runs on. */
export class Draft {
  private readonly context: Context
  /** What is known from the exec on. */
  private readonly head: Head
  private readonly details: StopDetails
  private readonly walk: InitWalk
  private readonly list = emptyList()
  private readonly evidence: Partial<Record<StepId, Evidence>> = {}
  /** How many plans were added by then. */
  private readonly plans: number | undefined
  /** Made as soon as the trace has come to where it was to end, and of how many records. */
  private figures: Figures | null = null
  private figured = 0
  /** Of these figures. */
  private steps: Step[] = []
  private outcome: Outcome | null = null

  /** `assembly.records` begins with its exec, and may be added to until {@link finish}. */
  constructor(private readonly assembly: Assembly) {
    const { options = {} } = assembly
    this.context = new Context(assembly)
    this.head = headOf(assembly, this.context)
    this.walk = new InitWalk(this.context)
    this.plans = assembly.laterPlans?.length
    this.details = {
      registers: options.registers ?? true,
      maps: options.maps ?? true,
      backtraces: options.backtraces ?? false,
    }
  }

  /** Takes in the records that came since. */
  follow(): void {
    const { context, list, details } = this
    context.follow()
    addStops(list, context, details)
    this.walk.follow()
    for (const { past, steps } of EARLY) if (context.stepHits(past).length > 0) this.makeEarly(steps)
    if (context.last !== null && this.hasMoved()) this.makeFigures()
  }

  private makeFigures(): void {
    const { context, assembly } = this
    this.figures = new Figures(context, this.walk)
    this.figured = context.records.length
    const scene: Scene = { context, inits: this.figures.inits, target: assembly.target }
    for (const id of LATE) this.evidence[id] = evidenceOf(id, scene)
    this.outcome = outcomeOf(context)
    this.steps = this.makeSteps(this.figures, this.outcome)
  }

  /** The outcome is what was foreseen, and no step waits for the end to say why it was not reached. */
  private foresaw(outcome: Outcome): boolean {
    return outcome === this.outcome && !this.steps.some(({ status }) => status === 'not-reached')
  }

  /** The target did more since its figures were made than to be set free and to end. */
  private hasMoved(): boolean {
    return this.context.records.slice(this.figured).some(({ kind }) => kind !== 'detached' && kind !== 'end')
  }

  /** Whether the target has gone on to another image, or to the same one again, or more was planned: not known to this. */
  outdated(image: ProgramImage): boolean {
    const { context, assembly, plans } = this
    return context.image !== image || context.outrun || assembly.laterPlans?.length !== plans
  }

  /** The trace of all records. */
  finish(ending: Ending): Trace {
    this.follow()
    const { context, assembly, list } = this
    const { records, options = {} } = assembly
    const figures = this.figures ?? new Figures(context, this.walk)
    const outcome = ending.outcome ?? outcomeOf(context)
    const { totals, overhead } = figures.sums()
    const trace: Trace = Object.assign(this.head, {
      outcome,
      exit: exitOf(context),
      error: ending.error ?? null,
      totals,
      overhead,
      descendants: listDescendants(context),
      steps: this.foresaw(outcome) ? this.steps : this.makeSteps(figures, outcome),
      stops: list.stops,
      inits: [...figures.inits],
      threads: listThreads(context),
      output: ending.output ?? { stdout: '', stderr: '' },
    })
    const notes = notesOf(context)
    if (notes.length > 0) trace.notes = notes
    if (ending.stuck) trace.stuck = ending.stuck
    if (options.syscalls) trace.syscalls = listSyscalls(records, executedBy(assembly, context))
    return trace
  }

  private makeEarly(steps: readonly StepId[]): void {
    const scene: Scene = { context: this.context, inits: [], target: this.assembly.target }
    for (const id of steps) this.evidence[id] ??= evidenceOf(id, scene)
  }

  private makeSteps(figures: Figures, outcome: Outcome): Step[] {
    const { context, list } = this
    const { inits, stops, spans } = figures
    const standings = figures.standings(outcome)
    const scene: Scene = { context, inits, target: this.assembly.target }
    return STEPS.map(({ index, id, title }, at): Step => {
      const own = stops[at] as readonly number[]
      return makeStep(
        { index, id, title },
        { scene, list, own, standing: standings[at] as Standing, span: spans[at] as Span, known: this.evidence[id] },
      )
    })
  }
}

type Head = Pick<Trace, 'schema' | 'tool' | 'target' | 'execs' | 'host' | 'startedAt' | 'pid'>

function headOf(assembly: Assembly, context: Context): Head {
  const { records, host, version } = assembly
  return {
    schema: 'premain.trace/1',
    tool: { name: 'premain', version },
    target: targetOf(assembly),
    execs: listExecs(context, assembly.target.path, assembly.scripts ?? []),
    host,
    startedAt: startedAt(records),
    pid: records[0]?.tid ?? 0,
  }
}

/** What was started, with what its file says of it. */
export function targetOf({ target, image }: Assembly): Target {
  return Object.assign({}, target, { elf: image.elf, go: image.go?.info ?? null })
}

function startedAt(records: readonly SessionRecord[]): string {
  const entry = records.find((record) => record.kind === 'syscall-entry')
  return new Date(Number((entry?.realtimeNs ?? 0n) / 1_000_000n)).toISOString()
}

interface StepParts {
  scene: Scene
  list: StopList
  own: readonly number[]
  standing: Standing
  span: Span
  /** The step's evidence, where it was made before. */
  known: Evidence | undefined
}

type Evidence = Step['evidence']

function evidenceOf(id: StepId, scene: Scene): Evidence {
  return EVIDENCE[id](scene) as unknown as Evidence
}

function makeStep(
  { index, id, title }: Pick<Step, 'index' | 'id' | 'title'>,
  { scene, list, own, standing, span, known }: StepParts,
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
    status: standing.status,
    reason: standing.reason,
    stops: own.map((at) => list.indexOf.get(at)).filter((stop) => stop !== undefined),
    symbol: symbolOf(main?.site),
    address: main ? hex(main.record.address) : null,
    startNs,
    wallNs,
    cpuNs,
    minorFaults,
    majorFaults,
    evidence: bare ? {} : (known ?? evidenceOf(id, scene)),
  }
}

function executedBy({ target }: Assembly, { stack }: Context): Executed {
  return { path: target.path, argv: target.argv, envc: stack?.envc ?? null }
}
