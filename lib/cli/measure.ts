/** `premain measure`: many launches, a distribution for every step. */
import type { Command } from 'commander'
import { MEASUREMENT_FORMATS } from '../export/measured/formats'
import { failureOfAll } from '../measure/check'
import type { CommandModule, Invocation } from './command'
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
import { tell } from './talk'

type Options = LaunchOptions & ReportingOptions & { allocs?: boolean }

/** The command. */
export const measureCommand: CommandModule<Options> = { define, run, fail }

function define(command: Command): void {
  command
    .argument('<program>', 'a path, or a name that is looked up in PATH')
    .argument('[args...]', 'all that follows the program belongs to it')
  defineLaunchOptions(command, 30)
  command.option('--allocs', 'bytes and allocations of each package’s inits, by GODEBUG=inittrace=1')
  defineReportOptions(command, MEASUREMENT_FORMATS)
}

async function run(invocation: Invocation<Options>): Promise<number> {
  const { operands, options, context } = invocation
  const [file = '', ...args] = operands
  checkReporting(options)
  const measurement = await interruptible(context, (signal) =>
    programs().measure(file, args, {
      ...measureOptions(options, context),
      allocs: options.allocs ?? false,
      signal,
    }),
  )
  await report(measurement, MEASUREMENT_FORMATS, invocation)
  const failure = failureOfAll(measurement)
  if (!failure) return EXIT.done
  await tell(context, failure, redactorOf(options))
  return exitCodeOf(failure)
}

function fail(error: unknown, invocation: Invocation<Partial<Options>>): Promise<number> {
  const { failedMeasurement } = require('./failure-measured') as typeof import('./failure-measured')
  return failWith(error, { document: () => failedMeasurement(error), formats: MEASUREMENT_FORMATS }, invocation)
}
