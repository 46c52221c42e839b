/** `premain inspect`: what a program file is, and where each step lives in it. Runs nothing. */
import { type Command, Option } from 'commander'
import { toJson } from '../export/json'
import { LANGUAGES } from '../export/words'
import { STEPS } from '../plan/catalogue'
import type { ImageDocument } from '../plan/inspect'
import { TOOL } from '../tool'
import type { ErrorInfo } from '../trace/types'
import type { CommandModule, Invocation } from './command'
import { EXIT, exitCodeOf } from './exit-codes'
import { infoOf } from './failure-trace'
import { deliver, type ReportOptions, redactorOf } from './report'
import { tell } from './talk'
import { regularExpression } from './trace-options'

interface InspectOptions extends ReportOptions {
  json?: boolean
  format?: 'text' | 'json'
}

/** The command. */
export const inspectCommand: CommandModule<InspectOptions> = { define, run, fail }

function define(command: Command): void {
  command
    .description('Shows what a program file is and where each step lives in it. Runs nothing.')
    .argument('<program>', 'a path, or a name that is looked up in PATH')
    .option('--json', 'one document, premain.image/1')
    .addOption(new Option('--format <format>', 'text or json').choices(['text', 'json']))
    .option('-o, --output <file>', 'write the report to a file, replaced whole; - is standard output')
    .option('--redact <regex>', 'replace what matches by *** in all of the report', regularExpression)
    .addOption(new Option('--lang <language>', 'language of the text').choices(LANGUAGES).default('en'))
}

async function run({ operands, options, context }: Invocation<InspectOptions>): Promise<number> {
  const document = await context.services().inspect(operands[0]!)
  const { toInspectText } = require('../export/inspect-text') as typeof import('../export/inspect-text')
  await deliver({ document, write: wantsDocument(options) ? toJson : toInspectText, options, context })
  return EXIT.done
}

async function fail(
  error: unknown,
  { operands, options, context }: Invocation<Partial<InspectOptions>>,
): Promise<number> {
  if (wantsDocument(options)) {
    await deliver({ document: failedImage(operands[0] ?? '', infoOf(error)), write: toJson, options, context })
  }
  await tell(context, error, redactorOf(options))
  return exitCodeOf(error)
}

function wantsDocument({ json, format }: Partial<InspectOptions>): boolean {
  return json === true || format === 'json'
}

function failedImage(path: string, error: ErrorInfo): ImageDocument {
  return {
    schema: 'premain.image/1',
    tool: TOOL,
    path,
    size: 0,
    elf: null,
    go: null,
    notes: [],
    initTasks: [],
    functions: 0,
    scripts: [],
    steps: STEPS.map(({ index, id, title }) => ({ index, id, title, places: [] })),
    error,
  }
}
