/**
 * What the tracer thread reports, decoded: one record for each event of the target, in order. The wire form is
 * documented in `native/session/wire.h`; `lib/session/wire.ts` decodes it.
 *
 * Clocks: `atNs` is CLOCK_MONOTONIC less its value at the resume of execve's entry; `cpuNs`, `threadCpuNs` and the fault
 * counts are raw, as the kernel has them since the process (the thread) was made.
 */

/** What every record says. */
interface RecordBase {
  tid: number
  atNs: number
  /** From the report to the resume; 0 until the target was resumed. */
  heldNs: number
  /** The process's CPU clock. */
  cpuNs: number
  /** The stopped thread's CPU clock. */
  threadCpuNs: number
  minorFaults: number
  majorFaults: number
  crossedCores: boolean
  /** The program counter, already taken back to the breakpoint's address. */
  address: bigint
  /** In the architecture's order (`lib/session/registers.ts`), or null where not asked for. */
  registers: BigUint64Array | null
  /** /proc/pid/maps, verbatim, or null where not asked for. */
  maps: Buffer | null
  /** The planned reads of the site, in order; shorter than asked, or null, where memory was not there. */
  reads: (Buffer | null)[]
  /** Memory from the stack pointer upwards, for backtraces; null where not asked for. */
  stack: Buffer | null
}

/** execve is about to run, from the tracer's own child. `heldNs` ends at time zero. */
export interface ExecEntryRecord extends RecordBase {
  kind: 'syscall-entry'
  /** CLOCK_REALTIME, nanoseconds. */
  realtimeNs: bigint
}

/** PTRACE_EVENT_EXEC: the new image is in place. */
export interface ExecRecord extends RecordBase {
  kind: 'exec'
  /** /proc/pid/auxv, verbatim. */
  auxv: Buffer
  /** From the stack pointer to the end of the stack's mapping: argc, argv, envp, auxv and the strings. */
  initialStack: Buffer
  /** Load bias: AT_ENTRY less the planned e_entry (modulo 2^64). */
  bias: bigint
  /** What /proc/pid/exe points to. */
  exe: string
  /** The image is the planned one (same device and inode). When false, nothing was armed. */
  planned: boolean
  /** Time spent writing the breakpoints. */
  armNs: number
}

/** execve returned. */
export interface ExecExitRecord extends RecordBase {
  kind: 'syscall-exit'
  /** 0, or -errno. */
  result: number
}

/** A planned site was reached. */
export interface BreakpointRecord extends RecordBase {
  kind: 'breakpoint'
  /** Index into the plan's sites. */
  site: number
  /** False when `callerWithin` did not hold: reported, stepped over and armed again. */
  accepted: boolean
}

/** A thread was created (PTRACE_EVENT_CLONE in its parent) or ended. */
export interface ThreadRecord extends RecordBase {
  kind: 'thread'
  /** The new thread; `tid` is the thread that made it. */
  newTid: number
  event: 'start' | 'exit'
}

/** A child process was forked. */
export interface ForkRecord extends RecordBase {
  kind: 'fork'
  childPid: number
  /** `fork` or `vfork` (also Go's CLONE_VM|CLONE_VFORK). */
  how: 'fork' | 'vfork'
}

/** A signal is about to be delivered to the target. */
export interface SignalRecord extends RecordBase {
  kind: 'signal'
  signal: number
}

/** A system call, with the `syscalls` option: its entry (registers) or its exit. */
export interface SyscallRecord extends RecordBase {
  kind: 'syscall'
  phase: 'entry' | 'exit'
  number: number
  /** The six arguments, at entry. */
  args: bigint[]
  /** The raw result, at exit. */
  result: bigint
  /** Memory that the arguments point to (paths, small structures), by argument index, where it was read. */
  memory: Map<number, Buffer>
}

/** State of a thread, taken because the trace is being ended by timeout or abort. */
export interface StateRecord extends RecordBase {
  kind: 'state'
}

/** Every thread was detached, the text bytes restored: the target runs on its own. */
export interface DetachedRecord extends RecordBase {
  kind: 'detached'
}

/** The target ended, was ended, or was let go: always the last record. */
export interface EndRecord extends RecordBase {
  kind: 'end'
  how: 'exited' | 'signaled' | 'detached' | 'killed-by-us' | 'exec-failed' | 'launch-failed'
  /** Exit code or signal number, as `how` says; -errno for launch-failed. */
  status: number
  /** The system call that failed, for launch-failed. */
  syscall: string | null
  /** Threads alive at the last stop. */
  threads: number
  /** Direct children and deeper descendants that were alive when the target ended. */
  descendants: { pid: number; parent: number; exe: string | null; killed: boolean }[]
}

/** One event of the target. */
export type SessionRecord =
  | ExecEntryRecord
  | ExecRecord
  | ExecExitRecord
  | BreakpointRecord
  | ThreadRecord
  | ForkRecord
  | SignalRecord
  | SyscallRecord
  | StateRecord
  | DetachedRecord
  | EndRecord
