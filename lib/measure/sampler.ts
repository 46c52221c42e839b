import { resolve } from 'node:path'
import { type ErrorCode, PremainError } from '../errors'
import { TOOL } from '../tool'
import type { RunFigures } from '../trace/figures'
import type { ErrorInfo, Outcome } from '../trace/types'
import { type InittraceLine, parseInittrace } from './inittrace'
import type { Machinery, MeasureOptions, Program, RunOptions } from './options'
import { type Samples, summarize } from './summary'
import type { Launch, Measurement, MeasureSettings } from './types'

/** Ways to fail that belong to one launch. All others would befall every launch, and end the measurement. */
const FAILURES: Partial<Record<ErrorCode, Outcome>> = {
  EXITED_BEFORE_MAIN: 'exited',
  TIMEOUT: 'timeout',
  EXEC_FAILED: 'exec-failed',
}

/** In place of a hint at steps and output, which a launch keeps none of. */
const HOW_FAR = 'A trace of it shows how far it came: premain trace, or trace().'

const REACHED: ReadonlySet<Outcome | null> = new Set(['reached-main', 'reached-until', 'reached-entry'])

/** How often the runtime is asked for its own account of the inits' heap use: it hardly varies. */
const ALLOC_RUNS = 3

/** The launches of one program that settings ask for, in order of their kinds. */
export function launchKinds(settings: MeasureSettings): Launch['kind'][] {
  return [
    ...Array<Launch['kind']>(settings.warmup).fill('warmup'),
    ...Array<Launch['kind']>(settings.cold ? 0 : settings.runs).fill('run'),
    ...Array<Launch['kind']>(settings.faultRuns).fill('one-stop'),
    ...Array<Launch['kind']>(settings.allocs ? ALLOC_RUNS : 0).fill('allocs'),
  ]
}

/** Launches one program again and again and keeps the samples. */
export class Sampler {
  private readonly launches: Launch[] = []
  private readonly samples: Samples = { run: [], oneStop: [], allocs: [] }
  private readonly startedAt = new Date().toISOString()
  private first: RunFigures | null = null
  private build: string | null = null
  /** {@link filesOf} the first launch: what cold launches drop. */
  private files: string[] = []
  private readonly optionsOf = new Map<Launch['kind'], RunOptions>()

  constructor(
    private readonly program: Program,
    private readonly settings: MeasureSettings,
    private readonly world: { machinery: Machinery; options: MeasureOptions },
  ) {}

  /**
   * One launch.
   *
   * @param index its place among all launches, those of other programs included
   * @throws PremainError when no launch could succeed (`NOT_FOUND`, `PTRACE_DENIED`, …) or on abort
   */
  async launch(kind: Launch['kind'], index: number): Promise<Launch> {
    await this.prepareCache(kind)
    const { trace, error } = await this.attempt(kind)
    if (trace) this.remember(trace)
    const ok = error === null && REACHED.has(trace?.outcome ?? null)
    if (ok && trace) this.expectSame(trace)
    const launch: Launch = {
      index,
      kind,
      ok,
      sample: ok && trace ? this.keep(kind, trace) : null,
      outcome: trace?.outcome ?? (error && FAILURES[error.code as ErrorCode]) ?? null,
      exit: trace?.exit ?? null,
      error: error ?? trace?.error ?? null,
      crossings: trace?.overhead.crossings ?? 0,
      stops: trace?.totals.stops ?? 0,
    }
    this.launches.push(launch)
    return launch
  }

  /** Everything so far, described. */
  measurement(): Measurement {
    return summarize({
      tool: TOOL,
      target: this.first?.target ?? null,
      host: this.first?.host ?? null,
      startedAt: this.startedAt,
      settings: this.settings,
      launches: this.launches,
      samples: this.samples,
    })
  }

