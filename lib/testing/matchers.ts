import type { Clock, Measurement, Trace } from '../index'
import {
  api,
  checkNames,
  isMeasurement,
  nameOf,
  type Received,
  recordOf,
  type StartOptions,
  timesOf,
  traceOf,
} from './subject'

/** Options of `toReachMainWithin`. */
export interface WithinOptions extends StartOptions {
  /** Default `wall`. */
  clock?: Clock
  /** How often a program given by path is started, after 3 warm-ups; default 20. */
  runs?: number
}

/** What Jest and Vitest expect from a matcher. */
export interface MatcherResult {
  pass: boolean
  message: () => string
}

/** The part of the matcher's `this` that both frameworks have and that is used here. */
export interface MatcherContext {
  isNot?: boolean
}

/** An `expect` that can take matchers and snapshots. */
export interface ExpectLike {
  (value: unknown): { toMatchSnapshot(hint?: string): unknown }
  extend(matchers: never): void
}

/** Neither kept nor broken: fails with and without `.not`. */
function inconclusive(context: MatcherContext, message: string): MatcherResult {
  return { pass: context.isNot === true, message: () => message }
}

/** The samples as a line of bars, from the least to the greatest. */
function spread(samples: readonly number[]): string {
  const [least, most] = [Math.min(...samples), Math.max(...samples)]
  const bins = Array<number>(20).fill(0)
  for (const sample of samples) {
    const at = most > least ? Math.floor(((sample - least) / (most - least)) * 19.999) : 0
    bins[at] = bins[at]! + 1
  }
  const top = Math.max(...bins)
  return bins.map((count) => ' ▁▂▃▄▅▆▇█'[Math.ceil((count / top) * 8)]).join('')
}

function describeSamples(series: Measurement['totals']['wallNs'], clock: Clock): string {
  const write = (value: number | null) => (value === null ? '–' : api().formatDuration(value))
  const samples = series.samples.filter((value): value is number => value !== null)
  const interval = series.ci ? `${write(series.ci.low)} to ${write(series.ci.high)}` : 'none (too few runs)'
  return [
    `${series.count} runs, ${clock === 'cpu' ? 'CPU' : 'wall'} time: median ${write(series.median)}, MAD ${write(series.mad)}`,
    `${series.ci ? 100 * series.ci.level : 95} % interval of the median: ${interval}`,
    ...(samples.length > 0 ? [`${write(series.min)} |${spread(samples)}| ${write(series.max)}`] : []),
  ].join('\n')
}

async function toReachMainWithin(
  this: MatcherContext,
  received: Received,
  budget: string,
  options: WithinOptions = {},
): Promise<MatcherResult> {
  const { parseDuration, formatDuration } = api()
  const limit = parseDuration(budget)
  checkNames(options, ['runs', 'clock'])
  const clock = options.clock ?? 'wall'
  const record = await recordOf(received, (file) => timesOf(file, options))
  const wanted = `expected ${nameOf(received, record)} ${this.isNot ? 'not ' : ''}to reach main within ${budget}`
  if (isMeasurement(record)) return judgeTimes(record, { context: this, wanted, limit, clock })
  if (record.outcome !== 'reached-main') return neverReached(record, wanted)
  const took = clock === 'cpu' ? record.totals.cpuCorrectedNs : record.totals.wallNs
  return { pass: took <= limit, message: () => `${wanted}; this one run took ${formatDuration(took)}` }
}

/** The level that budgets are held at. */
const LEVEL = 0.95

function judgeTimes(
  record: Measurement,
  { context, wanted, limit, clock }: { context: MatcherContext; wanted: string; limit: number; clock: Clock },
): MatcherResult {
  const series = clock === 'cpu' ? record.totals.cpuNs : record.totals.wallNs
  const { reached, failed } = arrivals(record)
  const total = reached + failed
  const facts = `${describeSamples(series, clock)}${failed > 0 ? `\n${failed} of ${total} launches did not reach main` : ''}`
  if (reached === 0) return { pass: false, message: () => `${wanted}; it never reached main${whyNot(record)}` }
  if (record.settings.level < LEVEL)
    return inconclusive(
      context,
      `${wanted}: inconclusive, its intervals are of ${100 * record.settings.level} %\n${facts}`,
    )
  if (!series.ci) return inconclusive(context, `${wanted}: inconclusive, too few runs\n${facts}`)
  if (series.ci.high > limit && series.ci.low <= limit) {
    return inconclusive(context, `${wanted}: inconclusive, the interval holds the budget\n${facts}`)
  }
  const within = series.ci.high <= limit
  if (within && failed > 0) return inconclusive(context, `${wanted}: not every launch reached main\n${facts}`)
  return { pass: within, message: () => `${wanted}\n${facts}` }
}

/** How many of the counted launches came to main.main: to have come to their own end is not enough. */
function arrivals({ launches, settings }: Measurement): { reached: number; failed: number } {
  const counted = launches.filter(({ kind }) => kind === (settings.cold ? 'one-stop' : 'run'))
  const reached = counted.filter(({ outcome }) => outcome === 'reached-main').length
  return { reached, failed: counted.length - reached }
}

/** Where the launches ended instead. */
function whyNot({ launches, error, settings }: Measurement): string {
  if (error) return `\n${error.message}`
  const { outcome } = launches.at(-1) ?? {}
  if (outcome === 'reached-entry') return ': it has no main.main to come to, and was ended at its entry point'
  return outcome === 'reached-until' ? `: its launches were to end at ${settings.until}` : ''
}

