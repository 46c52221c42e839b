/** A finished run, or what was seen of one that still runs, as a Trace. */
import { resolve } from 'node:path'
import type { Run } from '../session/run'
import { TOOL } from '../tool'
import { type Assembly, assembleTrace, Draft } from './assemble'
import { describeHost } from './host'
import type { Trace } from './types'

/** What the target wrote to piped descriptors. */
export type Output = Trace['output']

const drafts = new WeakMap<Run, Draft>()

/** Begins the trace of a run of which nothing but the end is to come, while the target runs there. */
export function draftTrace(run: Run): void {
  try {
    drafts.set(run, new Draft(assemblyOf(run)))
  } catch {
    // What is wrong with it will be wrong at the end, too, where there is somebody to hear of it.
  }
}

/** The trace of a run. Releases the image's descriptor. */
export function traceOf(run: Run, output: Output): Trace {
  const ending = { outcome: run.interruption?.outcome ?? null, stuck: run.stuck, output }
  try {
    const draft = drafts.get(run)
    return draft?.holds(ending) ? draft.finish(ending) : assembleTrace({ ...assemblyOf(run), ...ending })
  } finally {
    drafts.delete(run)
    run.image.close()
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
