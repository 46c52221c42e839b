import type { Hex } from '../../image/types'
import { hex } from '../addresses'
import type { Context } from '../context'
import type { Init, Target } from '../types'

/** What the evidence of a step is made from. */
export interface Scene {
  context: Context
  inits: readonly Init[]
  target: Pick<Target, 'path' | 'argv'>
}

/** Hexadecimal, or null for what is not known. */
export function hexOrNull(value: bigint | number | null | undefined): Hex | null {
  return value === null || value === undefined ? null : hex(value)
}

/** A 32-bit argument: the register's upper half is not its own. */
export function int32(value: bigint | null): number | null {
  return value === null ? null : Number(BigInt.asIntN(32, value))
}

/** The names of a step's stops, in the order in which they were reached. */
export function sequence(context: Context, step: Parameters<Context['stepHits']>[0]): string[] {
  return context.stepHits(step).map(({ site }) => site.name)
}
