/** Instructions as text. The disassembler is loaded at its first use: that takes tens of milliseconds. */
import type * as Iced from 'iced-x86'
import { hex } from './addresses'

/** One instruction. */
export interface Instruction {
  address: bigint
  length: number
  text: string
  /** Nothing after it is reached from it: a jump, a return. */
  ends: boolean
}

/** Code and where it runs. */
export interface Code {
  bytes: Buffer
  address: bigint
}

/** Names the target of a branch; null for none. */
export type Namer = (address: bigint) => string | null

interface Engine {
  iced: typeof Iced
  formatter: Iced.Formatter
}

let engine: Engine | null = null

function load(): Engine {
  if (engine) return engine
  const iced = require('iced-x86') as typeof Iced
  const formatter = new iced.Formatter(iced.FormatterSyntax.Intel)
  formatter.hexPrefix = '0x'
  formatter.hexSuffix = ''
  formatter.uppercaseHex = false
  formatter.branchLeadingZeros = false
  formatter.spaceAfterOperandSeparator = true
  engine = { iced, formatter }
  return engine
}

/** Decodes from the first byte until `count` instructions or the end of the bytes. */
export function disassemble({ bytes, address }: Code, count: number, nameOf: Namer = () => null): Instruction[] {
  const { iced, formatter } = load()
  const decoder = new iced.Decoder(64, bytes, iced.DecoderOptions.None)
  decoder.ip = address
  const instruction = new iced.Instruction()
  const out: Instruction[] = []
  while (decoder.canDecode && out.length < count) {
    decoder.decodeOut(instruction)
    if (instruction.code === iced.Code.INVALID) break
    const flow = instruction.flowControl
    const branch = instruction.isJmpShortOrNear || instruction.isCallNear
    const target = branch ? nameOf(instruction.nearBranchTarget) : null
    out.push({
      address: instruction.ip,
      length: instruction.length,
      text: formatter.format(instruction) + (target === null ? '' : ` ; ${target}`),
      ends: flow === iced.FlowControl.UnconditionalBranch || flow === iced.FlowControl.Return,
    })
  }
  instruction.free()
  decoder.free()
  return out
}

/** One line: the address and the text. */
export function lineOf({ address, text }: Instruction): string {
  return `${hex(address)}  ${text}`
}
