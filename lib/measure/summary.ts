import { ENTRY_STEPS, STEPS } from '../plan/catalogue'
import type { StepId } from '../plan/types'
import type { RunFigures } from '../trace/figures'
import type { ErrorInfo, Host, Init, Target } from '../trace/types'
import { decodePackage, type InittraceLine } from './inittrace'
import { median, series } from './statistics'
import type {
  ChainLink,
  Clock,
  InitSeries,
  Launch,
  Measurement,
  MeasureSettings,
  PackageAllocs,
  PackageSeries,
  Series,
  StepSeries,
  TotalSeries,
} from './types'
import { formatDuration, formatPercent } from './units'

/** What is kept of one launch that came to its end. */
export type Sample = Pick<RunFigures, 'totals' | 'steps' | 'inits'>

/** The samples of one program, by kind of launch. */
export interface Samples {
  run: Sample[]
  oneStop: Sample[]
  allocs: InittraceLine[][]
}

/** Everything that a measurement is made from. */
export interface Collected {
  tool: Measurement['tool']
  target: Target | null
  host: Host | null
  startedAt: string
  settings: MeasureSettings
  launches: Launch[]
  samples: Samples
}

/** The part of the sum of all medians that the critical chain makes up. */
const CHAIN_PART = 0.8

/** Relative spread (MAD ÷ median) of the total from which a measurement is said to be unsteady. */
const UNSTEADY = 0.1

const ENDS_AT_ENTRY =
  'There is no main.main to come to: the launches ended at the entry point, where programs that are not Go’s end.'

/** Samples → a measurement. */
export function summarize(collected: Collected): Measurement {
  const { settings, launches, samples } = collected
  const timed = settings.cold ? samples.oneStop : samples.run
  const counted = launches.filter((launch) => launch.kind === (settings.cold ? 'one-stop' : 'run'))
  const ok = counted.filter((launch) => launch.ok).length
  const totals = totalSeries(timed, samples.oneStop, settings.level)
  const steps = STEPS.map((_, at) => stepSeries(timed, at, settings))
  const inits = initSeries(timed, settings.level)
  const packages = rankPackages(inits, { total: totals, settings, allocs: samples.allocs })
  const measurement: Measurement = {
    schema: 'premain.measurement/1',
    tool: collected.tool,
    target: collected.target,
    host: collected.host,
    startedAt: collected.startedAt,
    error: ok > 0 || counted.length === 0 ? null : whyNone(counted),
    settings,
    launches,
    counted: { ok, failed: counted.length - ok },
    totals,
    steps,
    inits,
    packages,
    criticalChain: criticalChain(steps, packages, settings.clock),
    notes: [],
  }
  measurement.notes = notesOn(measurement, samples)
  return measurement
}

/** Whether the launches ended at the entry point though they were to go further: the program is not Go's. */
export function endsAtEntry({ launches, settings }: Pick<Measurement, 'launches' | 'settings'>): boolean {
  return !ENTRY_STEPS.has(settings.until) && launches.some(({ outcome }) => outcome === 'reached-entry')
}

/** Where the launches ended, in words. */
export function endName(measurement: Pick<Measurement, 'launches' | 'settings'>): string {
  return endsAtEntry(measurement) ? 'the entry point' : measurement.settings.until
}

/** Why no counted launch came to its end: the last failure stands for all. */
function whyNone(launches: readonly Launch[]): ErrorInfo {
  const last = launches.findLast((launch) => launch.error !== null)?.error
  const nothing = { code: 'EXITED_BEFORE_MAIN', hint: null, errno: null, syscall: null }
  const reason = last ? `: ${last.message}` : ''
  return { ...(last ?? nothing), message: `all ${launches.length} launches failed${reason}` }
}

function totalSeries(timed: Sample[], oneStop: Sample[], level: number): TotalSeries {
  const of = (from: Sample[], key: keyof Sample['totals']) =>
    series(
      from.map((sample) => sample.totals[key]),
      level,
    )
  return {
    wallNs: of(timed, 'wallNs'),
    cpuNs: of(timed, 'cpuCorrectedNs'),
    cpuRawNs: of(timed, 'cpuNs'),
    minorFaults: of(oneStop, 'minorFaults'),
    majorFaults: of(oneStop, 'majorFaults'),
  }
}

