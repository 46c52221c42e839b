import fc from 'fast-check'
import { NameMatcher } from '../../lib/image/names'

const name = fc.oneof(
  fc.constantFrom(
    'main.main',
    'main.mai',
    'main',
    'm',
    'runtime.main',
    'runtime.main.func1',
    'runtime.init',
    'größe.init',
    '',
  ),
  fc.string({ maxLength: 6 }).filter((text) => !text.includes('\0')),
)

test('exactly the wanted names are found, at every place where they stand', () => {
  fc.assert(
    fc.property(
      fc.array(name, { maxLength: 40 }),
      fc.array(name, { maxLength: 10 }),
      fc.integer({ min: 1, max: 3 }),
      (all, wanted, stride) => {
        const offsets: number[] = []
        let table = ''
        for (const each of all) {
          offsets.push(Buffer.byteLength(table), ...Array<number>(stride - 1).fill(0))
          table += `${each}\0`
        }
        const found: [number, string][] = []
        new NameMatcher(wanted).eachMatch(Buffer.from(table), Uint32Array.from(offsets), {
          stride,
          found: (index, match) => found.push([index, match]),
        })
        // A table that ends within two bytes of an offset holds at most an empty name there, which no function has.
        const expected = all.flatMap((each, index): [number, string][] =>
          wanted.includes(each) ? [[index, each]] : [],
        )
        expect(found.filter(([, match]) => match !== '')).toEqual(expected.filter(([, match]) => match !== ''))
      },
    ),
  )
})

test('offsets outside the table, and names without an end, match nothing', () => {
  const found: string[] = []
  const table = Buffer.from('main.main')
  new NameMatcher(['main.main', 'main', 'n']).eachMatch(table, Uint32Array.from([0, 5, 8, 9, 100, 0xffffffff]), {
    stride: 1,
    found: (_, match) => found.push(match),
  })
  expect(found).toEqual([])
})
