/** Machine code to instructions, by iced-x86. To be loaded when it is needed: that takes milliseconds. */
import { Decoder, DecoderError, DecoderOptions, FlowControl, Formatter, FormatterSyntax, Instruction } from 'iced-x86'
import type { Code, Instruction as Decoded, Namer } from './disassembly'

const formatter = new Formatter(FormatterSyntax.Intel)
formatter.hexPrefix = '0x'
formatter.hexSuffix = ''
formatter.uppercaseHex = false
formatter.branchLeadingZeros = false
formatter.spaceAfterOperandSeparator = true

/** Decodes until `count` instructions, bytes that are none, or the end. */
export function decode({ bytes, address, from = address }: Code, count: number, nameOf: Namer): Decoded[] {
  const decoder = new Decoder(64, bytes, DecoderOptions.None)
  decoder.ip = address
  const instruction = new Instruction()
  const out: Decoded[] = []
  while (decoder.canDecode && out.length < count) {
    decoder.decodeOut(instruction)
    if (decoder.lastError !== DecoderError.None) break
    if (instruction.ip < from) continue
    const flow = instruction.flowControl
    const branch = instruction.isJmpShortOrNear || instruction.isCallNear
    const target = branch ? nameOf(instruction.nearBranchTarget) : null
    out.push({
      address: instruction.ip,
      length: instruction.length,
      text: formatter.format(instruction) + (target === null ? '' : ` ; ${target}`),
      ends: flow === FlowControl.UnconditionalBranch || flow === FlowControl.Return,
    })
  }
  instruction.free()
  decoder.free()
  return out
}
