/**
 * What a stop costs the target in CPU time, measured in the run itself.
 *
 * Between two stops a thread pays for one stop (the trap, the way into the ptrace-stop and out of it) and for the code it
 * ran. Go's start has neighbours with nearly no code between them (`execute`, `gogo`, `runtime.main`), so the least CPU
 * time between two neighbouring stops is the cost of a stop on this machine. It never takes off more than was paid.
 */
import type { SessionRecord } from '../session/records'

/** Nanoseconds of the target's CPU time for one stop, by placement. */
export interface Calibration {
  /** Target and tracer on the same core; 0 when no two neighbouring stops were seen. */
  sameCoreNs: number
  /** On different cores; as on the same core when no such neighbours were seen. */
  crossCoreNs: number
}

/** The costs in this run. */
export function calibrate(records: readonly SessionRecord[]): Calibration {
  const sameCoreNs = least(records, false) ?? 0
  return { sameCoreNs, crossCoreNs: Math.max(sameCoreNs, least(records, true) ?? 0) }
}

function least(records: readonly SessionRecord[], crossed: boolean): number | null {
  let found: number | null = null
  for (let i = 1; i < records.length; i++) {
    const before = records[i - 1] as SessionRecord
    const after = records[i] as SessionRecord
    if (before.kind !== 'breakpoint' || after.kind !== 'breakpoint') continue
    if (before.tid !== after.tid || after.crossedCores !== crossed) continue
    const costNs = after.threadCpuNs - before.threadCpuNs
    if (costNs > 0 && (found === null || costNs < found)) found = costNs
  }
  return found
}