  /**
   * Pages lie in the cache as they came there: those of a program that the linker wrote map slower than those of its copy,
   * by a tenth of a step and more. So the program is read anew once its first launch has told its files, if that one does
   * not count.
   */
  private async prepareCache(kind: Launch['kind']): Promise<void> {
    const { machinery } = this.world
    const { cold, warmup } = this.settings
    if (cold && kind === 'one-stop') for (const file of this.files) machinery.dropCache(file)
    if (!cold && warmup > 0 && this.launches.length === 1)
      for (const file of this.files) await machinery.reloadCache(file, this.world.options.signal)
  }

  private async attempt(kind: Launch['kind']): Promise<{ trace: RunFigures | null; error: ErrorInfo | null }> {
    try {
      const trace = await this.world.machinery.runOnce(
        this.program.file,
        this.program.args ?? [],
        this.runOptions(kind),
      )
      return { trace, error: null }
    } catch (error) {
      if (!(error instanceof PremainError) || !FAILURES[error.code]) throw error
      const { code, message, errno, syscall } = error
      const hint = code === 'EXITED_BEFORE_MAIN' ? HOW_FAR : error.hint
      return { trace: (error.trace as RunFigures | undefined) ?? null, error: { code, message, hint, errno, syscall } }
    }
  }

  /** The same object for launches of the same kind. */
  private runOptions(kind: Launch['kind']): RunOptions {
    const known = this.optionsOf.get(kind)
    const options = known ?? this.makeOptions(kind)
    if (!known) this.optionsOf.set(kind, options)
    return options
  }

  private makeOptions(kind: Launch['kind']): RunOptions {
    const { cwd, env, signal } = this.world.options
    const only = kind === 'one-stop' || kind === 'allocs' || this.settings.cold
    const variables = kind === 'allocs' ? withInittrace(env ?? process.env) : env
    return {
      until: this.settings.until,
      inits: this.settings.inits && !only,
      only,
      registers: false,
      maps: false,
      timeout: this.settings.timeout,
      ...(cwd === undefined ? {} : { cwd }),
      ...(variables === undefined ? {} : { env: variables }),
      ...(signal === undefined ? {} : { signal }),
    }
  }

  private remember(trace: RunFigures): void {
    this.first ??= trace
    if (this.files.length === 0) this.files = filesOf(trace)
  }

  /** @throws PremainError `UNSUPPORTED` where another build came to its end than the first that did */
  private expectSame(trace: RunFigures): void {
    this.build ??= buildOf(trace)
    if (this.build === buildOf(trace)) return
    throw new PremainError('UNSUPPORTED', `${trace.target.path} has changed since the first launch`, {
      hint: 'Measure a copy that nobody writes to, or wait until its build is done.',
    })
  }

  private keep(kind: Launch['kind'], trace: RunFigures): number | null {
    // The whole trace is not kept: a thousand runs of a large program would not fit.
    const { totals, steps, inits } = trace
    if (kind === 'run') return this.samples.run.push({ totals, steps, inits }) - 1
    if (kind === 'one-stop') return this.samples.oneStop.push({ totals, steps, inits }) - 1
    if (kind === 'allocs') return this.samples.allocs.push(linesOf(trace)) - 1
    return null
  }
}

/** What tells one build of a program from another. */
function buildOf({ target: { size, elf } }: RunFigures): string {
  return [size, elf?.goBuildId, elf?.buildId].join(' ')
}

/** The files that execve was given, and the interpreters that the kernel took for them. */
function filesOf({ target, execs }: RunFigures): string[] {
  const given = [...execs.flatMap(({ path, interpreter }) => [path, interpreter]), target.path]
  return [...new Set(given.filter((path) => path !== null).map((path) => resolve(target.cwd, path)))]
}

function linesOf(trace: RunFigures): InittraceLine[] {
  return parseInittrace(trace.output.stderr)
}

/** The environment with GODEBUG=inittrace=1 added to what GODEBUG holds already. */
function withInittrace(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const defined = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { ...Object.fromEntries(defined), GODEBUG: [env.GODEBUG, 'inittrace=1'].filter(Boolean).join(',') }
}
