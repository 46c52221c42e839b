import fc from 'fast-check'
import { PremainError } from '../../lib/errors'
import { Cursor, words } from '../../lib/image/cursor'

const offsets = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.NaN, -0, 2 ** 64, -1),
)

/** The value, or the error's code. */
function outcome(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return error instanceof PremainError ? error.code : error
  }
}

test('inside the bytes every width reads what Buffer reads', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 64 }), fc.nat(), (array, at) => {
      const bytes = Buffer.from(array)
      const cursor = new Cursor(bytes, 'test')
      const offset = at % (bytes.length - 7)
      expect(cursor.u8(offset)).toBe(bytes[offset])
      expect(cursor.u16(offset)).toBe(bytes.readUInt16LE(offset))
      expect(cursor.u32(offset)).toBe(bytes.readUInt32LE(offset))
      expect(cursor.i32(offset)).toBe(bytes.readInt32LE(offset))
      const wide = bytes.readBigUInt64LE(offset)
      expect(cursor.u64OrNull(offset)).toBe(wide < 2n ** 53n ? Number(wide) : null)
      expect(outcome(() => cursor.u64(offset))).toBe(wide < 2n ** 53n ? Number(wide) : 'MALFORMED_ELF')
    }),
  )
})

test('any offset and length give bytes that are there, or MALFORMED_ELF', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 32 }), offsets, offsets, (array, offset, length) => {
      const cursor = new Cursor(Buffer.from(array), 'test')
      for (const read of ['u8', 'u16', 'u32', 'i32', 'u64', 'cstring'] as const) {
        const seen = outcome(() => cursor[read](offset))
        if (seen === 'MALFORMED_ELF') continue
        expect(Number.isInteger(offset) && offset >= 0 && offset < array.length).toBe(true)
      }
      const slice = outcome(() => cursor.slice(offset, length))
      // Adding 0 makes -0 the 0 that it equals.
      if (slice !== 'MALFORMED_ELF') expect((slice as Buffer).length).toBe(length + 0)
    }),
  )
})

test('a string ends at its NUL, and must have one', () => {
  const cursor = new Cursor(Buffer.from('ab\0c'), 'names')
  expect(cursor.cstring(0)).toBe('ab')
  expect(cursor.cstring(2)).toBe('')
  expect(() => cursor.cstring(3)).toThrow('malformed ELF file: an unterminated string in its names')
})

test('words are little-endian, whatever the alignment of the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(3), (array, shift) => {
      const bytes = Buffer.concat([Buffer.alloc(shift), array]).subarray(shift)
      const expected = Array.from({ length: Math.floor(array.length / 4) }, (_, i) => bytes.readUInt32LE(4 * i))
      expect([...words(bytes)]).toEqual(expected)
    }),
  )
})
