/**
 * The catalogue's and the plan's shapes: what is stopped at, in which order, and what is read there.
 */
import type { FileAddress, ProgramImage } from '../image/types'

/** The 17 steps, in the order in which a program passes them. */
export type StepId =
  | 'execve'
  | 'image'
  | 'stack'
  | 'interp'
  | 'entry'
  | 'rt0'
  | 'args'
  | 'osinit'
  | 'schedinit'
  | 'mallocinit'
  | 'modules'
  | 'procs'
  | 'newproc'
  | 'mstart'
  | 'sysmon'
  | 'inits'
  | 'main'

/** What a read starts from. */
export type ReadBase =
  /** A register of the stopped thread, by its name in the architecture. */
  | { register: string }
  /** An address of the file, moved by the load bias. */
  | { file: FileAddress }
  /** The first eight bytes of an earlier read of the same stop, as a pointer. */
  | { read: number }

/** One piece of the target's memory, taken at a stop without any JavaScript: `length` bytes at `base + offset`. */
export interface MemoryRead {
  /** What it is read for, by which the trace finds it again among the site's reads. */
  name?: string
  base: ReadBase
  offset: number
  length: number
}

/** One address to stop at, once. */
export interface Site {
  /** What the stop is called: the symbol, or `runtime.mallocinit (return)`. */
  name: string
  symbol: string
  /** The step it belongs to; null for a user's own stop. */
  step: StepId | null
  /**
   * `step`: one of the catalogue's; `init`: a package init function; `extra`: asked for with `stops`; `loader`: in the
   * dynamic linker, its address counted from AT_BASE; the target is held there every time, so that more can be planned.
   */
  role: 'step' | 'init' | 'extra' | 'loader'
  /** Null for a site that is armed while running (a return address). */
  address: FileAddress | null
  registers: boolean
  maps: boolean
  reads: MemoryRead[]
  /** The trace ends here. */
  last: boolean
  /** Accept the stop only when the return address lies in this range; else report, step over and arm again. */
  callerWithin: { low: FileAddress; high: FileAddress } | null
  /** Index of the site to arm at this function's return address, once this one is hit. */
  armReturn: number | null
  /** Never narrow the target's CPU mask when resuming from here: it is about to read or pass on its mask. */
  keepMask: boolean
}

/** Everything the tracer needs to know of one image. */
export interface StopPlan {
  image: ProgramImage
  sites: Site[]
}
