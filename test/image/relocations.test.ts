import fc from 'fast-check'
import { appliedInPlace, Relocations } from '../../lib/image/relocations'

const RELATIVE = 8
const entry = fc.record({
  place: fc.nat(400).map((place) => place * 8),
  type: fc.constantFrom(RELATIVE, RELATIVE, RELATIVE, 1, 6, 37),
  addend: fc.nat(2 ** 31 - 1),
})

function tableOf(entries: { place: number; type: number; addend: number }[]): Buffer {
  const table = Buffer.alloc(entries.length * 24)
  for (const [i, { place, type, addend }] of entries.entries()) {
    table.writeBigUInt64LE(BigInt(place), 24 * i)
    table.writeBigUInt64LE(BigInt(type), 24 * i + 8)
    table.writeBigUInt64LE(BigInt(addend), 24 * i + 16)
  }
  return table
}

test('in any order, each place holds the addend of its last relative entry', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
      const expected = new Map(
        entries.filter(({ type }) => type === RELATIVE).map(({ place, addend }) => [place, addend]),
      )
      const relocations = Relocations.parse(tableOf(entries))
      for (let place = 0; place <= 3200; place += 4) expect(relocations.at(place)).toBe(expected.get(place) ?? null)
      for (const addend of expected.values()) {
        expect([...relocations.holding(addend)].map((place) => expected.get(place))).toContain(addend)
      }
    }),
  )
})

test('applied to bytes, exactly the words wholly inside them change', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), fc.nat(3000), fc.nat(200), (entries, start, length) => {
      const bytes = Buffer.alloc(length, 0xcc)
      const expected = Buffer.from(bytes)
      const relocations = Relocations.parse(tableOf(entries))
      for (let place = 0; place <= 3200; place += 8) {
        const addend = relocations.at(place)
        if (addend === null || place < start || place + 8 > start + length) continue
        expected.writeBigUInt64LE(BigInt(addend), place - start)
      }
      relocations.applyTo(bytes, start)
      expect(bytes).toEqual(expected)
    }),
  )
})

test('places and addends of 2^53 and above are left out', () => {
  const table = tableOf([
    { place: 8, type: RELATIVE, addend: 7 },
    { place: 16, type: RELATIVE, addend: 9 },
  ])
  table.writeUInt32LE(0xffffffff, 24 + 20)
  const relocations = Relocations.parse(table)
  expect([relocations.count, relocations.at(8), relocations.at(16)]).toEqual([1, 7, null])
})

test('an absolute relocation holds its symbol’s address, where the file defines that symbol', () => {
  const defined = new Map([[3, 0x5000]])
  const valueOfSymbol = (symbol: number): number | null => defined.get(symbol) ?? null
  const table = tableOf([
    { place: 8, type: 1, addend: 16 },
    { place: 16, type: 1, addend: 16 },
    { place: 24, type: 6, addend: 0 },
  ])
  for (const [i, symbol] of [3, 4, 3].entries()) table.writeUInt32LE(symbol, 24 * i + 12)
  const relocations = Relocations.parse(table, valueOfSymbol)
  expect([8, 16, 24].map((place) => relocations.at(place))).toEqual([0x5010, null, null])
  expect([0x5010, 0].map((word) => appliedInPlace(table, () => word, valueOfSymbol))).toEqual([true, false])
})

test('addends are in place only if every sampled word holds its own', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
      const last = new Map(entries.map(({ place }) => [place, 0]))
      const applied = Relocations.parse(tableOf(entries))
      const consistent = entries.every(({ type, place, addend }) => type !== RELATIVE || applied.at(place) === addend)
      expect(appliedInPlace(tableOf(entries), (place) => applied.at(place) ?? last.get(place) ?? null)).toBe(consistent)
    }),
  )
})
