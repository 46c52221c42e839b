/** A finished run, or what was seen of one that still runs, as a Trace. */
import { resolve } from 'node:path'
import { setImmediate } from 'node:timers'
import type { Run } from '../session/run'
import { TOOL } from '../tool'
import { type Assembly, assembleTrace, Draft, targetOf } from './assemble'
import { knowsCode } from './code'
import { Context } from './context'
import { disassemble } from './disassembly'
import { Figures, type RunFigures } from './figures'
import { describeHost } from './host'
import { exitOf, listExecs, outcomeOf } from './outcome'
import type { Standing } from './status'
import type { Trace } from './types'

/** What the target wrote to piped descriptors. */
export type Output = Trace['output']

let readied = false

/** Loads what the first trace of this process is made with, in the first millisecond of its target, which passes idly. */
export function readyForRecords({ image }: Run): void {
  if (readied) return
  readied = true
  setImmediate(() => {
    try {
      if (!knowsCode(image)) disassemble({ bytes: Buffer.alloc(0), address: 0n }, 0)
      describeHost()
    } catch {
      // As for draftTrace(): it is tried again where it is needed.
    }
  })
}

const drafts = new WeakMap<Run, Draft>()

/** Makes as much of a run's trace as can be made of its records so far. */
export function draftTrace(run: Run): void {
  try {
    if (run.records.at(-1)?.kind === 'end') return // traceOf() takes the rest in
    const known = drafts.get(run)
    if (known === undefined && !run.records.some(({ kind }) => kind === 'exec')) return
    const draft = known === undefined || known.outdated(run.image) ? new Draft(assemblyOf(run)) : known
    drafts.set(run, draft)
    draft.follow()
  } catch {
    // What is wrong with it will be wrong at the end, too, where there is somebody to hear of it.
  }
}

/** The trace of a run. Releases the image's descriptor. */
export function traceOf(run: Run, output: Output): Trace {
  const ending = { outcome: run.interruption?.outcome ?? null, stuck: run.stuck, output }
  try {
    const draft = drafts.get(run)
    if (draft !== undefined && !draft.outdated(run.image)) return draft.finish(ending)
    return assembleTrace({ ...assemblyOf(run), ...ending })
  } finally {
    drafts.delete(run)
    run.image.close()
  }
}

/** What runs took that came as far as asked, worked out while their targets were being ended. */
const taken = new WeakMap<Run, { figures: Omit<RunFigures, 'output'>; records: number }>()

/** Works out what a run took, where it has come as far as asked: its target is being ended, which takes as long. */
export function draftFigures(run: Run): void {
  try {
    const last = run.records.at(-1)
    if (last?.kind !== 'breakpoint' || !last.accepted || !run.siteOf(last).site.last) return
    taken.set(run, { figures: figuresUntil(run), records: run.records.length })
  } catch {
    // As for draftTrace().
  }
}

/** What a run took that came as far as asked; null when more came to pass than its end. Releases the image. */
export function figuresOf(run: Run, output: Output): RunFigures | null {
  const { records, interruption } = run
  const known = taken.get(run)
  const end = records.at(-1)
  if (known?.records !== records.length - 1 || end?.kind !== 'end' || end.how !== 'killed-by-us') return null
  if (interruption !== null) return null
  run.image.close()
  const { figures } = known
  if (end.threads > 0) figures.totals.threads = end.threads
  return Object.assign(figures, { output })
}

function figuresUntil(run: Run): Omit<RunFigures, 'output'> {
  const assembly = assemblyOf(run)
  const context = new Context(assembly)
  const figures = new Figures(context)
  const outcome = outcomeOf(context)
  const standings = figures.standings(outcome)
  const { totals, overhead } = figures.sums()
  return {
    target: targetOf(assembly),
    execs: listExecs(context, assembly.target.path, run.program.scripts),
    host: assembly.host,
    outcome,
    exit: exitOf(context),
    error: null,
    totals,
    overhead,
    steps: figures.spans.map(({ wallNs, cpuNs }, at) => ({
      status: (standings[at] as Standing).status,
      wallNs,
      cpuNs,
    })),
    inits: [...figures.inits],
  }
}

function assemblyOf(run: Run): Assembly {
  const { image, options, program } = run
  const { registers, maps, backtraces, syscalls } = options
  return {
    image,
    plan: program.plan,
    laterPlans: run.laterPlans,
    records: run.records,
    version: TOOL.version,
    scripts: program.scripts,
    host: describeHost(),
    target: {
      path: program.path,
      argv: program.argv,
      cwd: resolve(options.cwd),
      size: Number(image.identity.size),
      stdio: run.stdio.kinds,
    },
    options: { registers, maps, backtraces, syscalls },
  }
}
