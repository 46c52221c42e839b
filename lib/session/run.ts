/** One launch of a prepared program: descriptors, tracer, timeout and abort. `trace()` and `launch()` both stand on it. */
import { statSync } from 'node:fs'
import { named, PremainError } from '../errors'
import { joinImages } from '../image/joined'
import type { ProgramImage } from '../image/types'
import { planLoader } from '../plan/loader'
import { planStops } from '../plan/plan'
import type { Site, StopPlan } from '../plan/types'
import { type FoundLibrary, Libraries } from './libraries'
import { inheritedOpenFiles } from './limits'
import type { ResolvedOptions } from './options'
import { encodePlan, type WalkOptions } from './plan-wire'
import { openForTrace, type PreparedProgram, planOptions, prepareProgram } from './program'
import type { BreakpointRecord, EndRecord, ExecRecord, SessionRecord } from './records'
import { TargetStdio } from './stdio'
import { Tracer } from './tracer'
import type { Stuck } from './types'
import type { Batch } from './wire'

/** How much of the stack is taken at a stop where a backtrace is wanted. */
const BACKTRACE_STACK_BYTES = 4096

/** How often a target whose time has run out is let go on for another look at it, and for how long. */
const MORE_LOOKS = 5
const LOOK_AGAIN_MS = 1

/** What the owner of a run is told. */
export interface RunObserver {
  onBatch(batch: Batch): void
  /**
   * The run is paused on its way to its end by a timeout: what the held target knows can be read now. False where it is
   * in a state of a moment, and worth another look.
   */
  onInterrupted?(): boolean
  onEnd(end: EndRecord): void
}

/** Why a run was ended from outside. */
export interface Interruption {
  outcome: 'timeout' | 'aborted'
  /** `signal.reason`, for an abort. */
  reason: unknown
}

/** How a run is to be. */
export interface RunSettings {
  options: ResolvedOptions
  /** Hold the target at every stop, all its threads. */
  allStop: boolean
  /** Another run of some program follows at once. */
  followed?: boolean
  observer: RunObserver
}

/** A launched target. */
export class Run {
  readonly program: PreparedProgram
  readonly options: ResolvedOptions
  readonly walk: WalkOptions
  readonly stdio: TargetStdio
  readonly tracer: Tracer
  /** Plans of the images that the target went on to execute, after the first. */
  readonly laterPlans: StopPlan[] = []
  /** The image that runs now. */
  image: ProgramImage
  interruption: Interruption | null = null
  /** Where the target hung when its time ran out. */
  stuck: Stuck | null = null
  /** What the dynamic linker has brought; null until it was first asked. */
  private libraries: Libraries | null = null
  private timer: NodeJS.Timeout | null = null
  private looks = MORE_LOOKS
  private readonly onAbort = (): void => this.interrupt({ outcome: 'aborted', reason: this.options.signal?.reason })

  /**
   * Starts the target.
   * @throws PremainError for everything that can be known before: the program's file, the options, an aborted signal
   */
  constructor(file: string, args: readonly string[], { options, allStop, followed = false, observer }: RunSettings) {
    if (options.signal?.aborted) throw aborted(options.signal.reason)
    this.options = options
    this.walk = {
      allStop,
      run: options.run,
      syscalls: options.syscalls,
      stackBytes: options.backtraces ? BACKTRACE_STACK_BYTES : 0,
    }
    this.program = prepareProgram(file, args, options)
    this.image = this.program.image
    const env = options.env.read() // before there are pipes, which nobody would close
    this.stdio = new TargetStdio(options.stdio)
    this.tracer = new Tracer(
      {
        file: this.program.path,
        argv: this.program.argv,
        env,
        cwd: options.cwd,
        stdio: this.stdio.target,
        openFiles: inheritedOpenFiles(),
        handOver: this.stdio.handOver,
        followed,
      },
      encodePlan(this.program.plan, this.walk),
      { onBatch: (batch) => this.receive(batch, observer), onEnd: (end) => this.finish(end, observer) },
    )
    if (options.timeout > 0) {
      this.timer = setTimeout(() => this.interrupt({ outcome: 'timeout', reason: null }), options.timeout)
    }
    options.signal?.addEventListener('abort', this.onAbort, { once: true })
  }

  get records(): readonly SessionRecord[] {
    return this.tracer.records
  }

  /** The load bias of the image that runs now. */
  get bias(): bigint {
    const exec = this.records.findLast((record) => record.kind === 'exec')
    return exec?.kind === 'exec' ? exec.bias : 0n
  }

  /** The site of a stop, with its image. */
  siteOf(record: BreakpointRecord): { site: Site; image: ProgramImage } {
    let index = record.site
    for (const plan of [this.program.plan, ...this.laterPlans]) {
      const site = plan.sites[index]
      if (site !== undefined) return { site, image: plan.image }
      index -= plan.sites.length
    }
    throw new PremainError('INVALID_OPTION', `no stop ${record.site} was planned`)
  }

