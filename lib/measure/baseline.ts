import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { PremainError } from '../errors'
import type { Host } from '../trace/types'
import { unlikeHosts } from './compare'
import { isObject } from './saved'
import { parseKey, seriesOf } from './subject'
import type { Measurement } from './types'

/** One measurement as a baseline remembers it. */
export interface BaselineEntry {
  /** ISO 8601: when it was measured. */
  at: string
  host: Host | null
  cold: boolean
  until: string
  /** Go's path of the main package; null where the program does not tell it: such programs are not told apart. */
  program?: string | null
  goVersion: string | null
  /** Median and median absolute deviation by key (`total.cpu`, `step:inits.wall`, `init:net/http.cpu`). */
  values: Record<string, { median: number; mad: number; count: number }>
  /** The raw samples by key; kept for the newest entry of each program, host and settings only. */
  samples?: Record<string, number[]>
}

/** The file's content. */
export interface BaselineDocument {
  schema: 'premain.baseline/1'
  /** Oldest first. */
  entries: BaselineEntry[]
}

/** More entries than this tell nothing more about drift; the oldest of them stay, as what is drifted from. */
const MOST_ENTRIES = 60

/** An init package is remembered when it takes at least this part of the total, or when a budget names it. */
const LEAST_SHARE = 0.01

/** The history of one program's figures. */
export class Baseline {
  constructor(readonly entries: readonly BaselineEntry[]) {}

  /** The program's own entries, from any host; from before programs were told apart, all. */
  of(measurement: Measurement): BaselineEntry[] {
    const program = programOf(measurement)
    return this.entries.filter((entry) => entry.program === undefined || entry.program === program)
  }

  /** The entries that can be set against this measurement: same program, host and settings. Oldest first. */
  like(measurement: Measurement): BaselineEntry[] {
    const { host, settings } = measurement
    return this.of(measurement).filter(
      (entry) =>
        unlikeHosts(entry.host, host).length === 0 && entry.cold === settings.cold && entry.until === settings.until,
    )
  }

  /** The newest of them. */
  latest(measurement: Measurement): BaselineEntry | null {
    return this.like(measurement).at(-1) ?? null
  }

  /** With this measurement at the end. `keys` are remembered whatever they cost. */
  with(measurement: Measurement, keys: readonly string[] = []): Baseline {
    // Each program keeps, by host, the samples of its newest entry: they are what relative budgets are judged by.
    const outdone = new Set(this.like(measurement))
    const older = this.entries.map((entry) => (outdone.has(entry) ? withoutSamples(entry) : entry))
    const kept = older.length < MOST_ENTRIES ? older : [...older.slice(0, 20), ...older.slice(21)]
    return new Baseline([...kept, entryOf(measurement, keys)])
  }

  toJSON(): BaselineDocument {
    return { schema: 'premain.baseline/1', entries: [...this.entries] }
  }
}

/** What `go build FILE.go` calls every main package. */
const UNNAMED = 'command-line-arguments'

/** Builds of one program may have any name and place, and programs of one repository may share a file. */
function programOf({ target }: Measurement): string | null {
  const main = target?.go?.main
  return main && main !== UNNAMED ? main : null
}

function withoutSamples({ samples: _, ...entry }: BaselineEntry): BaselineEntry {
  return entry
}

function entryOf(measurement: Measurement, keys: readonly string[]): BaselineEntry {
  const entry: BaselineEntry & { samples: Record<string, number[]> } = {
    at: measurement.startedAt,
    host: measurement.host,
    cold: measurement.settings.cold,
    until: measurement.settings.until,
    program: programOf(measurement),
    goVersion: measurement.target?.go?.version ?? null,
    values: {},
    samples: {},
  }
  for (const key of new Set([...worthKeys(measurement), ...keys])) {
    const series = seriesOf(measurement, parseKey(key))?.series
    if (!series || series.median === null || series.mad === null) continue
    entry.values[key] = { median: series.median, mad: series.mad, count: series.count }
    entry.samples[key] = series.samples.filter((value): value is number => value !== null)
  }
  return entry
}

function worthKeys(measurement: Measurement): string[] {
  const dear = measurement.packages.filter((entry) => entry.share >= LEAST_SHARE)
  return [
    ...['wall', 'cpu', 'minorFaults', 'majorFaults'].map((figure) => `total.${figure}`),
    ...measurement.steps.flatMap(({ id }) => [`step:${id}.wall`, `step:${id}.cpu`]),
    ...dear.flatMap((entry) => [`init:${entry.package}.wall`, `init:${entry.package}.cpu`]),
  ]
}

/**
 * Reads a baseline file; null where there is none.
 *
 * @throws PremainError `INVALID_OPTION` when it cannot be read or is something else
 */
export async function readBaseline(path: string): Promise<Baseline | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new PremainError('INVALID_OPTION', `cannot read the baseline ${path}`, { cause })
  }
  return new Baseline(parseBaseline(path, text).entries)
}

function parseBaseline(path: string, text: string): BaselineDocument {
  try {
    const document = JSON.parse(text) as BaselineDocument
    if (document.schema === 'premain.baseline/1' && document.entries.every(isEntry)) return document
  } catch (cause) {
    throw new PremainError('INVALID_OPTION', `${path} is not a baseline`, { cause })
  }
  throw new PremainError('INVALID_OPTION', `${path} is not a baseline (premain.baseline/1)`)
}

function isEntry({ values, samples = {} }: BaselineEntry): boolean {
  const finite = (value: unknown) => Number.isFinite(value)
  return (
    isObject(values) &&
    Object.values(values).every((entry) => isObject(entry) && [entry.median, entry.mad, entry.count].every(finite)) &&
    isObject(samples) &&
    Object.values(samples).every((list) => Array.isArray(list) && list.every(finite))
  )
}

/**
 * Writes the file anew, whole or not at all.
 *
 * @throws PremainError `INVALID_OPTION` when it cannot be written
 */
export async function writeBaseline(path: string, baseline: Baseline): Promise<void> {
  const fresh = `${path}.${process.pid}.tmp`
  try {
    await writeFile(fresh, `${JSON.stringify(baseline)}\n`)
    await rename(fresh, path)
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => {})
    const { code = null, syscall = null } = cause as NodeJS.ErrnoException
    throw new PremainError('INVALID_OPTION', `cannot write the baseline ${path}: ${code}`, {
      hint: 'Its directory has to exist and to be writable.',
      errno: code,
      syscall,
      cause,
    })
  }
}
