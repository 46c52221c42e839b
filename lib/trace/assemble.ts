import type { ProgramImage } from '../image/types'
import type { StopPlan } from '../plan/types'
import type { SessionRecord } from '../session/records'
import type { ErrorInfo, Host, Outcome, Target, Trace } from './types'

/** What a stop costs the target in CPU time, by placement, as calibrated on this machine. Nanoseconds. */
export interface Calibration {
  /** Target and tracer on the same core. */
  sameCoreNs: number
  crossCoreNs: number
}

/** What the assembly is to show. */
export interface AssemblyOptions {
  /** Default true. */
  registers?: boolean | undefined
  /** Default true. */
  maps?: boolean | undefined
  /** Default false. */
  backtraces?: boolean | undefined
  /** Default false. */
  syscalls?: boolean | undefined
  /** Null when the machine was not calibrated: then `cpuCorrectedNs` equals `cpuNs`. */
  calibration?: Calibration | null | undefined
}

/** Everything a trace is made of. */
export interface Assembly {
  image: ProgramImage
  plan: StopPlan
  /** In the order in which the tracer reported them. May be cut short. */
  records: readonly SessionRecord[]
  host: Host
  /** What was started; `elf` and `go` come from the image. */
  target: Omit<Target, 'elf' | 'go'>
  /** Set when the run was ended from outside; else the outcome follows from the records. */
  outcome?: Extract<Outcome, 'timeout' | 'aborted'> | null | undefined
  error?: ErrorInfo | null | undefined
  output?: { stdout: string; stderr: string } | undefined
  options?: AssemblyOptions | undefined
}

export declare function assembleTrace(assembly: Assembly): Trace
