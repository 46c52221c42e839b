/** The options of `trace()` and `launch()`, and their one check. */
import { isAbsolute } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { PremainError } from '../errors'
import { programName } from '../image/classify'
import type { StepId } from '../plan/types'
import type { SharedPipe } from './stdio'

/** One descriptor of the target, as Node's `child_process` has them; `ipc` has no meaning here. */
export type StdioEntry = 'pipe' | 'ignore' | 'inherit' | number | Readable | Writable | null | undefined

/** What becomes of the target's descriptors 0, 1 and 2. */
export type StdioOptions = 'pipe' | 'ignore' | 'inherit' | StdioEntry[]

/** Options of `trace()` and `launch()`. */
export interface TraceOptions {
  /** End at a step or a Go symbol. Default `main`. */
  until?: StepId | string
  /** Let the program run on freely from the last stop, to its end. Default false: it is ended there. */
  run?: boolean
  /** Stop at every package init. Default true. */
  inits?: boolean
  /** More Go symbols to stop at, once each. Default none. */
  stops?: (string | RegExp)[]
  /** Record the registers at every stop. Default true. */
  registers?: boolean
  /** Record the memory maps at every step's stop. Default true. */
  maps?: boolean
  /** Record a backtrace at every Go stop. Default false. */
  backtraces?: boolean
  /** Record every system call. Default false. */
  syscalls?: boolean
  /**
   * Stop at the end of the trace only, so that no breakpoint before it changes the target's faults. Default false.
   * @internal for measuring
   */
  only?: boolean
  /**
   * Take what steps' evidence is made of, where it is not asked for otherwise. Default true.
   * @internal for measuring
   */
  evidence?: boolean
  /** The target's working directory. Default: the caller's. */
  cwd?: string
  /** The target's environment, whole. Default: the caller's. */
  env?: Record<string, string | undefined>
  /** Default `['ignore', 'pipe', 'pipe']`. `trace()` keeps the last 64 KB of each piped stream. */
  stdio?: StdioOptions
  /** Milliseconds until the target is ended and the promise rejects with `TIMEOUT`. Default 0: none. */
  timeout?: number
  /** Ends the target; the promise rejects with name `AbortError`, code `ABORTED` and `cause` = `signal.reason`. */
  signal?: Aborting
}

/** What premain asks of an `AbortSignal`. */
export interface Aborting {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** An environment as execve takes it. It is read when it is first asked for: the tracer is woken before. */
export class Environment {
  private known: string | null = null
  private foundPath: string | undefined

  /**
   * @param given null for the caller's own
   * @throws PremainError `INVALID_OPTION` for what is no environment
   */
  constructor(private readonly given: object | null) {
    if (typeof given !== 'object') throw invalid('option env is not an object', 'env: { NAME: value }')
  }

  /** The value of PATH. */
  get path(): string | undefined {
    this.read()
    return this.foundPath
  }

