/** The public shape of `doctor()`'s answer, `premain.doctor/1`: plain data, the single source of its JSON Schema. */
import type { PtraceFacts, PtraceFix } from '../session/denial'
import type { ErrorInfo, Host } from '../trace/types'

export type { PtraceFacts, PtraceFix } from '../session/denial'

/** Something that tracing needs or uses. */
export type CheckId =
  | 'machine'
  | 'addon'
  | 'proc'
  | 'ptrace'
  | 'memory-read'
  | 'memory-write'
  | 'cpu-clock'
  | 'kcmp'
  | 'pidfd'
  | 'affinity'
  | 'perf'

/** One thing that was tried. */
export interface DoctorCheck {
  id: CheckId
  title: string
  /** `limited`: tracing works without it, `detail` says what is lost. `failed`: nothing can be traced. */
  status: 'ok' | 'limited' | 'failed'
  detail: string
  /** The kernel's refusal by name, such as `EPERM`; null where nothing was refused. */
  errno: string | null
  /** What to do about it; null where nothing is to be done, or nothing can be. */
  fix: string | null
}

/** What the surroundings say of themselves. */
export interface DoctorFacts extends PtraceFacts {
  /** kernel.perf_event_paranoid, or null where it cannot be read. Source: linux Documentation/admin-guide/sysctl/kernel.rst. */
  perfEventParanoid: number | null
  /** Effective capabilities as the kernel prints them: a mask in hexadecimal. Source: proc(5), `CapEff:`. */
  capabilities: string | null
  /** This process is in a user namespace other than the first. */
  userNamespace: boolean
}

/** What this machine lets premain do. */
export interface Doctor {
  schema: 'premain.doctor/1'
  tool: { name: 'premain'; version: string }
  host: Host
  /** Programs can be traced here. */
  able: boolean
  /** Why not; null when `able`. */
  cause: string | null
  /** What to do about it; null when `able`. */
  fix: string | null
  /** The same for containers and CI, literally; empty when ptrace is not what is refused. */
  fixes: PtraceFix[]
  checks: DoctorCheck[]
  facts: DoctorFacts
  /** Why nothing was tried; absent or null otherwise. */
  error?: ErrorInfo | null
}
