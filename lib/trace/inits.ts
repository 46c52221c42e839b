/** The package init functions that ran, each with its own times. */
import type { FileAddress, GoImage } from '../image/types'
import { hex } from './addresses'
import type { Context, Hit } from './context'
import { between, type Instant, notBefore, type Span } from './times'
import type { Init } from './types'

/** One entry or return of an init function, or the end of a stretch of init work. */
interface Event {
  at: Instant
  kind: 'enter' | 'leave' | 'end'
  hit: Hit | null
}

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
 * The init functions in the order in which their work was done, with the time that each spent itself.
 *
 * From Go 1.13 on they run one after another: a function lasts until the next one, or until the next stop of a step.
 * Before, a package's init calls those of its imports: their returns are stops too, and what runs inside is not counted
 * for the one that waits.
 */
export function collectInits(context: Context, end: Instant): Init[] {
  if (!context.go) return []
  // Up to 1.12 runtime.init is a stop of step 15 besides, also where the init functions are not stopped at.
  if (!context.hits.some(({ site }) => site.role === 'init')) return []
  const functions = functionsOf(context.go)
  const tasks = new Map<number, number>()
  return selfTimes(events(context, functions, end)).map(({ hit, own }, order) => {
    const { task, name, package: path } = functions.get(hit.site.address as FileAddress) as InitFunction
    const line = context.code.lineAt(hit.site.address as FileAddress)
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
  })
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

function events(context: Context, functions: ReadonlyMap<FileAddress, unknown>, end: Instant): Event[] {
  const out: Event[] = []
  let floor: Instant | null = null
  for (const hit of context.hits) {
    const { site, record } = hit
    const at: Instant = floor ? notBefore(context.clock.at(record), floor) : context.clock.at(record)
    floor = at
    if (site.address !== null && functions.has(site.address)) out.push({ at, kind: 'enter', hit })
    else if (site.role === 'init') out.push({ at, kind: 'leave', hit: null })
    else if (site.role === 'step') out.push({ at, kind: 'end', hit: null })
  }
  out.push({ at: floor ? notBefore(end, floor) : end, kind: 'end', hit: null })
  return out
}

/** Walks the events with the stack of what is running. Without returns the stack has one function at most. */
function selfTimes(all: readonly Event[]): { hit: Hit; own: Span }[] {
  const done: { hit: Hit; own: Span }[] = []
  const running: Running[] = []
  const nested = all.some(({ kind }) => kind === 'leave')
  const finish = (): void => {
    const top = running.pop()
    if (top) done.push(top)
  }
  for (const { at, kind, hit } of all) {
    charge(running.at(-1), at)
    if (kind === 'leave' || (kind === 'end' && !nested) || (kind === 'enter' && !nested)) finish()
    const next = running.at(-1)
    if (next) next.since = at
    if (kind === 'enter' && hit) running.push({ hit, own: between(at, at), since: at })
  }
  while (running.length > 0) finish()
  return done
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