  /**
   * `NAME=value`, each with a NUL behind it: one string crosses to the addon faster than many.
   * @throws PremainError `INVALID_OPTION` for a variable that cannot be passed on
   */
  read(): string {
    if (this.known !== null) return this.known
    const env = (this.given ?? process.env) as Record<string, unknown>
    let block = ''
    // Object.keys() asks the environment for each name whether it is enumerable: a getenv(3) more.
    for (const name of this.given === null ? Object.getOwnPropertyNames(env) : Object.keys(env)) {
      const value = env[name]
      if (value === undefined) continue
      const text = String(value)
      if (name === '' || name.includes('=') || name.includes('\0') || text.includes('\0')) {
        throw invalid(
          `environment variable ${JSON.stringify(name)} cannot be passed on`,
          'no "=" in names, no NUL bytes',
        )
      }
      block += `${name}=${text}\0`
      if (name === 'PATH') this.foundPath = text
    }
    this.known = block
    return block
  }
}

/** A descriptor of the target; launches one after another may share a pipe. */
export type ResolvedEntry = StdioEntry | SharedPipe

/** The same with every default filled in. */
export interface ResolvedOptions {
  until: string
  run: boolean
  inits: boolean
  stops: (string | RegExp)[]
  registers: boolean
  maps: boolean
  backtraces: boolean
  syscalls: boolean
  only: boolean
  evidence: boolean
  cwd: string
  env: Environment
  stdio: [ResolvedEntry, ResolvedEntry, ResolvedEntry]
  timeout: number
  signal: Aborting | null
}

const FLAGS = ['run', 'inits', 'registers', 'maps', 'backtraces', 'syscalls', 'only', 'evidence'] as const

const KNOWN = new Set<string>([...FLAGS, 'until', 'stops', 'cwd', 'env', 'stdio', 'timeout', 'signal'])

function invalid(message: string, hint: string): PremainError {
  return new PremainError('INVALID_OPTION', message, { hint })
}

/**
 * The `(file, args?, options?)` and `(file, options?)` signatures, told apart.
 * @throws PremainError `INVALID_OPTION` for a file, arguments or options that are none
 */
export function splitArguments<Options extends object>(
  file: string,
  args: readonly string[] | Options | null | undefined,
  options: Options | null | undefined,
): { file: string; args: string[]; options: Options } {
  programName(file)
  if (args != null && typeof args !== 'object') throw invalid('args is not an array', 'args is an array of strings')
  if (args != null && !Array.isArray(args)) return { file, args: [], options: args as Options }
  const list = [...((args as readonly string[] | undefined) ?? [])]
  for (const [i, one] of list.entries()) {
    if (typeof one !== 'string' || one.includes('\0')) {
      throw invalid(`args[${i}] is not a string without NUL bytes`, 'args is an array of strings')
    }
  }
  const given = options ?? ({} as Options)
  if (typeof given !== 'object') throw invalid('options is not an object', 'options is an object: { timeout: 1000 }')
  return { file, args: list, options: given }
}

/** @throws PremainError `INVALID_OPTION` for an option of another name: a slip would have no effect, and no sign of it */
export function checkNames(options: object, known: ReadonlySet<string>): void {
  for (const key of Object.keys(options)) {
    if (!known.has(key)) throw invalid(`unknown option ${JSON.stringify(key)}`, `options are ${[...known].join(', ')}`)
  }
}

/** Checks every option; throws `INVALID_OPTION`. */
export function resolveOptions(options: TraceOptions): ResolvedOptions {
  checkNames(options, KNOWN)
  return {
    until: resolveUntil(options.until),
    run: resolveFlag(options, 'run', false),
    inits: resolveFlag(options, 'inits', true),
    stops: resolveStops(options.stops),
    registers: resolveFlag(options, 'registers', true),
    maps: resolveFlag(options, 'maps', true),
    backtraces: resolveFlag(options, 'backtraces', false),
    syscalls: resolveFlag(options, 'syscalls', false),
    only: resolveFlag(options, 'only', false),
    evidence: resolveFlag(options, 'evidence', true),
    cwd: resolveCwd(options.cwd),
    env: new Environment(options.env ?? null),
    stdio: resolveStdio(options.stdio),
    timeout: resolveTimeout(options.timeout),
    signal: resolveSignal(options.signal),
  }
}

function resolveFlag(options: TraceOptions, name: (typeof FLAGS)[number], otherwise: boolean): boolean {
  const value: unknown = options[name] ?? otherwise
  if (typeof value === 'boolean') return value
  throw invalid(`option ${name} is not a boolean`, `${name}: true or false`)
}

function resolveUntil(until: unknown = 'main'): string {
  if (typeof until === 'string' && until !== '') return until
  throw invalid('option until is not a step or a symbol', "until: 'schedinit', or a Go symbol such as 'main.main'")
}

function resolveStops(stops: unknown = []): (string | RegExp)[] {
  if (Array.isArray(stops) && stops.every((s) => typeof s === 'string' || s instanceof RegExp)) return stops
  throw invalid('option stops is not an array of symbols', "stops: ['net.Dial', /^net\\/http\\.init/]")
}

function resolveCwd(cwd: unknown = process.cwd()): string {
  // The target may be made, and this looked at again, when the caller has moved on.
  if (typeof cwd === 'string' && cwd !== '' && !cwd.includes('\0'))
    return isAbsolute(cwd) ? cwd : `${process.cwd()}/${cwd}`
  throw invalid('option cwd is not a path', 'cwd: a directory')
}

function resolveStdio(stdio: unknown = ['ignore', 'pipe', 'pipe']): [StdioEntry, StdioEntry, StdioEntry] {
  const list = typeof stdio === 'string' ? [stdio, stdio, stdio] : stdio
  if (!Array.isArray(list) || list.length > 3) {
    throw invalid('option stdio is not a list of three', 'the target has no descriptor but 0, 1 and 2')
  }
  for (const entry of list) {
    const known = entry == null || entry === 'pipe' || entry === 'ignore' || entry === 'inherit'
    if (!known && !Number.isInteger(entry) && typeof (entry as { fd?: unknown }).fd !== 'number') {
      throw invalid('an entry of stdio has no descriptor', "'pipe', 'ignore', 'inherit', a descriptor, or a stream")
    }
  }
  return [list[0] ?? 'ignore', list[1] ?? 'pipe', list[2] ?? 'pipe']
}

function resolveTimeout(timeout: unknown = 0): number {
  if (typeof timeout === 'number' && timeout >= 0 && timeout <= 0x7fffffff) return timeout
  throw invalid('option timeout is not a number of milliseconds', 'timeout: 0 (none) to 2147483647')
}

function resolveSignal(signal: unknown): Aborting | null {
  if (signal == null) return null
  if (typeof (signal as Aborting).addEventListener === 'function') return signal as Aborting
  throw invalid('option signal is not an AbortSignal', 'signal: new AbortController().signal')
}
