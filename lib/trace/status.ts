/** What is known of each step, and why not more. A status speaks of stops; whether facts agree is in the evidence. */
import { STEPS } from '../plan/catalogue'
import { HOST_REASON, SHARED_REASON } from '../plan/host'
import { stopsOf } from '../plan/stops'
import type { StepId } from '../plan/types'
import type { Context, Hit } from './context'
import type { Init, Outcome, StepStatus } from './types'

/** A step's status, and why unless it was observed. */
export interface Standing {
  status: StepStatus
  reason: string | null
}

/** What the standing of every step follows from. */
export interface Run {
  context: Context
  inits: readonly Init[]
  outcome: Outcome
}

const OBSERVED: Standing = { status: 'observed', reason: null }

const FIRST_GO_STEP = 6

/** The standings of all 17 steps. */
export function standings(run: Run): Standing[] {
  const seen = STEPS.map(({ id }) => isSeen(run, id))
  const furthest = seen.lastIndexOf(true)
  // A library's runtime starts on a thread of its own, when the program's may still be on its way to the entry point.
  const own = seen.slice(0, FIRST_GO_STEP - 1).lastIndexOf(true)
  return STEPS.map(({ id, index }, at) => {
    if (seen[at]) return OBSERVED
    const passed = at < (run.context.host && index < FIRST_GO_STEP ? own : furthest)
    return notApplicable(run, id) ?? derived(run, id) ?? unseen(run, id, passed)
  })
}

/** The step's own stop was seen: its main stop, where it has several. */
function isSeen(run: Run, id: StepId): boolean {
  const { context } = run
  switch (id) {
    case 'execve':
      return context.records.some((record) => record.kind === 'syscall-entry')
    case 'image':
    case 'stack':
      return context.exec !== null
    case 'interp':
      return interpreterHit(context) && context.stepHits('entry').length > 0
    case 'inits':
      // asked to end at its begin, the trace has none of its functions
      return run.inits.some((init) => !init.runtime) || context.last?.site.step === 'inits'
    default:
      return mainHit(context, id) !== null
  }
}

/** execve returned into the dynamic linker, not into the program. */
function interpreterHit({ image, execExit, exec, auxv }: Context): boolean {
  const entry = auxv.get('AT_ENTRY')
  return image.elf.interpreter !== null && exec !== null && execExit?.result === 0 && execExit.address !== entry
}

/** The step's main stop, when it was reached; that of step 16 is the first init function after gcenable. */
export function mainHit(context: Context, id: StepId): Hit | null {
  if (id === 'inits') {
    const begin = context.hit('runtime.gcenable')?.at ?? 0
    const first = context.hits.find(({ site, at }) => site.role === 'init' && at > begin)
    if (first) return first
  }
  const main = context.mainSite(id)
  return main ? (context.stepHits(id).find(({ site }) => site === main) ?? null) : null
}

function notApplicable(run: Run, id: StepId): Standing | null {
  const { image, host, shared } = run.context
  const no = (reason: string): Standing => ({ status: 'not-applicable', reason })
  if (id === 'interp' && image.elf.interpreter === null) {
    return no('the file has no PT_INTERP: the kernel starts the program itself')
  }
  const { index } = STEPS.find((step) => step.id === id) as { index: number }
  if (!image.go) return index >= FIRST_GO_STEP ? no(image.notes.join('; ') || 'not a Go program') : null
  if (host && (id === 'main' || (run.outcome === 'reached-entry' && index >= FIRST_GO_STEP))) return no(HOST_REASON)
  if (shared && id !== 'main' && index >= FIRST_GO_STEP) return no(SHARED_REASON)
  if (id === 'inits' && everyInitRan(run)) return no('no package but the runtime’s own has init work')
  const { minors } = image.go
  const versions = stopsOf(id)
  if (versions.length > 0 && versions.every((stop) => stop.from > minors.max)) {
    return no(`Go 1.${minors.max} has no such step`)
  }
  return null
}

/** `main.main` was reached, inits were stopped at, and none of those planned was left out. */
function everyInitRan({ context, inits }: Run): boolean {
  if (!context.go || context.hit('main.main') === null) return false
  const planned = context.ownSites.filter((site) => site.role === 'init' && site.address !== null).length
  const listed = context.go.initTasks.reduce((total, task) => total + task.functions.length, 0)
  return listed === 0 || (planned > 0 && inits.length >= planned && inits.every((init) => init.runtime))
}

function derived(run: Run, id: StepId): Standing | null {
  const { context } = run
  const known = (reason: string): Standing => ({ status: 'derived', reason })
  if (id === 'inits' && !context.ownSites.some((site) => site.role === 'init')) {
    if (context.hit('runtime.gcenable (return)'))
      return known('init functions were not stopped at; they come from the file')
  }
  return null
}

function unseen(run: Run, id: StepId, passed: boolean): Standing {
  if (!passed) return { status: 'not-reached', reason: endReason(run) }
  const main = run.context.mainSite(id)
  const reason = main ? `${main.name} was passed without a stop` : 'no function of this step was found in the program'
  return { status: 'missed', reason }
}

const ENDINGS: Readonly<Record<Outcome, string>> = {
  'reached-main': 'the trace ended at main.main',
  'reached-until': 'the trace was asked to end before',
  'reached-entry': 'the trace ended at the entry point',
  exited: 'the program exited before',
  killed: 'the program was killed before',
  'exec-failed': 'execve failed',
  timeout: 'the time ran out before',
  aborted: 'the trace was aborted before',
}

function endReason({ context, outcome }: Run): string {
  const last = outcome === 'reached-until' ? context.last : null
  if (!last && context.records.some((record) => record.kind === 'detached')) return 'the program was set free before'
  return last ? `the trace was asked to end at ${last.site.name}` : ENDINGS[outcome]
}