function neverReached(trace: Trace, wanted: string): MatcherResult {
  const last = trace.steps.filter((step) => step.status === 'observed').at(-1)
  const error = trace.error ? `\n${trace.error.message}` : ''
  const message = `${wanted}; it came to ${last?.id ?? 'no step'}, outcome ${trace.outcome}${error}`
  return { pass: false, message: () => message }
}

async function toReachMain(
  this: MatcherContext,
  received: Received,
  options: StartOptions = {},
): Promise<MatcherResult> {
  checkNames(options)
  const record = await recordOf(received, (file) => traceOf(file, options))
  const wanted = `expected ${nameOf(received, record)} ${this.isNot ? 'not ' : ''}to reach main`
  if (isMeasurement(record)) {
    const { reached, failed } = arrivals(record)
    const pass = this.isNot ? reached > 0 : reached > 0 && failed === 0
    return { pass, message: () => `${wanted}; ${reached} launches did, ${failed} did not${whyNot(record)}` }
  }
  if (record.outcome !== 'reached-main') return neverReached(record, wanted)
  return { pass: true, message: () => `${wanted}; it did` }
}

/** The packages whose inits ran, in order of their first. */
function packagesOf(record: Trace | Measurement): string[] {
  return [...new Set(record.inits.map((init) => init.package))]
}

/** Why nothing can be said of inits that were not seen; null where all that ran were. */
function unseen(record: Trace | Measurement): string | null {
  // A Go program has inits: the runtime's own are among them.
  if (record.inits.length === 0) return 'no init was traced'
  const all = isMeasurement(record) ? arrivals(record).reached > 0 : record.outcome === 'reached-main'
  return all ? null : 'not all inits were traced: it did not come to main'
}

/** The names that are most like it: those that share its last element. */
function similar(name: string, packages: readonly string[]): string {
  const last = name.split('/').at(-1) ?? name
  const near = packages.filter((entry) => entry.includes(last)).slice(0, 5)
  return near.length > 0 ? `; there are ${near.join(', ')}` : ''
}

async function toHaveInit(
  this: MatcherContext,
  received: Received,
  name: string,
  options: StartOptions = {},
): Promise<MatcherResult> {
  checkNames(options)
  const record = await recordOf(received, (file) => traceOf(file, options))
  const wanted = `expected ${nameOf(received, record)} ${this.isNot ? 'not ' : ''}to run an init of ${name}`
  const ran = record.inits.filter((init) => init.package === name).map((init) => init.function)
  if (ran.length > 0) return { pass: true, message: () => `${wanted}; ${ran.join(', ')} ran` }
  const reason = unseen(record)
  if (reason !== null) return inconclusive(this, `${wanted}; ${reason}`)
  const packages = packagesOf(record)
  return { pass: false, message: () => `${wanted}; ${packages.length} packages have${similar(name, packages)}` }
}

async function toInitBefore(
  this: MatcherContext,
  received: Received,
  names: readonly [string, string],
  options: StartOptions = {},
): Promise<MatcherResult> {
  checkNames(options)
  const record = await recordOf(received, (file) => traceOf(file, options))
  const [first, second] = names.map((name) =>
    record.inits.flatMap((init, at) => (init.package === name ? [at] : [])),
  ) as [number[], number[]]
  const wanted = `expected ${nameOf(received, record)} ${this.isNot ? 'not ' : ''}to init ${names[0]} before ${names[1]}`
  const missing = names.filter((_, at) => (at === 0 ? first : second).length === 0)
  if (missing.length > 0) return inconclusive(this, `${wanted}; no init of ${missing.join(' and ')} ran`)
  const at = `; inits ${first.join(', ')} and ${second.join(', ')} of ${record.inits.length}`
  return { pass: first.at(-1)! < second[0]!, message: () => `${wanted}${at}` }
}

/** Steps and inits in order, without anything that differs from run to run. */
export function loadShape(record: Trace | Measurement): { steps: string[]; inits: string[] } {
  return {
    steps: record.steps.map((step) => `${step.id}: ${step.status}`),
    inits: record.inits.map((init) => `${init.package}: ${init.function}`),
  }
}

/** The matchers; `snapshots` gives the `expect` that keeps snapshots. */
export function matchersFor(snapshots: () => ExpectLike) {
  async function toMatchLoadSnapshot(
    this: MatcherContext,
    received: Received,
    options: StartOptions & { hint?: string } = {},
  ): Promise<MatcherResult> {
    checkNames(options, ['hint'])
    if (this.isNot) throw new TypeError('.not.toMatchLoadSnapshot() has no meaning: a snapshot is matched or written')
    const record = await recordOf(received, (file) => traceOf(file, options))
    // The framework's own matcher keeps the snapshot, and throws its own message where it differs.
    await snapshots()(loadShape(record)).toMatchSnapshot(...(options.hint === undefined ? [] : [options.hint]))
    return { pass: true, message: () => 'the snapshot matches' }
  }
  return {
    toReachMainWithin,
    toReachMain,
    toHaveInit,
    toMatchLoadSnapshot,
    async toInitBefore(this: MatcherContext, received: Received, first: string, ...rest: [string, StartOptions?]) {
      return toInitBefore.call(this, received, [first, rest[0]], rest[1])
    },
  }
}
