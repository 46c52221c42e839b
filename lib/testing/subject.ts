/** What a matcher may be given, and how it becomes a trace or a measurement. */
import type * as Premain from '../index'
import type { Clock, Measurement, MeasureOptions, Trace, TraceOptions } from '../index'

/** A program by its path, or what was recorded of one. */
export type Received = string | Trace | Measurement

/** How a matcher starts a program that it is given by path. Without effect on a Trace or a Measurement. */
export interface StartOptions {
  args?: readonly string[]
  cwd?: string
  env?: Record<string, string>
  /** Milliseconds for each launch; default 10,000. */
  timeout?: number
}

/** The API, loaded when the first matcher runs: a test file that uses none pays nothing. */
export function api(): typeof Premain {
  return require('../index') as typeof Premain
}

const DEFAULT_TIMEOUT = 10_000

function startOptions({ cwd, env, timeout }: StartOptions): TraceOptions & MeasureOptions {
  return {
    timeout: timeout ?? DEFAULT_TIMEOUT,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
  }
}

/** True for a measurement; throws for what is neither. */
export function isMeasurement(received: Trace | Measurement): received is Measurement {
  const schema = Object(received).schema as unknown
  if (schema === 'premain.measurement/1') return true
  if (schema === 'premain.trace/1') return false
  throw new TypeError('expected the path of a program, a Trace or a Measurement')
}

/** The names of {@link StartOptions}. */
const START_OPTIONS = ['args', 'cwd', 'env', 'timeout'] satisfies (keyof StartOptions)[]

/**
 * @param more names beside those of {@link StartOptions}
 * @throws PremainError `INVALID_OPTION`: a slip would have no effect, and no sign of it
 */
export function checkNames(options: object, more: readonly string[] = []): void {
  const known: readonly string[] = [...START_OPTIONS, ...more]
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const { PremainError } = api()
  const hint = `options are ${known.join(', ')}`
  throw new PremainError('INVALID_OPTION', `unknown option ${JSON.stringify(unknown)}`, { hint })
}

/** What was given, or what becomes of the program that a path names. */
export async function recordOf(
  received: Received,
  start: (file: string) => Promise<Trace | Measurement>,
): Promise<Trace | Measurement> {
  if (typeof received === 'string') return start(received)
  isMeasurement(received)
  return received
}

/** A program's trace. The failure of a program that never comes to main is a trace too. */
export async function traceOf(received: string, options: StartOptions): Promise<Trace> {
  const premain = api()
  try {
    return await premain.trace(received, [...(options.args ?? [])], startOptions(options))
  } catch (error) {
    if (!(error instanceof premain.PremainError) || !error.trace) throw error
    if (error.code === 'EXITED_BEFORE_MAIN' || error.code === 'TIMEOUT') return error.trace as Trace
    throw error
  }
}

/** A program's measurement. */
export async function timesOf(
  received: string,
  options: StartOptions & { runs?: number; clock?: Clock },
): Promise<Measurement> {
  const { runs = 20, clock = 'wall' } = options
  return api().measure(received, [...(options.args ?? [])], { ...startOptions(options), runs, clock })
}

/** What to call it in a message. */
export function nameOf(received: Received, record: Trace | Measurement): string {
  return typeof received === 'string' ? received : (record.target?.path ?? 'the program')
}
