/**
 * Facts read off machine code: where calls go and which addresses instructions name. Only patterns that stand for one
 * instruction sequence are matched, and callers check what they find against the image.
 */
import type { Memory } from '../memory'
import type { FileAddress, FunctionInfo } from '../types'

/** Longer functions are looked at up to here. */
const MAX_CODE = 256 * 1024

/** Any register's number, as the ModRM byte of a RIP-relative operand has it. */
export const ANY = [0x05, 0x0d, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d]

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

  /** Every place in the function that `pattern` matches. */
  *matches(pattern: Pattern): Generator<Match> {
    const anchor = anchorOf(pattern)
    for (let hit = this.bytes.indexOf(anchor.bytes, anchor.offset); hit >= 0; ) {
      const match = this.matchAt(hit - anchor.offset, pattern)
      if (match !== null) yield match
      hit = this.bytes.indexOf(anchor.bytes, hit + 1)
    }
  }

  /** The first match's operands, or null. */
  first(pattern: Pattern): number[] | null {
    for (const match of this.matches(pattern)) return match.operands
    return null
  }

  private matchAt(at: number, pattern: Pattern): Match | null {
    const { bytes } = this
    const operands: number[] = []
    let next = at
    for (const piece of pattern) {
      if (piece === 'pad') {
        next = skipNops(bytes, next)
      } else if (piece === 'rip' || piece === 'imm32') {
        if (next + 4 > bytes.length) return null
        const value = bytes.readInt32LE(next)
        next += 4
        operands.push(piece === 'rip' ? this.of.entry + next + value : value)
      } else {
        const byte = bytes[next++]
        if (byte === undefined || !(typeof piece === 'number' ? piece === byte : piece.includes(byte))) return null
      }
    }
    return { at, end: next, operands }
  }

  private *amd64Branches(): Generator<{ at: number; target: FileAddress }> {
    const { bytes } = this
    let call = bytes.indexOf(0xe8)
    let jump = bytes.indexOf(0xe9)
    while (call >= 0 || jump >= 0) {
      const at = jump < 0 || (call >= 0 && call < jump) ? call : jump
      if (at + 5 > bytes.length) return
      yield { at, target: (this.of.entry + at + 5 + bytes.readInt32LE(at + 1)) as FileAddress }
      if (at === call) call = bytes.indexOf(0xe8, at + 1)
      else jump = bytes.indexOf(0xe9, at + 1)
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

/** One byte, or any byte of several. */
type Byte = number | readonly number[]

/**
 * What a pattern is made of: a byte, alternatives, the displacement of a RIP-relative operand that ends its instruction,
 * a signed 32-bit value, or the NOPs with which Go aligns branches (go cmd/internal/obj/x86, padjumps, from 1.15 on).
 */
export type Piece = Byte | 'rip' | 'imm32' | 'pad'

/** An instruction sequence. `[0x48, 0x8d, 0x05, 'rip']` is `lea X(%rip),%rax`, with X as its operand. */
export type Pattern = readonly Piece[]

/** Where a pattern was found in the function, and its operands' values in order. */
export interface Match {
  /** Offset of the first byte, and of the byte after the last. */
  at: number
  end: number
  operands: number[]
}

/** A pattern's first run of plain bytes, by which candidates are found; it must come before any operand or padding. */
function anchorOf(pattern: Pattern): { bytes: Buffer; offset: number } {
  const offset = pattern.findIndex((piece) => typeof piece === 'number')
  const run = pattern.slice(offset)
  const end = run.findIndex((piece) => typeof piece !== 'number')
  return { bytes: Buffer.from((end < 0 ? run : run.slice(0, end)) as number[]), offset }
}

const NOPS = [[0x90], [0x66, 0x90], [0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x40, 0x00], [0x0f, 0x1f, 0x44, 0x00, 0x00]]

/** The offset behind the NOPs at `at`. */
function skipNops(bytes: Buffer, at: number): number {
  for (let from = at; ; ) {
    const nop = NOPS.find((nop) => nop.every((byte, i) => bytes[from + i] === byte))
    if (nop === undefined) return from
    from += nop.length
  }
}
