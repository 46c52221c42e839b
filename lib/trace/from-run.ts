/** A finished run, or what was seen of one that still runs, as a Trace. */
import { resolve } from 'node:path'
import type { Run } from '../session/run'
import { TOOL } from '../tool'
import { assembleTrace } from './assemble'
import { describeHost } from './host'
import type { Trace } from './types'

/** What the target wrote to piped descriptors. */
export type Output = Trace['output']

/** The trace of a run. Releases the image's descriptor. */
export function traceOf(run: Run, output: Output): Trace {
  const { image, options, program } = run
  try {
    return assembleTrace({
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
      outcome: run.interruption?.outcome ?? null,
      stuck: run.stuck,
      output,
      options: {
        registers: options.registers,
        maps: options.maps,
        backtraces: options.backtraces,
        syscalls: options.syscalls,
      },
    })
  } finally {
    image.close()
  }
}
