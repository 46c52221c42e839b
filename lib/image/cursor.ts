/**
 * The one way to untrusted bytes: every read is checked against the bytes that are there, and whatever does not fit is
 * a {@link PremainError} `MALFORMED_ELF`.
 */
import { PremainError } from '../errors'

/** The error for a file whose tables lie: `what` says which, as the object of the sentence. */
export function malformed(what: string, cause?: unknown): PremainError {
  return new PremainError('MALFORMED_ELF', `malformed ELF file: ${what}`, {
    hint: 'The file is damaged or truncated: compare its size and checksum with the original, or build it again.',
    cause,
  })
}

/**
 * Little-endian bytes read by offset. Offsets come from the file and may be anything: fractional, negative and
 * overflowing ones are refused like those past the end.
 */
export class Cursor {
  readonly length: number

  /** `what` names the bytes in errors: `section header table`. */
  constructor(
    private readonly bytes: Buffer,
    private readonly what: string,
  ) {
    this.length = bytes.length
  }

  u8(offset: number): number {
    this.check(offset, 1)
    return this.bytes[offset] as number
  }

  u16(offset: number): number {
    this.check(offset, 2)
    return this.bytes.readUInt16LE(offset)
  }

  u32(offset: number): number {
    this.check(offset, 4)
    return this.bytes.readUInt32LE(offset)
  }

  i32(offset: number): number {
    this.check(offset, 4)
    return this.bytes.readInt32LE(offset)
  }

  /** Eight bytes as a number; 2^53 and above is refused: no file offset, size or address of a real program is. */
  u64(offset: number): number {
    const value = this.u64OrNull(offset)
    if (value === null) throw malformed(`a value of 2^53 or more in its ${this.what}`)
    return value
  }

  /** Like {@link u64}, but null where the value is 2^53 or more. */
  u64OrNull(offset: number): number | null {
    this.check(offset, 8)
    const high = this.bytes.readUInt32LE(offset + 4)
    return high >= 0x200000 ? null : high * 0x1_0000_0000 + this.bytes.readUInt32LE(offset)
  }

  /** `length` bytes, shared with this cursor. */
  slice(offset: number, length: number): Buffer {
    this.check(offset, length)
    return this.bytes.subarray(offset, offset + length)
  }

  /** A NUL-terminated string; one without its NUL in these bytes, or of more than `max` bytes, is refused. */
  cstring(offset: number, max = 4096): string {
    this.check(offset, 1)
    const end = offset + this.bytes.subarray(offset, offset + max + 1).indexOf(0)
    if (end < offset) throw malformed(`an unterminated string in its ${this.what}`)
    return this.bytes.toString('utf8', offset, end)
  }

  private check(offset: number, length: number): void {
    if (
      !(
        offset >= 0 &&
        length >= 0 &&
        offset + length <= this.length &&
        Number.isInteger(offset) &&
        Number.isInteger(length)
      )
    ) {
      throw malformed(`its ${this.what} is too short (${this.length} bytes, wanted ${length} at ${offset})`)
    }
  }
}

/** Bytes as 32-bit words, a rest of fewer than four left out; copied only where they are not aligned or may be shared. */
export function words(bytes: Buffer): Uint32Array {
  const count = Math.floor(bytes.length / 4)
  const own = bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length
  return own ? new Uint32Array(bytes.buffer, 0, count) : new Uint32Array(Uint8Array.from(bytes).buffer, 0, count)
}
