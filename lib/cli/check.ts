/** `premain check`: budgets and baselines for CI. */
import { type Command, Option } from 'commander'
import { CHECK_FORMATS } from '../export/measured/formats'
import type { CheckOptions } from '../measure/check'
import { type Config, findConfig, readConfig } from '../measure/config'
import { parseMilliseconds } from '../measure/units'
import { type CommandModule, collect, type Invocation, usageError } from './command'
import type { Context } from './context'
import { EXIT } from './exit-codes'
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

interface Options extends LaunchOptions, ReportingOptions {
  budget?: string[]
  config?: string
  baseline?: string
  saveBaseline?: boolean
  updateBaseline?: boolean
  strict?: boolean
}

/** The command. */
export const checkCommand: CommandModule<Options> = { define, run, fail }

function define(command: Command): void {
  const same = (text: string) => text
  command
    .argument('<program>', 'a path, or a name that is looked up in PATH')
    .argument('[args...]', 'all that follows the program belongs to it')
    .option(
      '-b, --budget <key=value>',
      'total.cpu=5ms, step:inits.wall=2ms, init:net/http.cpu=1ms, total.wall=+10%; repeatable',
      collect(same),
    )
    .option('--config <file>', 'instead of the nearest premain.config.json')
    .option('--baseline <file>', 'for relative budgets and drift')
    .addOption(new Option('--save-baseline', 'begin the baseline file anew with this run').conflicts('updateBaseline'))
    .option('--update-baseline', 'add this run to the baseline file, unless the check fails')
    .option('--strict', 'exit with 5 where nothing can be concluded')
  defineLaunchOptions(command, 20)
  defineReportOptions(command, CHECK_FORMATS)
}

async function run(invocation: Invocation<Options>): Promise<number> {
  const { operands, options, context } = invocation
  const [file = '', ...args] = operands
  checkReporting(options)
  const config = (options.config === undefined ? findConfig(process.cwd()) : readConfig(options.config))?.config ?? {}
  const wanted = checkOptions(options, config, context)
  const result = await interruptible(context, (signal) => programs().check(file, args, { ...wanted, signal }))
  await report(result, CHECK_FORMATS, invocation)
  if (result.outcome === 'fail') return EXIT.broken
  const strict = options.strict ?? config.strict ?? false
  return result.outcome === 'inconclusive' && strict ? EXIT.inconclusive : EXIT.done
}

/** The flags, then the configuration. */
function checkOptions(options: Options, config: Config, context: Context): CheckOptions {
  const { runs, warmup, cold, clock } = config
  const { $schema: _, timeout, ...rest } = config
  const known = Object.fromEntries(
    Object.entries({ runs, warmup, cold, clock }).filter(([, value]) => value !== undefined),
  )
  const baseline = options.baseline ?? rest.baseline
  const budgets = budgetsOf(options.budget ?? [], config.budgets ?? {})
  if (budgets.length === 0 && baseline === undefined) {
    throw usageError('nothing to check', 'Give --budget KEY=VALUE, --baseline FILE, or a premain.config.json.')
  }
  const write = options.saveBaseline ? 'save' : options.updateBaseline ? 'update' : undefined
  return {
    ...known,
    ...(timeout === undefined ? {} : { timeout: parseMilliseconds(timeout) }),
    ...measureOptions(options, context),
    budgets,
    ...(baseline === undefined ? {} : { baseline }),
    ...(write === undefined ? {} : { write }),
  }
}

/** A flag takes the place of the configuration's budget of the same key. */
function budgetsOf(flags: readonly string[], config: Readonly<Record<string, string>>): string[] {
  const keyOf = (text: string) => text.slice(0, text.lastIndexOf('=')).trim()
  const given = new Set(flags.map(keyOf))
  const others = Object.entries(config).filter(([key]) => !given.has(key))
  return [...flags, ...others.map(([key, value]) => `${key}=${value}`)]
}

function fail(error: unknown, invocation: Invocation<Partial<Options>>): Promise<number> {
  const { failedCheck } = require('./failure-measured') as typeof import('./failure-measured')
  return failWith(error, { document: () => failedCheck(error), formats: CHECK_FORMATS }, invocation)
}
