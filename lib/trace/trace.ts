/** `trace()` and `launch()`: the way through all stages, from a name to a Trace. */
import { named } from '../errors'
import { type ResolvedOptions, resolveOptions, splitArguments, type TraceOptions } from '../session/options'
import { Run } from '../session/run'
import { Session } from '../session/session'
import { OutputTail } from '../session/stdio'
import { failureOf } from './failure'
import type { RunFigures } from './figures'
import { draftFigures, draftTrace, figuresOf, type Output, readyForRecords, traceOf } from './from-run'
import { liveFrames, liveMappings } from './live'
import { readStuck } from './stuck'
import type { Trace } from './types'

/**
 * Traces a program from execve to `main.main` and ends it there.
 *
 * @param file a path, or a name that is looked up in PATH
 * @param args the program's arguments, without its name
 * @returns the Trace: plain data
 * @throws PremainError; what was seen until then is its `trace`
 */
export function trace(file: string, options?: TraceOptions): Promise<Trace>
export function trace(file: string, args?: readonly string[], options?: TraceOptions): Promise<Trace>
export function trace(file: string, args?: readonly string[] | TraceOptions, options?: TraceOptions): Promise<Trace> {
  return promised((resolve, reject) => {
    const split = splitArguments(file, args, options)
    const resolved = resolveOptions(split.options)
    const run: Run = new Run(file, split.args, {
      options: resolved,
      allStop: false,
      observer: {
        onBatch: () => draftTrace(run),
        onInterrupted: () => readStuck(run),
        onEnd: () => settle(),
      },
    })
    const tails = [null, run.stdio.ours[1], run.stdio.ours[2]].map((fd) => (fd === null ? null : new OutputTail(fd)))
    run.stdio.closeInput()
    if (resolved.evidence) readyForRecords(run)
    const settle = (): void => {
      try {
        resolve(successOf(run, { stdout: textOf(tails[1]), stderr: textOf(tails[2]) }))
      } catch (error) {
        reject(error)
      }
    }
  })
}

/** A promise whose failures are {@link named}. It is the very one: each that follows another costs a turn of its own. */
function promised<T>(work: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const refuse = (reason: unknown): void => reject(named(reason))
    try {
      work(resolve, refuse)
    } catch (reason) {
      refuse(reason)
    }
  })
}

/** @throws PremainError in which the run ended */
function successOf(run: Run, output: Output): Trace {
  const made = traceOf(run, output)
  const failure = failureOf(run, made)
  if (failure !== null) throw failure
  return made
}

/**
 * What one run took, to the end that was asked for. It is worked out once the target has come there and is being ended:
 * neither what is measured nor a later run is disturbed by it. Such runs come one after another: each has the child of the
 * next made.
 *
 * @param output takes what the target wrote to descriptors of the caller's
 * @throws PremainError as `trace()` does
 */
export function timeOnce(
  file: string,
  args: readonly string[],
  { options, output }: { options: ResolvedOptions; output: () => Output },
): Promise<RunFigures> {
  return promised((resolve, reject) => {
    const run: Run = new Run(file, args, {
      options,
      allStop: false,
      followed: true,
      observer: {
        onBatch: () => draftFigures(run),
        onInterrupted: () => readStuck(run),
        onEnd: () => settle(),
      },
    })
    const settle = (): void => {
      try {
        const written = output()
        resolve(figuresOf(run, written) ?? successOf(run, written))
      } catch (error) {
        reject(error)
      }
    }
  })
}

function textOf(tail: OutputTail | null | undefined): string {
  return tail?.finish().toString('utf8') ?? ''
}

/** Launches a program that stays stopped, all its threads, at every stop; see {@link Session}. */
export function launch(file: string, options?: TraceOptions): Session<Trace>
export function launch(file: string, args?: readonly string[], options?: TraceOptions): Session<Trace>
export function launch(file: string, args?: readonly string[] | TraceOptions, options?: TraceOptions): Session<Trace> {
  const split = splitArguments(file, args, options)
  const resolved = resolveOptions(split.options)
  resolved.env.read()
  return new Session(file, split.args, resolved, {
    mappings: liveMappings,
    frames: liveFrames,
    trace: (run) => traceOf(run, { stdout: '', stderr: '' }),
    failure: (run) => failureOf(run, traceOf(run, { stdout: '', stderr: '' })),
  })
}
