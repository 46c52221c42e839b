import fc from 'fast-check'
import {
  formatCount,
  formatDuration,
  formatPercent,
  parseDuration,
  parseMilliseconds,
  parsePercent,
} from '../../lib/measure/units'

describe('durations', () => {
  it.each([
    ['5ms', 5e6],
    ['1.5s', 1.5e9],
    ['250us', 250e3],
    ['250µs', 250e3],
    ['250μs', 250e3],
    ['0', 0],
    ['10 ns', 10],
    ['2m', 120e9],
    ['.5ms', 5e5],
  ])('%s is %d ns', (text, ns) => expect(parseDuration(text)).toBe(ns))

  it.each(['', '5', 'ms', '5 parsecs', '-5ms', '1e3ms', '5ms 3us', '99999999999h', 'constructor', '0constructor'])(
    '%j is refused',
    (text) => expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' })),
  )

  it('milliseconds for timers', () => expect(parseMilliseconds('1.5s')).toBe(1500))

  it.each([
    [0, '0 ns'],
    [999, '999 ns'],
    [999_600, '1 ms'],
    [1_234, '1.23 µs'],
    [12_345_678, '12.3 ms'],
    [123_456_789, '123 ms'],
    [-45_000, '-45 µs'],
    [61.2e9, '61.2 s'],
  ])('%d prints as %s', (ns, text) => expect(formatDuration(ns)).toBe(text))

  it('what is printed reads back within the digits shown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e15 }), (ns) => {
        const back = parseDuration(formatDuration(ns))
        expect(Math.abs(back - ns)).toBeLessThanOrEqual(ns * 0.00501)
      }),
    )
  })
})

it('percentages', () => {
  expect(parsePercent('+10%')).toBeCloseTo(0.1)
  expect(parsePercent('-2.5 %')).toBeCloseTo(-0.025)
  expect(parsePercent('10%')).toBeNull()
  expect(formatPercent(0.0321)).toBe('+3.2 %')
  expect(formatPercent(-0.00001)).toBe('+0.0 %')
  expect(formatPercent(-0.5)).toBe('-50.0 %')
})

it('counts', () => {
  expect(formatCount(3)).toBe('3')
  expect(formatCount(3.25)).toBe('3.3')
})
