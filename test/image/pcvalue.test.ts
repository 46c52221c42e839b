import fc from 'fast-check'
import { pcValue } from '../../lib/image/go/pcvalue'
import type { Memory } from '../../lib/image/memory'

/** The bytes of a table, as memory at address 0. */
function memoryOf(bytes: Buffer): Memory {
  const memory: Pick<Memory, 'available' | 'bytes'> = {
    available: (address) => Math.max(0, bytes.length - address),
    bytes: (address, length) => bytes.subarray(address, address + length),
  }
  return memory as Memory
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) | 0x80)
  }
}

/** As the linker writes it (go cmd/internal/obj/pcln.go funcpctab). */
function encode(runs: { value: number; length: number }[], quantum: number): Buffer {
  const bytes: number[] = []
  let before = -1
  for (const { value, length } of runs) {
    const delta = value - before
    bytes.push(...varint(delta < 0 ? -2 * delta - 1 : 2 * delta), ...varint(length / quantum))
    before = value
  }
  return Buffer.from([...bytes, 0])
}

const runs = fc
  .array(
    fc.record({ value: fc.integer({ min: -(2 ** 28), max: 2 ** 28 }), length: fc.integer({ min: 1, max: 300 }) }),
    {
      minLength: 1,
      maxLength: 80,
    },
  )
  // Neighbours differ: an equal value would be one run, and its delta of 0 the end of the table.
  .map((all) => all.filter(({ value }, i) => i === 0 || value !== all[i - 1]!.value))

test('every pc of a function has the value that was encoded for it', () => {
  fc.assert(
    fc.property(runs, fc.constantFrom(1, 4), fc.integer({ min: 0, max: 2 ** 40 }), (all, quantum, entry) => {
      const scaled = all.map(({ value, length }) => ({ value, length: length * quantum }))
      const memory = memoryOf(encode(scaled, quantum))
      let pc = entry
      for (const { value, length } of scaled) {
        for (const at of [pc, pc + length - 1])
          expect(pcValue(memory, { table: 0, entry, pc: at, quantum })).toBe(value)
        pc += length
      }
      expect(pcValue(memory, { table: 0, entry, pc, quantum })).toBeNull()
    }),
  )
})

test('any bytes give a number or null', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(100000), (bytes, pc) => {
      const value = pcValue(memoryOf(Buffer.from(bytes)), { table: 0, entry: 0, pc, quantum: 1 })
      expect(value === null || Number.isInteger(value)).toBe(true)
    }),
  )
})