function stepSeries(timed: Sample[], at: number, { cold, level }: MeasureSettings): StepSeries {
  const info = STEPS[at]!
  const steps = timed.map((sample) => sample.steps[at]!)
  // A step has a time where it was passed: also one that is not the program's, as `inits` without any, has what lies between
  // its neighbours. Cold launches run through all of them without a stop.
  const passed = (step: Sample['steps'][number]) =>
    !cold && (step.status === 'observed' || step.status === 'derived' || step.wallNs > 0 || step.cpuNs > 0)
  const times = (key: 'wallNs' | 'cpuNs') => steps.map((step) => (passed(step) ? step[key] : null))
  const statuses = steps.map(({ status }) => (cold && status === 'missed' ? 'not-applicable' : status))
  return {
    index: info.index,
    id: info.id,
    title: info.title,
    status: mostFrequent(statuses) ?? 'not-reached',
    wallNs: series(times('wallNs'), level),
    cpuNs: series(times('cpuNs'), level),
  }
}

function mostFrequent<T>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}

/** What one init function took in each launch, null where it did not run. */
interface InitSamples {
  init: Init
  wallNs: (number | null)[]
  cpuNs: (number | null)[]
}

function initSeries(timed: Sample[], level: number): InitSeries[] {
  const byKey = new Map<string, InitSamples>()
  for (const [index, sample] of timed.entries()) {
    const seen = new Map<string, number>()
    for (const init of sample.inits) {
      // Some versions name several init functions of a package alike: the n-th is matched with the n-th.
      const nth = (seen.get(init.function) ?? 0) + 1
      seen.set(init.function, nth)
      const key = `${init.function} ${nth}`
      const absent = () => Array<number | null>(timed.length).fill(null)
      const entry = byKey.get(key) ?? { init, wallNs: absent(), cpuNs: absent() }
      byKey.set(key, entry)
      entry.wallNs[index] = init.wallNs
      entry.cpuNs[index] = init.cpuNs
    }
  }
  return [...byKey.values()]
    .sort((a, b) => a.init.order - b.init.order)
    .map(({ init, wallNs, cpuNs }) => ({
      package: decodePackage(init.package),
      function: init.function,
      file: init.file,
      line: init.line,
      runtime: init.runtime,
      order: init.order,
      wallNs: series(wallNs, level),
      cpuNs: series(cpuNs, level),
    }))
}

/** Entry by entry; null only where all are. */
function sumSamples(parts: readonly Series[]): (number | null)[] {
  const [only, ...others] = parts
  if (only !== undefined && others.length === 0) return only.samples
  const length = only?.samples.length ?? 0
  return Array.from({ length }, (_, at) => {
    const present = parts.map((part) => part.samples[at]).filter((value): value is number => value != null)
    return present.length === 0 ? null : present.reduce((sum, value) => sum + value, 0)
  })
}

function rankPackages(
  inits: InitSeries[],
  context: { total: TotalSeries; settings: MeasureSettings; allocs: InittraceLine[][] },
): PackageSeries[] {
  const groups = new Map<string, InitSeries[]>()
  for (const init of inits) groups.set(init.package, [...(groups.get(init.package) ?? []), init])
  // Without stops at inits the runtime's lines alone tell which there are.
  if (inits.length === 0) for (const line of context.allocs.flat()) groups.set(line.package, [])
  const { level, clock } = context.settings
  const total = context.total[`${clock}Ns`].median ?? 0
  const ranked = [...groups].map(([name, functions], at): PackageSeries => {
    const wallNs = series(sumSamples(functions.map((init) => init.wallNs)), level)
    const cpuNs = series(sumSamples(functions.map((init) => init.cpuNs)), level)
    const time = (clock === 'wall' ? wallNs : cpuNs).median ?? 0
    return {
      package: name,
      runtime: functions.length > 0 ? functions.every((init) => init.runtime) : name === 'runtime',
      functions: functions.length,
      order: functions[0]?.order ?? at,
      wallNs,
      cpuNs,
      share: total > 0 ? time / total : 0,
      allocs: allocsOf(name, context.allocs),
    }
  })
  return ranked.sort((a, b) => b.share - a.share || (b.allocs?.bytes ?? 0) - (a.allocs?.bytes ?? 0))
}

function allocsOf(name: string, launches: InittraceLine[][]): PackageAllocs | null {
  // A package of the runtime's own inits can have two lines, one for each of its tasks' groups.
  const sums = launches.flatMap((lines) => {
    const own = lines.filter((line) => line.package === name)
    const sum = (key: 'bytes' | 'allocs' | 'clockNs') => own.reduce((total, line) => total + line[key], 0)
    return own.length === 0 ? [] : [{ bytes: sum('bytes'), allocs: sum('allocs'), clockNs: sum('clockNs') }]
  })
  if (sums.length === 0) return null
  const middle = (key: 'bytes' | 'allocs' | 'clockNs') => median(sums.map((entry) => entry[key]))
  return { bytes: middle('bytes'), allocs: middle('allocs'), clockNs: middle('clockNs'), launches: sums.length }
}

