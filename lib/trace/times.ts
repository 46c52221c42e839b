/** The clocks of a trace: what lies between stops, without the time that the target was held. */
import type { SessionRecord } from '../session/records'

/** A point of a run on all of its counters. */
export interface Instant {
  /** Nanoseconds since the resume of execve's entry, held time left out. */
  ns: number
  /** The process's CPU time since then. */
  cpuNs: number
  minorFaults: number
  majorFaults: number
}

export const ZERO: Instant = { ns: 0, cpuNs: 0, minorFaults: 0, majorFaults: 0 }

/** The differences between two instants. */
export interface Span {
  startNs: number
  wallNs: number
  cpuNs: number
  minorFaults: number
  majorFaults: number
}

/** Converts what the records say, for one run. */
export class Clock {
  /** How often the records have changed what was said of times before. */
  epoch = 0
  /** Disjoint intervals in which a thread was held, in order, and how much was held before each and in all. */
  private readonly held: Held = { from: [], to: [], before: [], sum: 0 }
  /** How many records they are of, and the latest time of these. */
  private followed = 0
  private latestNs = Number.NEGATIVE_INFINITY
  private readonly base: Pick<SessionRecord, 'cpuNs' | 'threadCpuNs' | 'minorFaults' | 'majorFaults'>

  /** `records` may be added to. */
  constructor(private readonly records: readonly SessionRecord[]) {
    const entry = records.find((record) => record.kind === 'syscall-entry') ?? records[0]
    this.base = entry ?? { cpuNs: 0, threadCpuNs: 0, minorFaults: 0, majorFaults: 0 }
  }

  /** A time of the records less all the time held before it; never less for a later time. */
  effectiveNs(atNs: number): number {
    this.follow()
    const { from, to, before } = this.held
    let low = 0
    let high = from.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((from[middle] as number) < atNs) low = middle + 1
      else high = middle
    }
    if (low === 0) return Math.max(0, atNs)
    const last = low - 1
    const inLast = Math.min(atNs, to[last] as number) - (from[last] as number)
    return Math.max(0, atNs - (before[last] as number) - inLast)
  }

  /** Takes in the records that came since. A thread’s stop may be reported after another thread’s later one. */
  follow(): void {
    for (; this.followed < this.records.length; this.followed++) {
      const record = this.records[this.followed] as SessionRecord
      if (record.atNs < this.latestNs) {
        this.followAnew()
        return
      }
      this.latestNs = record.atNs
      hold(record, this.held)
    }
  }

  private followAnew(): void {
    const { held } = this
    held.from.length = held.to.length = held.before.length = held.sum = 0
    const ordered = this.records.toSorted((a, b) => a.atNs - b.atNs)
    for (const record of ordered) hold(record, held)
    this.followed = this.records.length
    this.latestNs = ordered.at(-1)?.atNs ?? this.latestNs
    this.epoch++
  }

  /** Where a record stands. Counters start at execve's entry. */
  at(record: SessionRecord): Instant {
    const { cpuNs, minorFaults, majorFaults } = this.counters(record)
    return { ns: this.effectiveNs(record.atNs), cpuNs, minorFaults, majorFaults }
  }

  /** What the counters stand at, without the time. */
  counters(record: SessionRecord): Omit<Instant, 'ns'> {
    return {
      cpuNs: Math.max(0, record.cpuNs - this.base.cpuNs),
      minorFaults: Math.max(0, record.minorFaults - this.base.minorFaults),
      majorFaults: Math.max(0, record.majorFaults - this.base.majorFaults),
    }
  }

  /** A thread's CPU time; the first thread's starts at execve's entry. */
  threadCpuNs(record: SessionRecord, mainTid: number): number {
    return record.tid === mainTid ? Math.max(0, record.threadCpuNs - this.base.threadCpuNs) : record.threadCpuNs
  }
}

interface Held {
  from: number[]
  to: number[]
  before: number[]
  sum: number
}

/** Adds the part of a record’s time from zero on, merged where intervals overlap. */
function hold({ atNs, heldNs }: SessionRecord, held: Held): void {
  const { from, to, before } = held
  const start = Math.max(0, atNs)
  const end = atNs + heldNs
  if (end <= start) return
  const last = to.length - 1
  const reached = to[last]
  if (reached !== undefined && start <= reached) {
    held.sum += Math.max(0, end - reached)
    to[last] = Math.max(reached, end)
  } else {
    from.push(start)
    to.push(end)
    before.push(held.sum)
    held.sum += end - start
  }
}

/** The same instant, moved so that no counter lies before another instant's. */
export function notBefore(instant: Instant, floor: Instant): Instant {
  const { ns, cpuNs, minorFaults, majorFaults } = instant
  const before =
    ns < floor.ns || cpuNs < floor.cpuNs || minorFaults < floor.minorFaults || majorFaults < floor.majorFaults
  if (!before) return instant
  return {
    ns: Math.max(instant.ns, floor.ns),
    cpuNs: Math.max(instant.cpuNs, floor.cpuNs),
    minorFaults: Math.max(instant.minorFaults, floor.minorFaults),
    majorFaults: Math.max(instant.majorFaults, floor.majorFaults),
  }
}

/** From one instant to a later one. */
export function between(start: Instant, end: Instant): Span {
  return {
    startNs: start.ns,
    wallNs: end.ns - start.ns,
    cpuNs: end.cpuNs - start.cpuNs,
    minorFaults: end.minorFaults - start.minorFaults,
    majorFaults: end.majorFaults - start.majorFaults,
  }
}

/**
 * Cuts a run at its steps: the spans touch, so that they sum to the whole. A step without a start of its own takes no
 * time, and stands where the next one starts.
 *
 * @param starts one for each step, null where it was not seen
 */
export function cut(starts: readonly (Instant | null)[], end: Instant): Span[] {
  const bounds: Instant[] = []
  let floor = ZERO
  for (const start of starts) {
    if (start) floor = notBefore(start, floor)
    bounds.push(floor)
  }
  const last = notBefore(end, floor)
  let next = last
  for (let at = starts.length - 1; at >= 0; at--) {
    if (starts[at]) next = bounds[at] as Instant
    else bounds[at] = next
  }
  return bounds.map((bound, at) => between(bound, bounds[at + 1] ?? last))
}
