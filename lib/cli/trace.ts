/** `premain trace`: one program, from execve to main.main. */
import { PremainError } from '../errors'
import type { Format } from '../export/index'
import { FORMATS } from '../export/index'
import type { Trace } from '../trace/types'
import { type CommandModule, type Invocation, usageError } from './command'
import type { Context } from './context'
import { addEnvironment } from './environment'
import { EXIT, exitCodeOf, exitCodeOfProgram } from './exit-codes'
import { exitCodeOfInterruption, Interruption } from './interruption'
import { checkOutput, deliver, redactorOf } from './report'
import { OutputError } from './sink'
import { talk, tell } from './talk'
import { defineTraceOptions, environmentOf, libraryOptions, type TraceCommandOptions } from './trace-options'

type TraceInvocation = Invocation<TraceCommandOptions>
type PartialInvocation = Invocation<Partial<TraceCommandOptions>>

/** The command. */
export const traceCommand: CommandModule<TraceCommandOptions> = { define: defineTraceOptions, run, fail }

async function run(invocation: TraceInvocation): Promise<number> {
  const { operands, options, context } = invocation
  const [file = '', ...args] = operands
  checkOptions(invocation)
  const interruption = new Interruption(context, options.run ?? false)
  try {
    const trace = await context.services().trace(file, args, {
      ...libraryOptions(options, context.env),
      stdio: stdioOf(options, context),
      signal: interruption.signal,
    })
    await forward(trace, context)
    await reportWith(trace, invocation)
    if (trace.outcome === 'reached-main') context.keep()
    return options.run && trace.exit ? exitCodeOfProgram(trace.exit) : EXIT.done
  } catch (error) {
    interruption.explain(error)
    throw error
  } finally {
    interruption.end()
  }
}

function checkOptions({ options }: TraceInvocation): void {
  if (options.json && options.format !== undefined && options.format !== 'json') {
    throw usageError(`--json and --format ${options.format} contradict each other`, 'Give one of them.')
  }
  checkOutput(options)
  if (!options.run) return
  if (options.output === '-') {
    throw usageError('with --run, standard output is the program’s own', 'Give -o FILE.')
  }
  if (formatOf(options).document && options.output === undefined) {
    throw usageError(
      `--run with ${options.json ? '--json' : `--format ${options.format}`} wants -o FILE`,
      'Standard output is the program’s own; -o FILE is where the document goes.',
    )
  }
}

/**
 * Without --run, standard output carries the report alone and the target's goes to standard error. What it writes to
 * standard error is kept for the report, except on a terminal: there the target finds the terminal.
 */
function stdioOf(options: TraceCommandOptions, { stderr }: Context): ('inherit' | 'pipe' | number)[] {
  if (options.run) return ['inherit', 'inherit', 'inherit']
  return ['inherit', 2, stderr.terminal ? 'inherit' : 'pipe']
}

/** Passes on what the target wrote to a pipe of ours. */
async function forward(trace: Trace, context: Context): Promise<void> {
  const { stdout, stderr } = trace.output
  if (stdout !== '' || stderr !== '') await talk(context, stdout + stderr)
}

async function fail(error: unknown, invocation: PartialInvocation): Promise<number> {
  const { options, context } = invocation
  const { failureTrace, isPartial } = require('./failure-trace') as typeof import('./failure-trace')
  const trace = failureTrace(error, invocation)
  const unwritten = error instanceof OutputError && error.file && !options.run
  if (!unwritten) await forward(trace, context)
  const redact = redactorOf(options)
  try {
    const where = unwritten ? { ...invocation, options: { ...options, output: '-' } } : invocation
    if (formatOf(options).failures || isPartial(trace)) await report(trace, where)
  } catch (second) {
    if (!(error instanceof OutputError)) await tell(context, second, redact)
  }
  await tell(context, trace.output.stderr === '' ? error : withoutOutput(error), redact)
  if (options.run && trace.exit) return exitCodeOfProgram(trace.exit)
  return exitCodeOfInterruption(error) ?? exitCodeOf(error, options.run)
}

/** The message's first line: the others repeat what the target wrote, which has been passed on. */
function withoutOutput(error: unknown): unknown {
  if (!(error instanceof PremainError) || error.code !== 'EXITED_BEFORE_MAIN') return error
  return new PremainError(error.code, error.message.replace(/:?\n.*$/s, ''), error)
}

function formatOf({ json, format }: Partial<TraceCommandOptions>): Format {
  return FORMATS[json ? 'json' : (format ?? 'text')] ?? FORMATS.text!
}

/** A trace is not lost with the place for its report. */
async function reportWith(trace: Trace, invocation: TraceInvocation): Promise<void> {
  try {
    await report(trace, invocation)
  } catch (error) {
    if (error instanceof OutputError) error.trace = trace
    throw error
  }
}

function report(trace: Trace, { options, context }: PartialInvocation): Promise<void> {
  const format = formatOf(options)
  return deliver({
    document: addEnvironment(trace, environmentOf(options, context.env), options.envValues ?? false),
    write: format.write,
    options,
    context,
    // A document has -o with --run, or is that of a call that started nothing: standard output is free.
    sink: options.run && !format.document ? context.stderr : context.stdout,
  })
}
