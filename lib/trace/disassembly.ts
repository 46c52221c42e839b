/** Instructions as text. The disassembler is loaded at its first use: that takes milliseconds. */
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
  /** Instructions that begin before this address are walked over and left out: their text would be most of the work. */
  from?: bigint | undefined
}

/** Names the target of a branch; null for none. */
export type Namer = (address: bigint) => string | null

/** Decodes from the first byte until `count` instructions, bytes that are none, or the end of the bytes. */
export function disassemble(code: Code, count: number, nameOf: Namer = () => null): Instruction[] {
  const { decode } = require('./decoder') as typeof import('./decoder')
  return decode(code, count, nameOf)
}

/** One line: the address and the text. */
export function lineOf({ address, text }: Instruction): string {
  return `${hex(address)}  ${text}`
}
