/** Walks up a goroutine's stack by the function table, from bytes taken at a stop. */
import type { FileAddress, FunctionInfo, Pclntab } from '../image/types'
import { type Addresses, hex } from './addresses'
import type { Frame } from './types'

/** Where a walk starts. */
export interface StackBytes {
  pc: bigint
  sp: bigint
  /** Memory from `sp` upwards. */
  bytes: Buffer
  /** `pc` is where a call returns to, not what is executed next. */
  returned?: boolean
}

/** One function's activation. */
export interface Activation {
  pc: bigint
  /** The instruction at which it stands: for a caller, inside the call; null where `pc` cannot be the image's. */
  at: FileAddress | null
  /** Null where the function table has none. */
  function: FunctionInfo | null
  /** Where in the bytes its return address lies, perhaps past their end; null where that is not known. */
  returnAt: number | null
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

/** Nobody calls these: a signal put them above the instruction that it interrupted. Source: go runtime/traceback.go */
const INJECTED: ReadonlySet<string> = new Set(['runtime.asyncPreempt', 'runtime.sigpanic', 'runtime.debugCallV2'])

/** The activations, innermost first: as far as Go's functions and the bytes go. */
export function* walk(pclntab: Pclntab, addresses: Addresses, start: StackBytes): Generator<Activation> {
  let { pc, returned = false } = start
  let offset = 0
  for (let depth = 0; depth < MOST_FRAMES; depth++) {
    // a return address may be the first byte after the call's function; the call itself is not
    const at = addresses.file(returned ? pc - 1n : pc)
    const within = at === null ? null : pclntab.functionAt(at)
    if (!within && depth > 0) return
    const delta = at === null || !within ? null : pclntab.spDelta(at)
    const returnAt = delta === null ? null : offset + delta
    yield { pc, at, function: within, returnAt }
    if (!within || returnAt === null || TOPS.has(within.name)) return
    if (returnAt < 0 || returnAt + 8 > start.bytes.length) return
    pc = start.bytes.readBigUInt64LE(returnAt)
    offset = returnAt + 8
    returned = !INJECTED.has(within.name)
  }
}

/** The frames, innermost first, inlined functions among them. */
export function backtrace(pclntab: Pclntab, addresses: Addresses, start: StackBytes): Frame[] {
  return [...walk(pclntab, addresses, start)].flatMap(({ pc, at, function: within }): Frame[] => {
    const address = hex(pc)
    const frames = at === null ? [] : pclntab.framesAt(at)
    if (frames.length === 0) return [{ address, function: within?.name ?? null, file: null, line: null }]
    return frames.map(({ name, inlined, file, line }) => ({
      address,
      function: name,
      file,
      line,
      ...(inlined && { inlined }),
    }))
  })
}
