/** The options of `premain trace`, and what they become for the library. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { FORMATS } from '../export/index'
import { LANGUAGES, type Language } from '../export/words'
import { parseMilliseconds } from '../measure/units'
import type { TraceOptions } from '../session/options'
import { collect, usageError } from './command'

/** What commander makes of the options. */
export interface TraceCommandOptions {
  json?: boolean
  format?: string
  output?: string
  run?: boolean
  until?: string
  stop?: (string | RegExp)[]
  inits: boolean
  syscalls?: boolean
  registers?: boolean
  maps?: boolean
  backtraces?: boolean
  env?: [name: string, value: string][]
  cwd?: string
  timeout?: number
  envValues?: boolean
  redact?: RegExp
  lang: Language
}

/** Describes the options to commander. */
export function defineTraceOptions(command: Command): void {
  command
    .argument('<program>', 'a path, or a name that is looked up in PATH')
    .argument('[args...]', 'all that follows the program belongs to it')
    .option('--json', 'the same as --format json')
    .addOption(new Option('--format <format>', formatHelp()).choices(Object.keys(FORMATS)))
    .option('-o, --output <file>', 'write the report to a file, replaced whole; - is standard output')
    .option('--run', 'let the program run on from there, to its end; exit with its exit code')
    .option('--until <step|symbol>', 'end at a step or a Go symbol (default: main)')
    .option('--stop <symbol>', 'stop at one more Go symbol, or at /a regular expression/; repeatable', collect(symbol))
    .addOption(new Option('--inits', 'stop at every package init (the default)').hideHelp())
    .option('--no-inits', 'do not stop at package inits')
    .option('--syscalls', 'record every system call')
    .option('--registers', 'show the registers at each step')
    .option('--maps', 'show the memory maps at each step')
    .option('--backtraces', 'record a backtrace at every Go stop')
    .option('--env <name=value>', 'set one more environment variable; repeatable', collect(variable))
    .option('--cwd <directory>', 'the program’s working directory')
    .option('--timeout <time>', 'end the trace after 500ms, 10s or 2m; a bare number is milliseconds', milliseconds)
    .option('--env-values', 'show the environment’s values, not the names alone')
    .option('--redact <regex>', 'replace what matches by *** in all of the report', regularExpression)
    .addOption(new Option('--lang <language>', 'language of the text').choices(LANGUAGES).default('en'))
}

function formatHelp(): string {
  return `how to report: ${Object.entries(FORMATS)
    .map(([name, { summary }]) => `${name} (${summary})`)
    .join(', ')}`
}

/** The library's options. Registers and maps are always recorded: evidence and documents have them. */
export function libraryOptions(
  options: TraceCommandOptions,
  env: Record<string, string | undefined>,
): Omit<TraceOptions, 'stdio' | 'signal'> {
  return {
    run: options.run ?? false,
    inits: options.inits ?? true,
    syscalls: options.syscalls ?? false,
    backtraces: options.backtraces ?? false,
    stops: options.stop ?? [],
    env: environmentOf(options, env),
    timeout: options.timeout ?? 0,
    ...(options.until === undefined ? {} : { until: options.until }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  }
}

/** The target's environment: the caller's, and what `--env` adds. */
export function environmentOf(
  { env: added = [] }: Partial<TraceCommandOptions>,
  env: Record<string, string | undefined>,
): Record<string, string | undefined> {
  return { ...env, ...Object.fromEntries(added) }
}

function symbol(text: string): string | RegExp {
  return /^\/.+\/$/s.test(text) ? regularExpression(text.slice(1, -1)) : text
}

/** An option's regular expression. */
export function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text, 'u')
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** An option's `NAME=VALUE`. */
export function variable(text: string): [string, string] {
  const at = text.indexOf('=')
  // commander's own message would show the value
  if (at === 0) throw usageError('an argument of --env has no name', 'Write --env NAME=VALUE.')
  if (at < 0) throw new InvalidArgumentError('Write NAME=VALUE.')
  return [text.slice(0, at), text.slice(at + 1)]
}

function milliseconds(text: string): number {
  try {
    return /^\d+$/.test(text) ? Number(text) : parseMilliseconds(text)
  } catch {
    throw new InvalidArgumentError('Write a number and a unit: 500ms, 10s, 2m.')
  }
}
