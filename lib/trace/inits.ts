/** The package init functions that ran, each with its own times. */
import type { FileAddress, GoImage } from '../image/types'
import { hex } from './addresses'
import type { Context, Hit } from './context'
import { between, type Instant, notBefore, type Span, ZERO } from './times'
import type { Init } from './types'

/** An init function that has begun: its own time until `since`. */
interface Running {
  hit: Hit
  own: Span
  since: Instant
}

/** Where init functions were entered and, up to Go 1.12, where they returned to, in order. */
export function initHits(context: Context): readonly Hit[] {
  if (!context.go) return []
  const functions = functionsOf(context.go)
  return context.hits.filter(
    ({ site }) => site.role === 'init' || (site.address !== null && functions.has(site.address)),
  )
}

/** An init function was entered before the runtime’s main enabled the GC: it is one of the runtime’s own. */
export function isRuntimeInit(context: Context, hit: Hit): boolean {
  return hit.at < (context.hit('runtime.gcenable')?.at ?? Number.POSITIVE_INFINITY)
}

/**
 * The init functions in the order in which their work was done, with the time that each spent itself; followed while they run.
 *
 * From Go 1.13 on they run one after another: a function lasts until the next one, or until the next stop of a step.
 * Before, a package's init calls those of its imports: their returns are stops too, and what runs inside is not counted
 * for the one that waits.
 */
export class InitWalk {
  private readonly functions: ReadonlyMap<FileAddress, InitFunction>
  /** What the hits so far led to. Without returns one function runs at most. */
  private done: Init[] = []
  private tasks = new Map<number, number>()
  private running: Running[] = []
  private floor: Instant = ZERO
  private followed = 0
  /** Returns are among the hits. */
  private nested = false
  /** Init functions are stopped at. Up to 1.12 runtime.init is a stop of step 15 besides, also where they are not. */
  private any = false
  private epoch: number

  /** `context` may follow its records. */
  constructor(private readonly context: Context) {
    this.functions = context.go ? functionsOf(context.go) : new Map()
    this.epoch = context.clock.epoch
  }

  /** Takes in the hits that came since. */
  follow(): void {
    const { context, functions } = this
    context.clock.follow()
    if (this.epoch !== context.clock.epoch) this.restart()
    for (; this.followed < context.hits.length; this.followed++) {
      const hit = context.hits[this.followed] as Hit
      const { address, role } = hit.site
      const enters = address !== null && functions.has(address)
      this.any ||= role === 'init'
      if (!enters && role === 'init' && !this.nested) {
        this.nested = true
        this.restart()
        this.follow()
        return
      }
      this.floor = notBefore(context.clock.at(hit.record), this.floor)
      if (enters || role === 'init' || role === 'step') this.take(hit, enters)
    }
  }

  /** All of them, the last until `end`. */
  until(end: Instant): Init[] {
    this.follow()
    if (!this.any) return []
    const rest = this.running.map(({ hit, own, since }) => ({ hit, own: { ...own }, since }))
    charge(rest.at(-1), notBefore(end, this.floor))
    const inits = [...this.done]
    const tasks = new Map(this.tasks)
    for (const { hit, own } of rest.reverse()) inits.push(this.describe(hit, own, { order: inits.length, tasks }))
    return inits
  }

  private restart(): void {
    this.done = []
    this.tasks = new Map()
    this.running = []
    this.floor = ZERO
    this.followed = 0
    this.epoch = this.context.clock.epoch
  }

  /** An entry, a return, or a step’s stop: the end of a stretch of init work. */
  private take(hit: Hit, enters: boolean): void {
    const { running, nested, floor: at } = this
    const returns = !enters && hit.site.role === 'init'
    charge(running.at(-1), at)
    if (returns || !nested) this.finish(running.pop())
    const next = running.at(-1)
    if (next) next.since = at
    if (enters) running.push({ hit, own: between(at, at), since: at })
  }

  private finish(top: Running | undefined): void {
    if (top) this.done.push(this.describe(top.hit, top.own, { order: this.done.length, tasks: this.tasks }))
  }

  private describe(hit: Hit, own: Span, { order, tasks }: { order: number; tasks: Map<number, number> }): Init {
    const { context, functions } = this
    const address = hit.site.address as FileAddress
    const { task, name, package: path } = functions.get(address) as InitFunction
    const line = context.code.lineAt(address)
    if (!tasks.has(task)) tasks.set(task, tasks.size)
    return {
      order,
      task: tasks.get(task) as number,
      package: path,
      function: name,
      address: hex(hit.record.address),
      file: line?.file ?? null,
      line: line?.line ?? null,
      runtime: isRuntimeInit(context, hit),
      startNs: own.startNs,
      wallNs: own.wallNs,
      cpuNs: own.cpuNs,
      minorFaults: own.minorFaults,
    }
  }
}

interface InitFunction {
  /** Place among the image's tasks. */
  task: number
  package: string
  name: string
}

const known = new WeakMap<GoImage, ReadonlyMap<FileAddress, InitFunction>>()

function functionsOf(go: GoImage): ReadonlyMap<FileAddress, InitFunction> {
  const functions = known.get(go) ?? functionsByAddress(go)
  known.set(go, functions)
  return functions
}

function functionsByAddress(go: GoImage): ReadonlyMap<FileAddress, InitFunction> {
  const functions = new Map<FileAddress, InitFunction>()
  go.initTasks.forEach((task, index) => {
    for (const { name, entry } of task.functions) functions.set(entry, { task: index, package: task.package, name })
  })
  return functions
}

function charge(top: Running | undefined, now: Instant): void {
  if (!top) return
  const { own, since } = top
  own.wallNs += now.ns - since.ns
  own.cpuNs += now.cpuNs - since.cpuNs
  own.minorFaults += now.minorFaults - since.minorFaults
  own.majorFaults += now.majorFaults - since.majorFaults
  top.since = now
}
