/** `premain doctor`: may this machine trace? If not: the cause and the fix. */
import { type Command, Option } from 'commander'
import { toJson } from '../export/json'
import type { CommandModule, Invocation } from './command'
import { EXIT, exitCodeOf } from './exit-codes'
import { infoOf } from './failure-trace'
import { deliver, type ReportOptions } from './report'
import { tell } from './talk'

interface DoctorOptions extends ReportOptions {
  json?: boolean
  format?: 'text' | 'json'
}

/** The command. */
export const doctorCommand: CommandModule<DoctorOptions> = { define, run, fail }

function define(command: Command): void {
  command
    .description(
      'Tries on a throw-away child what this machine lets premain do. Exit code 0: programs can be traced; 3: they cannot, ' +
        'and the report says why and what to do.',
    )
    .option('--json', 'one document, premain.doctor/1')
    .addOption(new Option('--format <format>', 'text or json').choices(['text', 'json']))
    .option('-o, --output <file>', 'write the report to a file, replaced whole; - is standard output')
    .allowExcessArguments(false)
}

async function run({ options, context }: Invocation<DoctorOptions>): Promise<number> {
  const { doctor } = require('../doctor/doctor') as typeof import('../doctor/doctor')
  const { toDoctorText } = require('../export/doctor-text') as typeof import('../export/doctor-text')
  const document = await doctor()
  const write = wantsDocument(options) ? toJson : toDoctorText
  await deliver({ document, write, options, context })
  return document.able ? EXIT.done : EXIT.cannotTrace
}

async function fail(error: unknown, { options, context }: Invocation<Partial<DoctorOptions>>): Promise<number> {
  if (wantsDocument(options)) {
    const { untried } = require('../doctor/doctor') as typeof import('../doctor/doctor')
    await deliver({ document: untried(infoOf(error)), write: toJson, options, context })
  }
  await tell(context, error)
  return exitCodeOf(error)
}

function wantsDocument({ json, format }: Partial<DoctorOptions>): boolean {
  return json === true || format === 'json'
}
