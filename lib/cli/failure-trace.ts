/** The document of a failure: the partial trace where there is one, else one that holds little but the error. */
import { PremainError } from '../errors'
import { STEPS } from '../plan/catalogue'
import { TOOL } from '../tool'
import { describeHost } from '../trace/host'
import type { ErrorInfo, Outcome, Step, Trace } from '../trace/types'
import type { Invocation } from './command'
import type { TraceCommandOptions } from './trace-options'

/** What a failed call leaves as a trace, with `error` filled. */
export function failureTrace(error: unknown, invocation: Invocation<Partial<TraceCommandOptions>>): Trace {
  const partial = error instanceof PremainError ? (error.trace as Trace | undefined) : undefined
  const trace = partial ?? emptyTrace(error, invocation)
  return { ...trace, error: infoOf(error) }
}

/** It shows more than the error does: the program was started. */
export function isPartial(trace: Trace): boolean {
  return trace.outcome !== 'exec-failed' && trace.stops.length > 0
}

/** An error of any kind as data. */
export function infoOf(error: unknown): ErrorInfo {
  if (error instanceof PremainError) {
    const { code, message, hint, errno, syscall } = error
    return { code, message, hint, errno, syscall }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'INTERNAL', message, hint: 'This is a defect of premain.', errno: null, syscall: null }
}

function emptyTrace(error: unknown, { operands, options }: Invocation<Partial<TraceCommandOptions>>): Trace {
  const reason = 'the program was not started'
  return {
    schema: 'premain.trace/1',
    tool: TOOL,
    target: {
      path: operands[0] ?? '',
      argv: operands,
      cwd: options.cwd ?? process.cwd(),
      size: 0,
      stdio: [],
      elf: null,
      go: null,
    },
    execs: [],
    host: describeHost(),
    startedAt: new Date().toISOString(),
    pid: 0,
    outcome: outcomeOf(error),
    exit: null,
    error: infoOf(error),
    totals: { wallNs: 0, cpuNs: 0, cpuCorrectedNs: 0, minorFaults: 0, majorFaults: 0, stops: 0, threads: 0 },
    overhead: {
      perStopNs: 0,
      armNs: 0,
      heldNs: 0,
      crossings: 0,
      stopCpuNs: { sameCoreNs: 0, crossCoreNs: 0, eventNs: 0 },
    },
    descendants: [],
    steps: STEPS.map(({ index, id, title }): Step => {
      const times = { startNs: 0, wallNs: 0, cpuNs: 0, minorFaults: 0, majorFaults: 0 }
      const where = { stops: [], symbol: null, address: null }
      return { index, id, title, status: 'not-reached', reason, ...where, ...times, evidence: {} }
    }),
    stops: [],
    inits: [],
    threads: [],
    output: { stdout: '', stderr: '' },
  }
}

function outcomeOf(error: unknown): Outcome {
  const code = error instanceof PremainError ? error.code : null
  return code === 'TIMEOUT' ? 'timeout' : code === 'ABORTED' ? 'aborted' : 'exec-failed'
}
