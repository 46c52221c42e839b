/** Walks up a goroutine's stack by the function table, from bytes taken at a stop. */
import type { Pclntab } from '../image/types'
import { type Addresses, hex } from './addresses'
import type { Frame } from './types'

/** Where a walk starts. */
export interface StackBytes {
  pc: bigint
  sp: bigint
  /** Memory from `sp` upwards. */
  bytes: Buffer
}

/** How deep a walk goes. */
const MOST_FRAMES = 64

/**
 * Functions at which a stack begins, or at which it was switched: what lies above is not their caller.
 * @go internal/abi/symtab.go FuncFlagTopFrame, FuncFlagSPWrite
 */
const TOPS: ReadonlySet<string> = new Set([
  'runtime.goexit',
  'runtime.rt0_go',
  'runtime.mstart',
  'runtime.mcall',
  'runtime.systemstack',
  'runtime.morestack',
  'runtime.asmcgocall',
  'runtime.gogo',
  'runtime.sigtramp',
])

/** The frames, innermost first: as far as Go's functions and the bytes go. */
export function backtrace(pclntab: Pclntab, addresses: Addresses, start: StackBytes): Frame[] {
  const frames: Frame[] = []
  let { pc, sp } = start
  while (frames.length < MOST_FRAMES) {
    const address = addresses.file(pc)
    // a return address may be the first byte after the call's function; the call itself is not
    const call = frames.length === 0 ? pc : pc - 1n
    const lookup = addresses.file(call)
    const within = lookup === null ? null : pclntab.functionAt(lookup)
    const line = lookup === null || !within ? null : pclntab.lineAt(lookup)
    if (!within && frames.length > 0) break
    frames.push({
      address: hex(pc),
      function: within?.name ?? null,
      file: line?.file ?? null,
      line: line?.line ?? null,
    })
    if (!within || address === null || lookup === null || TOPS.has(within.name)) break
    const delta = pclntab.spDelta(lookup)
    if (delta === null) break
    const slot = sp + BigInt(delta)
    const offset = Number(slot - start.sp)
    if (offset < 0 || offset + 8 > start.bytes.length) break
    pc = start.bytes.readBigUInt64LE(offset)
    sp = slot + 8n
  }
  return frames
}
