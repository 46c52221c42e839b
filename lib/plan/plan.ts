import type { ProgramImage } from '../image/types'
import type { StopPlan } from './types'

/** What to stop at, and what to take there. */
export interface PlanOptions {
  /** A step's id or a Go symbol: the trace ends there. Default `main`. */
  until?: string | undefined
  /** Stop at every package init function. Default true. */
  inits?: boolean | undefined
  /** More Go functions to stop at, once each. */
  stops?: readonly (string | RegExp)[] | undefined
  /** Take the registers at every stop. Default true. */
  registers?: boolean | undefined
  /**
   * Take the memory maps: `true`, at every step's stops; `'evidence'`, only where a step's evidence is made of them;
   * `false`, nowhere. Default true.
   */
  maps?: boolean | 'evidence' | undefined
  /** Backtraces are wanted: registers are taken at every stop. Default false. */
  backtraces?: boolean | undefined
}

export declare function planStops(image: ProgramImage, options?: PlanOptions): StopPlan