  /** Ends the run from outside; the first reason counts. */
  interrupt(interruption: Interruption): void {
    if (this.interruption !== null || this.tracer.ended) return
    this.interruption = interruption
    if (interruption.outcome === 'timeout') this.tracer.pause()
    else this.tracer.end()
  }

  /** What goes wrong with what the target reported ends the run: above the tracer's call is nobody who could be told. */
  private receive(batch: Batch, observer: RunObserver): void {
    try {
      this.take(batch, observer)
    } catch (reason) {
      if (this.interruption === null) this.interrupt({ outcome: 'aborted', reason: named(reason) })
      else this.tracer.end()
    }
  }

  private take(batch: Batch, observer: RunObserver): void {
    const last = batch.records.at(-1)
    if (!batch.held && this.isLate(batch)) this.interrupt({ outcome: 'timeout', reason: null })
    if (batch.held && this.interruption !== null) {
      if (last?.kind === 'state' && observer.onInterrupted?.() === false && this.looks-- > 0) this.lookAgain()
      else this.tracer.end()
      return
    }
    if (batch.held && last?.kind === 'exec' && !last.planned) this.replan(last)
    if (batch.held && last?.kind === 'breakpoint' && this.siteOf(last).site.role === 'loader') {
      this.planLoaded()
      observer.onBatch({ ...batch, held: false })
      this.tracer.resume()
      return
    }
    observer.onBatch(batch)
    if (batch.held && !this.walk.allStop) this.tracer.resume()
  }

  /** Batches may come so fast that no timer has a turn between them: then the stops' own times tell. */
  private isLate({ records }: Batch): boolean {
    const { timeout } = this.options
    const stop = timeout > 0 ? records.findLast(({ kind }) => kind === 'breakpoint') : undefined
    return stop !== undefined && stop.atNs > timeout * 1e6
  }

  private lookAgain(): void {
    this.tracer.resume()
    this.timer = setTimeout(() => this.tracer.pause(), LOOK_AGAIN_MS)
  }

  /** Arms the sites of one more plan; records number them after those already known. */
  addPlan(plan: StopPlan): void {
    this.laterPlans.push(plan)
    this.tracer.addSites(plan, this.walk)
  }

  /** The target executed another program: its stops follow those already planned. */
  private replan(exec: ExecRecord): void {
    try {
      const image = openForTrace(executedFile(exec))
      const options = planOptions(this.options)
      const plan = planLoader(image, options) ?? planStops(image, options)
      this.image = image
      this.libraries = null
      this.addPlan(plan)
    } catch (reason) {
      this.unplanned(reason)
    }
  }

  /**
   * The dynamic linker has mapped objects. With a Go library among them the program is planned together with it; without
   * one the first time, as it is by itself, or for as far as its entry point where another may come.
   */
  private planLoaded(): void {
    try {
      const { image } = this
      if (image.program !== undefined) return
      this.libraries ??= new Libraries(image)
      const first = !this.libraries.ready
      const found = this.libraries.look(this.tracer.maps() ?? Buffer.alloc(0))
      if (!this.libraries.ready || (found === null && !first)) return
      const awaitLibrary = this.libraries.mayLoad
      if (found !== null) this.image = this.join(image, found)
      this.addPlan(planStops(this.image, { ...planOptions(this.options), awaitLibrary }))
    } catch (reason) {
      this.unplanned(reason)
    }
  }

  private join(program: ProgramImage, { image, go, bias }: FoundLibrary): ProgramImage {
    const slot = go.tlsSlot === null ? null : this.tracer.readMemory(BigInt(go.tlsSlot) + bias, 8)
    // zero until the library is relocated: at start-up that is done, in the middle of dlopen it is not
    const tlsOffset = slot?.length === 8 ? Number(slot.readBigInt64LE()) || null : null
    return joinImages(program, { image, go, offset: Number(bias - this.bias), tlsOffset })
  }

  /** What cannot be stopped must not run on: it would outrun the last planned stop. */
  private unplanned(reason: unknown): void {
    if (!this.options.run) this.interrupt({ outcome: 'aborted', reason: named(reason) })
  }

  private finish(end: EndRecord, observer: RunObserver): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.options.signal?.removeEventListener('abort', this.onAbort)
    try {
      observer.onEnd(end)
    } finally {
      for (const plan of [this.program.plan, ...this.laterPlans]) plan.image.close()
    }
  }
}

/** Its own path, by which it can be opened when the process is gone; what has none (deleted, a memfd), by the process. */
function executedFile({ tid, exe }: ExecRecord): string {
  const running = `/proc/${tid}/exe`
  const [here, there] = [exe, running].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }))
  return here !== undefined && here.dev === there?.dev && here.ino === there.ino ? exe : running
}

/** The error for an aborted signal. */
export function aborted(reason: unknown): PremainError {
  const hint = 'The signal option ended it: cause is the reason that was given to abort().'
  return new PremainError('ABORTED', 'the trace was aborted', { hint, cause: reason })
}