/** One piece of the time to main: a step, or within the step `inits` a package. */
type Piece = Pick<ChainLink, 'kind' | 'id' | 'timeNs'>

/** All pieces in order of time. */
function pieces(steps: StepSeries[], packages: PackageSeries[], clock: Clock): Piece[] {
  // Runtime inits run within the step `sysmon`.
  const own = packages.filter((entry) => !entry.runtime).sort((a, b) => a.order - b.order)
  return steps.flatMap((step): Piece[] => {
    const timeNs = step[`${clock}Ns`].median ?? 0
    if (step.id !== 'inits') return [{ kind: 'step', id: step.id, timeNs }]
    const parts = own.map(
      (entry): Piece => ({
        kind: 'package',
        id: entry.package,
        timeNs: entry[`${clock}Ns`].median ?? 0,
      }),
    )
    const rest = Math.max(0, timeNs - parts.reduce((sum, part) => sum + part.timeNs, 0))
    return [{ kind: 'step', id: 'inits' satisfies StepId, timeNs: rest }, ...parts]
  })
}

function criticalChain(steps: StepSeries[], packages: PackageSeries[], clock: Clock): ChainLink[] {
  const all = pieces(steps, packages, clock)
  const total = all.reduce((sum, piece) => sum + piece.timeNs, 0)
  const chosen = new Set<Piece>()
  let covered = 0
  for (const piece of [...all].sort((a, b) => b.timeNs - a.timeNs)) {
    if (covered >= CHAIN_PART * total) break
    chosen.add(piece)
    covered += piece.timeNs
  }
  let atNs = 0
  return all.flatMap((piece) => {
    const link: ChainLink = { ...piece, atNs, share: total > 0 ? piece.timeNs / total : 0 }
    atNs += piece.timeNs
    return chosen.has(piece) ? [link] : []
  })
}

function notesOn(measurement: Measurement, samples: Samples): string[] {
  const { counted, settings, totals, launches } = measurement
  const notes: string[] = []
  if (counted.failed > 0) {
    const all = counted.ok + counted.failed
    notes.push(
      `${counted.failed} of ${all} launches failed${counted.ok > 0 ? '; the figures are those of the others' : ''}.`,
    )
  }
  const lost = launches.filter(({ kind, ok }) => kind === 'one-stop' && !ok).length
  if (!settings.cold && lost > 0)
    notes.push(`${lost} of the ${settings.faultRuns} launches for the fault figures failed.`)
  if (endsAtEntry(measurement)) notes.push(ENDS_AT_ENTRY)
  const total = totals[`${settings.clock}Ns`]
  if (total.median && total.mad !== null && total.mad / total.median > UNSTEADY) {
    const spread = formatPercent(total.mad / total.median).slice(1)
    notes.push(
      `Unsteady: half of the launches lie more than ${spread} from the median ${formatDuration(total.median)}.`,
    )
  }
  if (counted.ok > 0 && total.ci === null) {
    notes.push(
      `${counted.ok} ${counted.ok === 1 ? 'launch is' : 'launches are'} too few for an interval of the median.`,
    )
  }
  if (settings.cold) {
    notes.push(
      'Cold launches stop at the end only: arming breakpoints would read the program’s pages in. What comes before a step ' +
        'is told by launches that end there (until).',
    )
    if (totals.majorFaults.median === 0) {
      notes.push(
        'Most cold launches read nothing from the disk: another process maps the file, or it lies in memory (tmpfs).',
      )
    }
  }
  const crossed = launches.filter((launch) => launch.kind === 'run' && launch.ok && launch.crossings > 0).length
  if (crossed > 0) {
    notes.push(
      `In ${crossed} of ${counted.ok} launches some stops were taken on another core; the CPU time of steps and inits is ` +
        'raw and up to 23 µs a stop too high there, that of the total is corrected.',
    )
  }
  if (settings.allocs) notes.push(allocsNote(samples.allocs))
  return notes
}

function allocsNote(launches: InittraceLine[][]): string {
  return launches.every((lines) => lines.length === 0)
    ? 'The runtime wrote no inittrace lines: it is older than Go 1.16, or the launches failed.'
    : 'Bytes and allocations are the runtime’s own (GODEBUG=inittrace=1), from launches of their own without stops at inits.'
}
