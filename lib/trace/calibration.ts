/**
 * What a stop costs the target in CPU time, measured in the run itself, by kind and placement.
 *
 * Between two stops a thread pays for one stop (the way into the ptrace-stop and out of it, at a breakpoint the trap too)
 * and for the code it ran. Go's start has neighbours with nearly no code between them (`execute`, `gogo`, `runtime.main`),
 * so the least CPU time between two neighbouring breakpoints is what one costs on this machine. The stops that the kernel
 * reports of its own (PTRACE_EVENT_EXEC, the return of execve, clones, signals) have no trap: between the first two of them
 * lies only the kernel's way out of execve. It never takes off more than was paid.
 */
import type { SessionRecord } from '../session/records'

/** Nanoseconds of the target's CPU time for one stop. */
export interface Calibration {
  /** A breakpoint, target and tracer on the same core; 0 when no two neighbouring breakpoints were seen. */
  sameCoreNs: number
  /** Any stop on different cores; as a breakpoint on the same one when no such neighbours were seen. */
  crossCoreNs: number
  /** A stop that is no breakpoint, on the same core; as one when execve's return was not seen so. */
  eventNs: number
}

/** The costs in this run. */
export function calibrate(records: readonly SessionRecord[]): Calibration {
  const sameCoreNs = least(records, ['breakpoint', 'breakpoint'], false) ?? 0
  const crossCoreNs = Math.max(sameCoreNs, least(records, ['breakpoint', 'breakpoint'], true) ?? 0)
  const eventNs = Math.min(sameCoreNs, least(records, ['exec', 'syscall-exit'], false) ?? sameCoreNs)
  return { sameCoreNs, crossCoreNs, eventNs }
}

type Kinds = readonly [before: SessionRecord['kind'], after: SessionRecord['kind']]

/** The least that a thread paid between two neighbouring stops of these kinds. */
function least(records: readonly SessionRecord[], kinds: Kinds, crossed: boolean): number | null {
  let found: number | null = null
  for (let i = 1; i < records.length; i++) {
    const before = records[i - 1] as SessionRecord
    const after = records[i] as SessionRecord
    if (before.kind !== kinds[0] || after.kind !== kinds[1]) continue
    if (before.tid !== after.tid || after.crossedCores !== crossed) continue
    const costNs = after.threadCpuNs - before.threadCpuNs
    if (costNs > 0 && (found === null || costNs < found)) found = costNs
  }
  return found
}
