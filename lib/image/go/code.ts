/**
 * Facts read off machine code: where calls go and which addresses instructions name. Only patterns that stand for one
 * instruction sequence are matched, and callers check what they find against the image.
 */
import type { Memory } from '../memory'
import type { FileAddress, FunctionInfo } from '../types'

/** Longer functions are looked at up to here. */
const MAX_CODE = 256 * 1024

/** The bytes of one function, and what its instructions refer to. */
export class Code {
  readonly bytes: Buffer

  constructor(
    memory: Memory,
    private readonly of: FunctionInfo,
    private readonly arm64 = false,
  ) {
    const length = Math.max(0, Math.min(of.end - of.entry, MAX_CODE, memory.available(of.entry)))
    this.bytes = memory.isCode(of.entry) ? memory.bytes(of.entry, length, 'code') : Buffer.alloc(0)
  }

  /**
   * Targets of what reads as a direct call or jump, with the place of the instruction, in code order. On amd64, where
   * instructions are not aligned, some of them are none: a target proves something only if it is a function's entry.
   */
  *branches(): Generator<{ at: number; target: FileAddress }> {
    if (this.arm64) yield* this.arm64Branches()
    else yield* this.amd64Branches()
  }

  /** Every place in the function that `pattern` matches. An operand ends its instruction: RIP counts from its end. */
  *matches(pattern: Pattern): Generator<Match> {
    const { bytes } = this
    for (let at = 0; at + pattern.length <= bytes.length; at++) {
      if (!matchesAt(bytes, at, pattern)) continue
      yield { at, length: pattern.length, operands: pattern.operands.map((operand) => this.value(at, operand)) }
    }
  }

  /** The first match's operands, or null. */
  first(pattern: Pattern): number[] | null {
    for (const match of this.matches(pattern)) return match.operands
    return null
  }

  private value(at: number, { offset, kind }: Operand): number {
    const value = this.bytes.readInt32LE(at + offset)
    return kind === 'rip' ? this.of.entry + at + offset + 4 + value : value
  }

  private *amd64Branches(): Generator<{ at: number; target: FileAddress }> {
    const { bytes } = this
    for (let at = 0; at + 5 <= bytes.length; at++) {
      if ((bytes[at] as number) >>> 1 !== 0xe8 >>> 1) continue
      yield { at, target: (this.of.entry + at + 5 + bytes.readInt32LE(at + 1)) as FileAddress }
    }
  }

  private *arm64Branches(): Generator<{ at: number; target: FileAddress }> {
    const { bytes } = this
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      const word = bytes.readUInt32LE(at)
      if (((word >>> 26) & 0x1f) !== 5) continue
      yield { at, target: (this.of.entry + at + ((word << 6) >> 4)) as FileAddress }
    }
  }
}

/** A 32-bit displacement from RIP, or a plain 32-bit value. */
interface Operand {
  offset: number
  kind: 'rip' | 'value'
}

/** One byte, or any byte of several. */
type Byte = number | readonly number[]

/** An instruction sequence: bytes to match, and operands to read out. */
export interface Pattern {
  length: number
  parts: { offset: number; byte: Byte }[]
  operands: Operand[]
}

/** Where a pattern was found in the function, and its operands' values in order. */
export interface Match {
  at: number
  length: number
  operands: number[]
}

/** What {@link pattern} is made of: a byte, alternatives, `rip` or `imm32` for an operand. */
export type Piece = Byte | 'rip' | 'imm32'

/** Builds a pattern: `pattern(0x48, 0x8d, 0x05, 'rip')` is `lea X(%rip),%rax`. */
export function pattern(...pieces: Piece[]): Pattern {
  const built: Pattern = { length: 0, parts: [], operands: [] }
  for (const piece of pieces) {
    if (piece === 'rip' || piece === 'imm32') {
      built.operands.push({ offset: built.length, kind: piece === 'rip' ? 'rip' : 'value' })
      built.length += 4
    } else {
      built.parts.push({ offset: built.length++, byte: piece })
    }
  }
  return built
}

function matchesAt(bytes: Buffer, at: number, { parts }: Pattern): boolean {
  for (const { offset, byte } of parts) {
    const actual = bytes[at + offset] as number
    if (typeof byte === 'number' ? actual !== byte : !byte.includes(actual)) return false
  }
  return true
}
