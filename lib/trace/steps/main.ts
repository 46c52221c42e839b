/** Step 17: main.main is called. */
import type { FileAddress, Hex } from '../../image/types'
import type { Context } from '../context'
import { lineOf } from '../disassembly'
import { type Asserted, Checks } from './checks'
import { hexOrNull, type Scene } from './scene'

/** A prologue is shorter than this, in instructions. */
const PROLOGUE_INSTRUCTIONS = 16
/** How many instructions are shown of a function that makes no frame. */
const FRAMELESS_INSTRUCTIONS = 4
const LONGEST_INSTRUCTION = 15

/** Evidence of step 17. */
export interface MainEvidence extends Asserted {
  returnAddress: Hex | null
  caller: string | null
  callSite: string | null
  call: string | null
  frameSize: number | null
  prologue: string[]
  threads: number
}

export function mainEvidence({ context }: Scene): MainEvidence {
  const hit = context.hit('main.main')
  const returnAddress = context.word(hit, 'return')
  // the return address may be the first byte after its function; the call is inside
  const callByte = returnAddress === null ? null : returnAddress - 1n
  const caller = callByte === null ? null : context.nameAt(callByte)
  const line = callByte === null ? null : context.lineAt(callByte)
  const { addresses, code } = context
  const entry = hit?.site.address ?? null
  const frame = code.finding(`frame ${entry}`, addresses, () => frameOf(context, entry))
  return {
    returnAddress: hexOrNull(returnAddress),
    caller,
    callSite: line && `${line.file}:${line.line}`,
    call:
      returnAddress === null
        ? null
        : code.finding(`call ${returnAddress}`, addresses, () => callBefore(context, returnAddress)),
    frameSize: frame.size,
    prologue: [...frame.prologue],
    threads: context.threadsAt(hit?.at ?? context.records.length),
    ...new Checks().equal('called by runtime.main', caller, 'runtime.main').result(),
  }
}

/** The instruction that ends at an address, found by walking over its function from the start. */
function callBefore({ addresses, code }: Context, returnAddress: bigint): string | null {
  const last = addresses.file(returnAddress - 1n)
  const within = last === null ? null : code.functionAt(last)
  if (last === null || within === null) return null
  const length = last + 1 - within.entry
  const limit = { count: length, length, from: returnAddress - BigInt(LONGEST_INSTRUCTION) }
  const call = code.decode(within.entry, limit, addresses).at(-1)
  return call && call.address + BigInt(call.length) === returnAddress ? lineOf(call) : null
}

/** The frame is made where the function table's SP delta comes to its greatest value. */
function frameOf(context: Context, entry: FileAddress | null): { size: number | null; prologue: string[] } {
  const within = entry === null ? null : context.code.functionAt(entry)
  if (!within) return { size: null, prologue: [] }
  const length = Math.min(within.end - within.entry, PROLOGUE_INSTRUCTIONS * LONGEST_INSTRUCTION)
  const limit = { count: PROLOGUE_INSTRUCTIONS, length }
  const instructions = context.code.decode(within.entry, limit, context.addresses)
  const deltas = instructions.map(({ address }) => {
    const file = context.addresses.file(address)
    return file === null ? null : context.code.spDelta(file)
  })
  const known = deltas.filter((delta) => delta !== null)
  const size = known.length === 0 ? null : Math.max(...known)
  const made = size === null || size === 0 ? FRAMELESS_INSTRUCTIONS : deltas.indexOf(size)
  return { size, prologue: instructions.slice(0, made).map(lineOf) }
}
