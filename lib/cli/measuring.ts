/** What `measure`, `compare` and `check` have in common: options, progress, reports and failures. */
import { appendFileSync, statSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { PremainError } from '../errors'
import type { MeasuredFormat } from '../export/measured/formats'
import type { ComparedPrograms } from '../measure/interleave'
import type { MeasureOptions, Progress } from '../measure/options'
import type * as Programs from '../measure/programs'
import type { CheckResult, Clock, Comparison, Measurement } from '../measure/types'
import { parseMilliseconds } from '../measure/units'
import type { Aborting } from '../session/options'
import type { ErrorInfo } from '../trace/types'
import { collect, type Invocation, usageError } from './command'
import type { Context } from './context'
import { exitCodeOf } from './exit-codes'
import { infoOf } from './failure-trace'
import { exitCodeOfInterruption, Interruption } from './interruption'
import { checkOutput, deliver, type ReportOptions, redacted, redactorOf } from './report'
import { OutputError } from './sink'
import { talk, tell } from './talk'
import { regularExpression, variable } from './trace-options'

/** The library's part for these commands, loaded when it is needed: usage errors and help need none of it. */
export function programs(): typeof Programs {
  return require('../measure/programs') as typeof Programs
}

/** Options that say how to launch. */
export interface LaunchOptions {
  runs?: number
  warmup?: number
  cold?: boolean
  clock?: Clock
  until?: string
  inits: boolean
  env?: [name: string, value: string][]
  cwd?: string
  timeout?: number
}

/** Options that say how to report. */
export interface ReportingOptions extends ReportOptions {
  json?: boolean
  format?: string
  github?: boolean
}

/** Describes the launch options to commander. */
export function defineLaunchOptions(command: Command, runs: number): void {
  command
    .option('-n, --runs <n>', `counted launches (default: ${runs})`, count)
    .option('--warmup <n>', 'launches before them (default: 3)', count)
    .option('--cold', 'drop the program’s pages from the page cache before each launch: totals only')
    .addOption(new Option('--clock <clock>', 'what ranks packages (default: wall)').choices(['wall', 'cpu']))
    .option('--until <step|symbol>', 'end each launch at a step or a Go symbol (default: main)')
    .addOption(new Option('--inits', 'stop at every package init (the default)').hideHelp())
    .option('--no-inits', 'do not stop at package inits')
    .option('--env <name=value>', 'set one more environment variable; repeatable', collect(variable))
    .option('--cwd <directory>', 'the program’s working directory')
    .option('--timeout <time>', 'end a launch after 500ms, 10s or 2m, and count it as failed', milliseconds)
}

/** Describes the report options to commander. */
export function defineReportOptions(command: Command, formats: Readonly<Record<string, MeasuredFormat<never>>>): void {
  const help = Object.entries(formats).map(([name, { summary }]) => `${name} (${summary})`)
  command
    .option('--json', 'the same as --format json')
    .addOption(new Option('--format <format>', `how to report: ${help.join(', ')}`).choices(Object.keys(formats)))
    .option('-o, --output <file>', 'write the report to a file, replaced whole; - is standard output')
    .option('--github', 'in GitHub Actions: append a step summary too, and annotate')
    .option('--redact <regex>', 'replace what matches by *** in all of the report', regularExpression)
}

/** The library's options. */
export function measureOptions(options: LaunchOptions, context: Context): MeasureOptions {
  const { runs, warmup, cold, clock, until, inits, cwd, timeout } = options
  const given = { runs, warmup, cold, clock, until, cwd, timeout }
  return {
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as MeasureOptions),
    inits: inits ?? true,
    env: environment(context.env, options.env ?? []),
    onProgress: progressOn(context),
  }
}

function environment(
  env: Record<string, string | undefined>,
  more: readonly [string, string][],
): Record<string, string> {
  const defined = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return Object.fromEntries([...defined, ...more])
}

/** A line that counts the launches, on a terminal only; the last launch clears it. */
function progressOn({ stderr }: Context): (progress: Progress) => void {
  if (!stderr.terminal) return () => {}
  return ({ done, total }) => {
    const line = done === total ? '' : `${done}/${total} launches`
    void stderr.write(`\r\u001b[K${line}`)
  }
}

/** Runs with Ctrl-C listened for. */
export async function interruptible<T>(context: Context, work: (signal: Aborting) => Promise<T>): Promise<T> {
  const interruption = new Interruption(context, false)
  try {
    return await work(interruption.signal)
  } catch (error) {
    interruption.explain(error)
    throw error
  } finally {
    interruption.end()
  }
}

