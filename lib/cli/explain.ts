/** `premain explain`: the catalogue of the 17 steps, for a program where one is given. */
import type { Command } from 'commander'
import type { Explanation } from '../export/explain-text'
import { toJson } from '../export/json'
import { findStep, STEPS, type StepInfo } from '../plan/catalogue'
import type { Image } from '../plan/inspect'
import { TOOL } from '../tool'
import { type CommandModule, type Invocation, usageError } from './command'
import { EXIT, exitCodeOf } from './exit-codes'
import { infoOf } from './failure-trace'
import { deliver, type ReportOptions } from './report'
import { tell } from './talk'

interface ExplainOptions extends ReportOptions {
  json?: boolean
}

/** The command. */
export const explainCommand: CommandModule<ExplainOptions> = { define, run, fail }

function define(command: Command): void {
  command
    .description('Explains the steps from execve to main.main, or one of them. Runs nothing.')
    .usage('[options] [step] [-- program]')
    .argument('[step]', 'a step’s id or number; default: all')
    .argument('[program...]', 'after --: shows where the step lives in this program')
    .option('--json', 'one document')
    .option('-o, --output <file>', 'write to a file, replaced whole; - is standard output')
}

async function run({ operands, options, context, words }: Invocation<ExplainOptions>): Promise<number> {
  const { step, program } = split(operands, words)
  const chosen = step === null ? STEPS : [stepOf(step)]
  const image = program === null ? null : await context.services().inspect(program)
  const { toExplainText } = require('../export/explain-text') as typeof import('../export/explain-text')
  const document: Explanation = {
    schema: 'premain.explanation/1',
    tool: TOOL,
    program: image?.path ?? null,
    steps: chosen.map((info) => ({ ...info, places: image && placesOf(image, info) })),
  }
  await deliver({ document, write: options.json ? toJson : toExplainText, options, context })
  return EXIT.done
}

async function fail(
  error: unknown,
  { operands, options, context, words }: Invocation<Partial<ExplainOptions>>,
): Promise<number> {
  if (options.json) {
    const program = words.includes('--') ? (operands.at(-1) ?? null) : null
    const document: Explanation = {
      schema: 'premain.explanation/1',
      tool: TOOL,
      program,
      steps: [],
      error: infoOf(error),
    }
    await deliver({ document, write: toJson, options, context })
  }
  await tell(context, error)
  return exitCodeOf(error)
}

/** `[step] [-- program]`: the program is what follows the two dashes. */
function split(operands: readonly string[], words: readonly string[]): { step: string | null; program: string | null } {
  const program = words.includes('--') ? (words[words.indexOf('--') + 1] ?? null) : null
  const rest = program === null ? operands : operands.slice(0, operands.lastIndexOf(program))
  const [step = null, more] = rest.filter((word) => word !== '--')
  if (more !== undefined)
    throw usageError(`one step at a time: ${more}`, 'A program stands after --: premain explain rt0 -- ./hello')
  return { step, program }
}

function stepOf(word: string): StepInfo {
  const step = findStep(word) ?? STEPS[Number(word) - 1]
  if (step) return step
  throw usageError(`no step ${JSON.stringify(word)}`, `Steps are ${STEPS.map(({ id }) => id).join(', ')}.`)
}

function placesOf(image: Image, { id }: StepInfo): Image['steps'][number]['places'] {
  return image.steps.find((step) => step.id === id)?.places ?? []
}
