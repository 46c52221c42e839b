/** `premain compare`: two programs, run in turns, or two saved measurements. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { PremainError } from '../errors'
import { COMPARISON_FORMATS } from '../export/measured/formats'
import { failureOfAll } from '../measure/check'
import { type CompareOptions, compare } from '../measure/compare'
import type { ComparedPrograms } from '../measure/interleave'
import type { Program } from '../measure/options'
import { expectMeasurement } from '../measure/saved'
import type { Measurement } from '../measure/types'
import { parsePercent } from '../measure/units'
import type { Aborting } from '../session/options'
import { type CommandModule, type Invocation, usageError } from './command'
import { EXIT, exitCodeOf } from './exit-codes'
import {
  checkReporting,
  defineLaunchOptions,
  defineReportOptions,
  failWith,
  interruptible,
  type LaunchOptions,
  measureOptions,
  programs,
  type ReportingOptions,
  report,
} from './measuring'
import { redactorOf } from './report'
import { talk, tell } from './talk'

interface Options extends LaunchOptions, ReportingOptions {
  seed?: number
  alpha?: number
  minEffect?: number
  failOn?: 'slower'
  strict?: boolean
  git?: string
  build?: string
}

/** The command. */
export const compareCommand: CommandModule<Options> = { define, run, fail }

function define(command: Command): void {
  command
    .argument('[before]', 'a program, or a saved measurement (premain measure --json)')
    .argument('[after]', 'another of the same kind')
    .argument('[args...]', 'given to both programs')
    .option('--git <range>', 'BASE..HEAD: compare two revisions of the repository; all operands are the program’s')
    .option('--build <command>', 'how to build a revision; {} is the program: go build -o {} ./cmd/x')
    .option('--seed <n>', 'of the random order in which the two are run', number)
    .option('--alpha <p>', 'chance, over all tests, of a difference where there is none (default: 0.05)', number)
    .option('--min-effect <percent>', 'the least difference that counts (default: 2%)', percentage)
    .addOption(
      new Option('--fail-on <verdict>', 'exit with 1 if the total is, or if it fails more often').choices(['slower']),
    )
    .option('--strict', 'exit with 5 where nothing can be concluded')
  defineLaunchOptions(command, 30)
  defineReportOptions(command, COMPARISON_FORMATS)
}

async function run(invocation: Invocation<Options>): Promise<number> {
  const { options } = invocation
  checkReporting(options)
  const compared = await comparedBy(invocation)
  const { comparison } = compared
  await report(compared, COMPARISON_FORMATS, invocation)
  const failure = failureOfAll(comparison)
  if (failure) {
    await tell(invocation.context, failure, redactorOf(options))
    return exitCodeOf(failure)
  }
  const worse = comparison.verdict === 'slower' || comparison.failures.verdict === 'more'
  if (worse && options.failOn === 'slower') return EXIT.broken
  return comparison.verdict === 'inconclusive' && options.strict ? EXIT.inconclusive : EXIT.done
}

function rulesOf({ alpha, minEffect }: Options): CompareOptions {
  return { ...(alpha === undefined ? {} : { alpha }), ...(minEffect === undefined ? {} : { minEffect }) }
}

async function comparedBy(invocation: Invocation<Options>): Promise<ComparedPrograms> {
  const { operands, options } = invocation
  if ((options.git === undefined) !== (options.build === undefined)) {
    throw usageError('--git and --build belong together', "Write --git main..HEAD --build 'go build -o {} ./cmd/x'.")
  }
  if (options.git !== undefined) return compareRevisions(invocation)
  const [before, after, ...args] = operands
  if (before === undefined || after === undefined) {
    throw usageError('two things are needed to compare', 'Name two programs, or two saved measurements.')
  }
  const saved = [before, after].map(isDocument)
  if (saved[0] !== saved[1]) {
    throw usageError(
      'a program cannot be compared with a saved measurement',
      'Measure it first: premain measure --json.',
    )
  }
  if (!saved[0]) {
    return interruptible(invocation.context, (signal) => runBoth(invocation, { files: [before, after], args, signal }))
  }
  if (args.length > 0) throw usageError('saved measurements take no arguments')
  const [first, second] = [readMeasurement(before), readMeasurement(after)]
  return { comparison: compare(first, second, rulesOf(options)), before: first, after: second }
}

/** Ctrl-C is listened for until the builds are gone. */
function compareRevisions(invocation: Invocation<Options>): Promise<ComparedPrograms> {
  const { context, operands } = invocation
  const { git = '', build = '' } = invocation.options
  const { buildRange } = require('./git-builds') as typeof import('./git-builds')
  return interruptible(context, async (signal) => {
    const onLeft = (folder: string) => talk(context, `premain: ${folder} could not be removed\n`)
    const builds = await buildRange(git, build, { signal, onLeft })
    try {
      const { before, after } = builds
      const compared = await runBoth(invocation, { files: [before.file, after.file], args: operands, signal })
      const { comparison } = compared
      comparison.before.revision = before.revision
      comparison.after.revision = after.revision
      // Where the reader of an annotation has the file.
      for (const entry of comparison.differences) entry.file = builds.inRepository(entry.file)
      return compared
    } finally {
      const left = await builds.remove()
      if (left !== null) await onLeft(left)
    }
  })
}

interface Both {
  files: readonly [before: string, after: string]
  args: readonly string[]
  signal: Aborting
}

function runBoth({ options, context }: Invocation<Options>, { files, args, signal }: Both): Promise<ComparedPrograms> {
  const [before, after] = files.map((file) => ({ file, args })) as [Program, Program]
  return programs().comparePrograms(before, after, {
    ...measureOptions(options, context),
    ...rulesOf(options),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    signal,
  })
}

/** A file that begins as a JSON object does; a program never does. A pipe, which can be read but once, is no program. */
function isDocument(path: string): boolean {
  let file: number
  try {
    if (statSync(path).isFIFO()) return true
    file = openSync(path, 'r')
  } catch {
    return false // a name to be looked up in PATH, or for trace() to say what is wrong with it
  }
  try {
    const head = Buffer.alloc(64)
    return head.subarray(0, readSync(file, head)).toString('latin1').trimStart().startsWith('{')
  } catch {
    return false
  } finally {
    closeSync(file)
  }
}

function readMeasurement(path: string): Measurement {
  try {
    const document: unknown = JSON.parse(readFileSync(path, 'utf8'))
    expectMeasurement(path, document)
    return document
  } catch (error) {
    if (error instanceof PremainError) throw error
    throw usageError(`${path} is not a measurement: ${(error as Error).message}`)
  }
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Write a number.')
  return value
}

function percentage(text: string): number {
  const ratio = parsePercent(`+${text}`)
  if (ratio === null) throw new InvalidArgumentError('Write a percentage: 2%.')
  return ratio
}

function fail(error: unknown, invocation: Invocation<Partial<Options>>): Promise<number> {
  const { failedCompared } = require('./failure-measured') as typeof import('./failure-measured')
  return failWith(error, { document: () => failedCompared(error), formats: COMPARISON_FORMATS }, invocation)
}
