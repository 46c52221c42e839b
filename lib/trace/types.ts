/**
 * The public shape of a trace, `premain.trace/1`: plain data, the single source of its JSON Schema.
 *
 * Addresses are `"0x…"` strings, times are integer nanoseconds.
 */
import type { ElfInfo, GoInfo, Hex } from '../image/types'
import type { StepId } from '../plan/types'
import type { Frame, Mapping, Stuck } from '../session/types'

export type { Frame, Mapping, Stuck } from '../session/types'

/** How a step is known; see `Step.status`. */
export type StepStatus = 'observed' | 'derived' | 'not-applicable' | 'not-reached' | 'missed'

/** How the run ended. */
export type Outcome =
  | 'reached-main'
  | 'reached-until'
  | 'reached-entry'
  | 'exited'
  | 'killed'
  | 'exec-failed'
  | 'timeout'
  | 'aborted'

/** What was traced. */
export interface Target {
  /** The path given to execve. */
  path: string
  argv: string[]
  cwd: string
  /** The file's size in bytes. */
  size: number
  /** What descriptors 0, 1 and 2 of the target are. */
  stdio: ('tty' | 'pipe' | 'file' | 'null' | 'socket')[]
  elf: ElfInfo | null
  go: GoInfo | null
}

/** The machine that ran it. */
export interface Host {
  kernel: string
  arch: string
  cpu: string
  cpus: number
  virtualization: string | null
  container: string | null
  libc: string
  node: string
}

/** An error as data. */
export interface ErrorInfo {
  code: string
  message: string
  hint: string | null
  errno: string | null
  syscall: string | null
}

/** Sums over the 17 steps. */
export interface Totals {
  /** From the resume of execve's entry to the last stop, without the time the target was held. */
  wallNs: number
  /** The process's CPU time over that span, as the kernel counted it. */
  cpuNs: number
  /** `cpuNs` less the calibrated CPU cost that the stops put on the target. */
  cpuCorrectedNs: number
  minorFaults: number
  majorFaults: number
  /** How many stops were reported. */
  stops: number
  /** Threads alive at the last stop. */
  threads: number
}

/** What tracing itself cost, measured in this run. */
export interface Overhead {
  /** Mean time from a stop's report to its resume. */
  perStopNs: number
  /** Time spent writing breakpoints. */
  armNs: number
  /** The sum of `heldNs` over all stops. */
  heldNs: number
  /** Stops at which target and tracer were on different cores. */
  crossings: number
  /**
   * What one stop cost the target in CPU time, calibrated in this run: `cpuCorrectedNs` is without it. A breakpoint with target
   * and tracer on the same core, any stop on different cores, and one that is no breakpoint (exec, clone, a signal, the return
   * of execve) on the same.
   */
  stopCpuNs: { sameCoreNs: number; crossCoreNs: number; eventNs: number }
}

/** One of the 17 steps. */
export interface Step {
  /** 1 to 17. */
  index: number
  id: StepId
  title: string
  /**
   * `observed`: its own stop was seen. `derived`: its facts come from the file or a neighbouring stop.
   * `not-applicable`: the program has no such step, `reason` says why. `not-reached`: the program ended, was ended or
   * was asked to end before it. `missed`: it should have been seen and was not, which is a defect.
   */
  status: StepStatus
  /** Why, unless observed. */
  reason: string | null
  /** Indices into `Trace.stops`. */
  stops: number[]
  /** The symbol of the step's main stop. */
  symbol: string | null
  /** The runtime address of the step's main stop. */
  address: Hex | null
  startNs: number
  wallNs: number
  cpuNs: number
  minorFaults: number
  majorFaults: number
  /** The step's own facts; the keys are documented by `premain explain STEP`. */
  evidence: Record<string, unknown>
}

/** One stop of the target. */
export interface Stop {
  index: number
  kind: 'syscall-entry' | 'exec' | 'syscall-exit' | 'breakpoint' | 'thread' | 'signal' | 'exit'
  /** What stopped: a symbol, a system call, a signal. */
  name: string
  symbol: string | null
  file: string | null
  line: number | null
  address: Hex
  tid: number
  /** CLOCK_MONOTONIC at the report, counted from the resume of execve's entry. */
  atNs: number
  /** From the report to the resume. */
  heldNs: number
  /** The process's CPU clock, less its value at execve's entry. */
  cpuNs: number
  /** The thread's CPU clock, likewise. */
  threadCpuNs: number
  minorFaults: number
  majorFaults: number
  /** The target had run on another core than the tracer's. */
  crossedCores: boolean
  /** By the machine's own names: `rax` … `r15`, `rip`, `eflags`, `fs_base`, … */
  registers?: Record<string, Hex>
  maps?: Mapping[]
  backtrace?: Frame[]
}

/** One package init function that ran. Times are its own, without what it called to initialise first. */
export interface Init {
  /** 0-based, the order in which the work ran. */
  order: number
  /** The init task (one a package) to which it belongs, 0-based in order of running. */
  task: number
  package: string
  function: string
  address: Hex
  file: string | null
  line: number | null
  /** It ran among the runtime's own inits, before `gcenable`. */
  runtime: boolean
  startNs: number
  wallNs: number
  cpuNs: number
  minorFaults: number
}

/** A thread of the target, in order of birth. */
export interface ThreadInfo {
  tid: number
  /** Held time left out, as in the steps' times. */
  startedNs: number
  /** The function it began with, where it is known. */
  entry: string | null
}

/** A process that the target forked before the end of the trace. */
export interface Descendant {
  pid: number
  path: string | null
  /** `exited`: it had ended before the trace did. */
  fate: 'killed' | 'detached' | 'left' | 'exited'
}

/** One system call, with the `syscalls` option. */
export interface SyscallInfo {
  tid: number
  name: string
  args: string[]
  result: string
  atNs: number
  wallNs: number
}

/** The whole trace of one run. */
export interface Trace {
  schema: 'premain.trace/1'
  tool: { name: 'premain'; version: string }
  target: Target
  /** Scripts and re-execs, in order. */
  execs: { path: string; interpreter: string | null }[]
  host: Host
  /** ISO 8601, at execve's entry. */
  startedAt: string
  pid: number
  outcome: Outcome
  /** How the process ended by itself; null when premain ended it. */
  exit: null | { code: number | null; signal: string | null }
  error: null | ErrorInfo
  totals: Totals
  overhead: Overhead
  descendants: Descendant[]
  /** Always 17, in order; their times sum to the totals. */
  steps: Step[]
  stops: Stop[]
  /** Every package init function that ran, in order. */
  inits: Init[]
  threads: ThreadInfo[]
  /** Where the program hung, when its time ran out. */
  stuck?: Stuck
  /** What else is to be known: privileges that a traced program does not get, tables of its file that lie. */
  notes?: string[]
  syscalls?: SyscallInfo[]
  /** The last 64 KB of what the target wrote to piped descriptors, as UTF-8. */
  output: { stdout: string; stderr: string }
}
