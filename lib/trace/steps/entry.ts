/** Steps 5 to 7: the entry point, rt0_go and runtime.args. */
import type { Hex } from '../../image/types'
import { hex } from '../addresses'
import { type Context, register } from '../context'
import { type Instruction, lineOf } from '../disassembly'
import { type Asserted, Checks } from './checks'
import { hexOrNull, int32, type Scene } from './scene'

/** How many instructions of the entry point are shown, at most. */
const ENTRY_INSTRUCTIONS = 8
const LONGEST_INSTRUCTION = 15

/** Evidence of step 5. */
export interface EntryEvidence {
  symbol: string | null
  /** Null for an entry point that is neither Go's nor crt1's: a dynamic linker run as a program, a packer's stub. */
  shape: 'go' | 'crt1' | null
  disassembly: string[]
}

export function entryEvidence({ context }: Scene): EntryEvidence {
  const { image, addresses, code } = context
  const { shape, disassembly } = code.finding('entry', addresses, () => ({
    shape: shapeOf(context),
    disassembly: beginning(context),
  }))
  return { symbol: code.nameAt(image.entry), shape, disassembly: [...disassembly] }
}

function beginning({ image, addresses, code }: Context): string[] {
  const limit = { count: ENTRY_INSTRUCTIONS, length: ENTRY_INSTRUCTIONS * LONGEST_INSTRUCTION }
  return untilEnd(code.decode(image.entry, limit, addresses)).map(lineOf)
}

/**
 * How crt1 begins, an ENDBR64 apart: it clears RBP, for the outermost frame.
 * Source: glibc sysdeps/x86_64/start.S, musl arch/x86_64/crt_arch.h.
 */
const CRT1 = /^(?:f30f1efa)?(?:31ed4989d15e4889e24883e4f0|4831ed4889e7488d)/
const CRT1_BYTES = 20

function shapeOf({ image, code }: Context): EntryEvidence['shape'] {
  if (code.nameAt(image.entry)?.startsWith('_rt0_')) return 'go'
  return CRT1.test(image.read(image.entry, CRT1_BYTES).toString('hex')) ? 'crt1' : null
}

/** Up to the first instruction that goes elsewhere for good. */
function untilEnd(instructions: readonly Instruction[]): Instruction[] {
  const end = instructions.findIndex((instruction) => instruction.ends)
  return instructions.slice(0, end < 0 ? undefined : end + 1)
}

/** Evidence of step 6. */
export interface Rt0Evidence extends Asserted {
  argc: number | null
  argv: Hex | null
  spAligned: boolean | null
  g0: Hex | null
  m0: Hex | null
  stackLo: Hex | null
  stackHi: Hex | null
  tls: Hex | null
  cgo: boolean
}

export function rt0Evidence({ context }: Scene): Rt0Evidence {
  const { go, stack } = context
  const start = context.hit('runtime.rt0_go')
  const check = context.hit('runtime.check')
  // rt0_go's own convention in every version: argc in DI, argv in SI. @go runtime.rt0_go
  const argc = start && int32(register(start.record, 'rdi'))
  const argv = start && register(start.record, 'rsi')
  const g0 = context.word(check, 'tls')
  const m0 = context.word(check, 'g.m')
  const stackHi = context.word(check, 'g.stack', 8)
  const fs = check && register(check.record, 'fs_base')
  const tlsOffset = go?.tlsOffset ?? null
  const checks = new Checks()
    .equal('slot = &g0', g0, go && context.runtimeAddress(go.statics.g0))
    .equal('g0.m = &m0', m0, go && context.runtimeAddress(go.statics.m0))
    .equal('m0.g0 = &g0', context.word(check, 'm.g0'), g0)
    .equal('argc = argc on the initial stack', argc, stack?.argc)
    .equal('argv = &argv on the initial stack', argv, stack && stack.sp + 8n)
  return {
    argc,
    argv: hexOrNull(argv),
    spAligned: stackHi === null ? null : stackHi % 16n === 0n,
    g0: hexOrNull(g0),
    m0: hexOrNull(m0),
    stackLo: hexOrNull(context.word(check, 'g.stack')),
    stackHi: hexOrNull(stackHi),
    tls: fs === null || tlsOffset === null ? null : hex(fs + BigInt(tlsOffset)),
    cgo: go?.info.cgo ?? false,
    ...checks.result(),
  }
}

/** Evidence of step 7. */
export interface ArgsEvidence extends Asserted {
  argc: number | null
  argv: Hex | null
}

export function argsEvidence({ context }: Scene): ArgsEvidence {
  const hit = context.hit('runtime.args')
  const argc = int32(context.argument(hit, 0))
  const argv = context.argument(hit, 1)
  const checks = new Checks()
    .equal('argc = argc on the initial stack', argc, context.stack?.argc)
    .equal('argv = &argv on the initial stack', argv, context.stack && context.stack.sp + 8n)
  return { argc, argv: hexOrNull(argv), ...checks.result() }
}
