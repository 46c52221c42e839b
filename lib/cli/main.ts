/** From the words of the command line to a command and its exit code. */
import type { Command, CommanderError } from 'commander'
import { PremainError } from '../errors'
import { type CommandModule, type Invocation, usageError } from './command'
import { COMMANDS, isCommand } from './commands'
import type { Context } from './context'
import { EXIT, exitCodeOf } from './exit-codes'
import type { Sink } from './sink'
import { tell } from './talk'

/** Cells: descriptions in `--help` are wrapped where there are so many for them. */
const NARROWEST_HELP = 20

/** Runs one command line, without its `node` and script, and returns the exit code. Never rejects. */
export async function main(args: readonly string[], context: Context): Promise<number> {
  try {
    const [first, ...rest] = args
    if (first === 'help') return await help(rest[0], context)
    if (first === undefined) return await misuse(context)
    return isCommand(first) ? await call(first, rest, context) : await call('trace', args, context, true)
  } catch (error) {
    await tell(context, error)
    return exitCodeOf(error)
  }
}

async function call(name: string, args: readonly string[], context: Context, implied = false): Promise<number> {
  const module = COMMANDS[name]!.load()
  const parser = parserOf(implied ? null : name, module)
  const invocation: Invocation = { operands: [], options: {}, words: args, context }
  try {
    const shown = parse(parser, args, context.stdout)
    invocation.options = parser.opts()
    invocation.operands = parser.args
    if (shown !== null) {
      await context.stdout.write(shown)
      return EXIT.done
    }
    if (implied) refuseMisplacedCommand(parser.args[0])
    return await module.run(invocation)
  } catch (error) {
    if (!module.fail) throw error
    if (Object.keys(invocation.options).length === 0) invocation.options = leadingOptions(parser, args)
    return await module.fail(named(name, error, args), invocation)
  }
}

/** The text of `--help` or `--version`, or null when the words are a call; throws usage errors. */
function parse(parser: Command, args: readonly string[], stdout: Sink): string | null {
  let shown = ''
  const { CommanderError } = require('commander') as typeof import('commander')
  parser.exitOverride().configureOutput({
    writeOut: (text) => {
      shown += text
    },
    getOutHelpWidth: () => stdout.columns ?? 80,
    outputError: () => {},
  })
  try {
    parser.parse(args, { from: 'user' })
    return null
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return shown
    throw asUsageError(error, parser)
  }
}

function asUsageError(error: CommanderError, parser: Command): PremainError {
  const [message, suggestion] = error.message.replace(/^error: /, '').split('\n')
  const hint = suggestion?.replace(/^\((.*)\)$/, '$1') ?? `Try ${parser.name()} --help.`
  return usageError(message!, hint)
}

/** `premain --json inspect ./x`: is `inspect` the program, or the command? */
function refuseMisplacedCommand(word: string | undefined): void {
  if (word === undefined || !isCommand(word)) return
  throw usageError(
    `${word} is a command, and a command comes before its options`,
    `Write premain ${word} [options], or, for a program of that name, premain trace [options] ${word}.`,
  )
}

/** A usage error of `premain check` may come from someone who has a program of that name. */
function named(name: string, error: unknown, args: readonly string[]): unknown {
  if (!(error instanceof PremainError) || error.code !== 'INVALID_OPTION' || args.length > 0 || name === 'trace') {
    return error
  }
  const hint = `A program of that name is traced by premain trace ${name}, or premain ./${name}.`
  return usageError(error.message, [error.hint, hint].filter(Boolean).join(' '))
}

/** What the options before the program say, where parsing them failed: whether a document was asked for, and where. */
function leadingOptions(parser: Command, args: readonly string[]): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (let i = 0; i < args.length && args[i]!.startsWith('-') && args[i] !== '--'; i++) {
    const [flag, joined] = args[i]!.split(/=(.*)/s) as [string, string?]
    const option = parser.options.find(({ short, long }) => flag === short || flag === long)
    if (!option) continue
    found[option.attributeName()] = option.required ? (joined ?? args[++i]) : !option.negate
  }
  return found
}

function parserOf(name: string | null, module: CommandModule): Command {
  const { Command } = require('commander') as typeof import('commander')
  const parser = new Command(name === null ? 'premain' : `premain ${name}`)
  parser.passThroughOptions().helpOption('-h, --help', 'show this help').showSuggestionAfterError()
  parser.configureHelp({ minWidthToWrap: NARROWEST_HELP })
  module.define(parser)
  if (name === null) {
    const { TOOL } = require('../tool') as typeof import('../tool')
    parser.version(TOOL.version, '-V, --version', 'show the version').addHelpText('after', `\n${listOfCommands()}`)
  }
  return parser
}

function listOfCommands(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  const rest = [
    'premain help COMMAND tells more of one. A program named like a command:',
    'premain trace NAME, or premain ./NAME.',
  ]
  return ['Commands:', ...lines, '', ...rest].join('\n')
}

async function help(name: string | undefined, context: Context): Promise<number> {
  if (name !== undefined && !isCommand(name)) {
    throw usageError(`no command ${JSON.stringify(name)}`, `Commands are ${Object.keys(COMMANDS).join(', ')}.`)
  }
  return name === undefined ? call('trace', ['--help'], context, true) : call(name, ['--help'], context)
}

async function misuse(context: Context): Promise<number> {
  await context.stderr.write(`${usage()}\n`)
  return EXIT.usage
}

function usage(): string {
  return 'Usage: premain [options] <program> [args...]\n       premain --help'
}