/** A usage error where --json and --format disagree, or the report has no place. */
export function checkReporting(options: ReportingOptions): void {
  const { json, format } = options
  checkOutput(options)
  if (!json || format === undefined || format === 'json') return
  throw usageError(`--json and --format ${format} contradict each other`, 'Give one of them.')
}

type Formats<Document> = Readonly<Record<string, MeasuredFormat<Document>>>

/** Writes the report where it is wanted. */
export async function report<Document>(
  document: Document,
  formats: Formats<Document>,
  { options, context }: Invocation<Partial<ReportingOptions>>,
): Promise<void> {
  const format = formats[options.json ? 'json' : (options.format ?? 'text')]!
  const { write } = format
  let unwritten: OutputError | null = null
  try {
    await deliver({ document, write, options, context })
  } catch (error) {
    if (!(error instanceof OutputError && error.file)) throw error
    // What was measured is not lost with the place for it.
    const told = format.document ? withError(document, infoOf(error)) : document
    await deliver({ document: told, write, options: { ...options, output: '-' }, context })
    unwritten = Object.assign(error, { shown: true })
  }
  if (options.github) await tellGithub(document, { options, context })
  if (unwritten !== null) throw unwritten
}

type Judged = Measurement | Comparison | CheckResult

/** What a document says, without the measurements that it rests on. */
function judgedOf(document: unknown): Judged {
  return isCompared(document) ? document.comparison : (document as Judged)
}

function isCompared(document: unknown): document is ComparedPrograms {
  return Object.hasOwn(document as object, 'comparison')
}

function withError<Document>(document: Document, error: ErrorInfo): Document {
  if (!isCompared(document)) return { ...document, error }
  return { ...document, comparison: { ...document.comparison, error } }
}

/** The step summary goes to its file; annotations are lines of standard error, which the runner reads as well. */
async function tellGithub<Document>(
  document: Document,
  { options, context }: Pick<Invocation<Partial<ReportingOptions>>, 'options' | 'context'>,
): Promise<void> {
  const { GITHUB_STEP_SUMMARY: file, GITHUB_WORKSPACE: root = process.cwd() } = context.env
  const told = judgedOf(redacted(document, options))
  if (file) await summarizeIn(file, told, { context, redact: redactorOf(options) })
  if (told.schema === 'premain.measurement/1') return
  const { annotations } = require('../export/ci/annotations') as typeof import('../export/ci/annotations')
  await talk(context, annotations(told, root))
}

/** A summary that cannot be written changes nothing of the result: it is told, and no more. */
async function summarizeIn(
  file: string,
  document: Judged,
  { context, redact }: { context: Context; redact: ((text: string) => string) | undefined },
): Promise<void> {
  const { stepSummary } = require('../export/ci/summary') as typeof import('../export/ci/summary')
  try {
    // The limit is that of the step, whose other commands write here too.
    appendFileSync(file, stepSummary(document, statSync(file, { throwIfNoEntry: false })?.size))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    await tell(context, new PremainError('INVALID_OPTION', `cannot write the step summary ${file}: ${code}`), redact)
  }
}

/** Tells of a failure, in a document too where one was asked for, and returns the exit code. */
export async function failWith<Document>(
  error: unknown,
  { document, formats }: { document: () => Document; formats: Formats<Document> },
  invocation: Invocation<Partial<ReportingOptions>>,
): Promise<number> {
  const { options, context } = invocation
  const format = formats[options.json ? 'json' : (options.format ?? 'text')]
  const unwritten = error instanceof OutputError
  try {
    if (unwritten) {
      // To standard output, unless that is what cannot be written to, or report() has shown it.
      const where = { ...invocation, options: { ...options, output: '-' } }
      if (format?.document && error.file && !error.shown) await report(document(), formats, where)
    } else if (format?.document) await report(document(), formats, invocation)
    else if (options.github) await tellGithub(document(), invocation)
  } catch (second) {
    if (!unwritten) await tell(context, second, redactorOf(options))
  }
  await tell(context, error, redactorOf(options))
  return exitCodeOfInterruption(error) ?? exitCodeOf(error)
}

function count(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a whole number.')
}

function milliseconds(text: string): number {
  try {
    return /^\d+$/.test(text) ? Number(text) : parseMilliseconds(text)
  } catch (error) {
    throw new InvalidArgumentError((error as PremainError).hint ?? '')
  }
}
