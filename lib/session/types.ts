/** What a held stop shows of the target's memory. */
import type { Hex } from '../image/types'

/** One line of /proc/pid/maps, with what it is for. */
export interface Mapping {
  start: Hex
  end: Hex
  /** `rwxp` as the kernel prints it. */
  perms: string
  offset: Hex
  dev: string
  inode: number
  path: string
  /** `text`, `rodata`, `data`, `bss`, `heap-arena`, `stack`, `vdso`, `ld.so`, `library`, `anon`, … */
  role: string
}

/** One frame of a backtrace, innermost first. */
export interface Frame {
  /** Runtime address: the program counter, or the return address in a caller. */
  address: Hex
  function: string | null
  file: string | null
  line: number | null
  /** The compiler put the function into its caller, the next frame, whose address it shares. Absent otherwise. */
  inlined?: true
}

/** Where the main goroutine hung when the time of a trace ran out. */
export interface Stuck {
  /** The package init function that had not returned; null when the program hung elsewhere. */
  function: string | null
  file: string | null
  /** The line inside that function. */
  line: number | null
  /** The goroutine's frames, innermost first; empty where they could not be had. */
  backtrace: Frame[]
}
