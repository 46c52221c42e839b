/** `premain trace`: one program, from execve to main.main. */
import type { Format } from '../export/index'
import { FORMATS } from '../export/index'
import type { Trace } from '../trace/types'
import { type CommandModule, type Invocation, usageError } from './command'
import type { Context } from './context'
import { EXIT, exitCodeOf, exitCodeOfProgram } from './exit-codes'
import { Interruption } from './interruption'
import { OutputError, replaceFile } from './sink'
import { tell } from './talk'
import { defineTraceOptions, libraryOptions, type TraceCommandOptions } from './trace-options'

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
    await report(trace, invocation)
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
async function forward(trace: Trace, { stderr }: Context): Promise<void> {
  const { stdout, stderr: error } = trace.output
  if (stdout !== '' || error !== '') await stderr.write(stdout + error)
}

async function fail(error: unknown, invocation: PartialInvocation): Promise<number> {
  const { options, context } = invocation
  const { failureTrace, isPartial } = require('./failure-trace') as typeof import('./failure-trace')
  const trace = failureTrace(error, invocation)
  await forward(trace, context)
  const redact = redactorOf(options)
  try {
    if (formatOf(options).document || isPartial(trace)) await report(trace, invocation)
  } catch (second) {
    if (!(error instanceof OutputError)) await tell(context, second, redact)
  }
  await tell(context, error, redact)
  if (options.run && trace.exit) return exitCodeOfProgram(trace.exit)
  return interruptedBy(error) ?? exitCodeOf(error, options.run)
}

function interruptedBy(error: unknown): number | null {
  return (require('./interruption') as typeof import('./interruption')).exitCodeOfInterruption(error)
}

function formatOf({ json, format }: Partial<TraceCommandOptions>): Format {
  return FORMATS[json ? 'json' : (format ?? 'text')] ?? FORMATS.text!
}

function redactorOf({ redact }: Partial<TraceCommandOptions>): ((text: string) => string) | undefined {
  if (!(redact instanceof RegExp)) return undefined
  return (require('../export/redact') as typeof import('../export/redact')).redactor(redact)
}

async function report(trace: Trace, { options, context }: PartialInvocation): Promise<void> {
  const toFile = options.output !== undefined && options.output !== '-'
  const format = formatOf(options)
  // A document has -o with --run, or is that of a call that started nothing: standard output is free.
  const sink = options.run && !format.document ? context.stderr : context.stdout
  const { columns, terminal } = toFile ? { columns: null, terminal: false } : sink
  const text = format.write(prepared(trace, options), {
    width: columns ?? (Number(context.env.COLUMNS) || 80),
    color: wantsColor(context.env, terminal),
    lang: options.lang ?? 'en',
    registers: options.registers ?? false,
    maps: options.maps ?? false,
  })
  if (toFile) replaceFile(options.output!, text)
  else await sink.write(text)
}

function prepared(trace: Trace, options: Partial<TraceCommandOptions>): Trace {
  const { redactDocument } = require('../export/redact') as typeof import('../export/redact')
  const redact = redactorOf(options)
  return redact ? redactDocument(trace, redact) : trace
}

/** NO_COLOR and FORCE_COLOR (https://no-color.org, https://force-color.org), else colours on a terminal. */
function wantsColor(env: Record<string, string | undefined>, terminal: boolean): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0'
  return terminal && env.TERM !== 'dumb'
}
