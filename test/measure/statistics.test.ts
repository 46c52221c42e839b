import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  hodgesLehmann,
  holm,
  kolmogorovSmirnov,
  mannWhitney,
  median,
  medianInterval,
  newcombe,
  normalQuantile,
  normalTail,
  series,
  wilson,
} from '../../lib/measure/statistics'

interface Vectors {
  source: string
  tails: { z: number; tail: number }[]
  ones: {
    values: number[]
    median: number
    p95: number
    mad: number
    intervals: Record<string, [number, number] | null>
  }[]
  twos: {
    x: number[]
    y: number[]
    u: number
    uP: number
    d: number
    dP: number
    shift: number
    interval?: [number, number] | null
  }[]
  holm: { p: number[]; adjusted: number[] }[]
  wilson: { count: number; trials: number; level: number; interval: [number, number] }[]
  newcombe: { before: [number, number]; after: [number, number]; interval: [number, number] }[]
}

const vectors = JSON.parse(readFileSync(join(__dirname, 'vectors.json'), 'utf8')) as Vectors

/** Equal within a relative error; 0 and 1e-300 are equal too. */
function expectNear(actual: number | undefined, expected: number, relative = 1e-9): void {
  expect(Math.abs((actual ?? Number.NaN) - expected)).toBeLessThanOrEqual(Math.abs(expected) * relative + 1e-300)
}

describe(`against ${vectors.source}`, () => {
  it('has vectors of every kind', () => {
    expect(vectors.ones.length).toBeGreaterThan(20)
    expect(vectors.twos.filter((entry) => entry.interval).length).toBeGreaterThan(5)
  })

  it.each(vectors.tails)('normal tail at $z, and back', ({ z, tail }) => {
    expectNear(normalTail(z), tail, 1e-12)
    // A tail near 1 has lost the digits that would tell z.
    if (z > -3) expect(normalQuantile(tail)).toBeCloseTo(z, 8)
  })

  it.each(vectors.ones.map((entry, index) => ({ ...entry, index, size: entry.values.length })))(
    'one sample of $size (#$index)',
    (entry) => {
      const described = series(entry.values)
      expectNear(described.median ?? undefined, entry.median)
      expectNear(described.p95 ?? undefined, entry.p95)
      expectNear(described.mad ?? undefined, entry.mad)
      for (const [level, interval] of Object.entries(entry.intervals)) {
        const ours = medianInterval(entry.values, Number(level))
        expect(ours && [ours.low, ours.high]).toEqual(interval)
      }
    },
  )

  it.each(vectors.twos.map((entry, index) => ({ ...entry, index, m: entry.x.length, n: entry.y.length })))(
    'two samples of $m and $n (#$index)',
    (entry) => {
      const whitney = mannWhitney(entry.x, entry.y)
      expect(whitney?.u).toBe(entry.u)
      expectNear(whitney?.p, entry.uP)
      const smirnov = kolmogorovSmirnov(entry.x, entry.y)
      expectNear(smirnov?.d, entry.d)
      expectNear(smirnov?.p, entry.dP, 1e-6)
      const shifted = hodgesLehmann(entry.x, entry.y)
      expectNear(shifted?.shift, entry.shift)
      if (entry.interval !== undefined) {
        expect(shifted?.interval ? [shifted.interval.low, shifted.interval.high] : null).toEqual(entry.interval)
      }
    },
  )

  it.each(vectors.holm)('Holm over $p.length', ({ p, adjusted }) => {
    for (const [index, value] of holm(p).entries()) expectNear(value, adjusted[index] as number)
  })

  it.each(vectors.wilson)('Wilson $count of $trials', ({ count, trials, level, interval }) => {
    const ours = wilson(count, trials, level)
    expect(ours?.low).toBeCloseTo(interval[0], 9)
    expect(ours?.high).toBeCloseTo(interval[1], 9)
  })

  it.each(vectors.newcombe)('Newcombe $before to $after', ({ before, after, interval }) => {
    const ours = newcombe({ count: before[0], trials: before[1] }, { count: after[0], trials: after[1] })
    expect(ours?.low).toBeCloseTo(interval[0], 9)
    expect(ours?.high).toBeCloseTo(interval[1], 9)
  })
})

describe('properties', () => {
  const values = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 40 })

  it('swapping the samples mirrors the shift and keeps the p-values', () => {
    fc.assert(
      fc.property(values, values, (x, y) => {
        const [there, back] = [hodgesLehmann(x, y), hodgesLehmann(y, x)]
        expect(there?.shift).toBeCloseTo(-(back?.shift ?? Number.NaN), 9)
        expect(mannWhitney(x, y)?.p).toBeCloseTo(mannWhitney(y, x)?.p ?? Number.NaN, 9)
        expect(kolmogorovSmirnov(x, y)?.p).toBeCloseTo(kolmogorovSmirnov(y, x)?.p ?? Number.NaN, 9)
      }),
    )
  })

  it('the shift is the median of all differences and lies in its interval', () => {
    fc.assert(
      fc.property(values, values, (x, y) => {
        const shifted = hodgesLehmann(x, y)
        expect(shifted?.shift).toBe(median(y.flatMap((b) => x.map((a) => b - a))))
        if (!shifted?.interval) return
        expect(shifted.interval.low).toBeLessThanOrEqual(shifted.shift)
        expect(shifted.interval.high).toBeGreaterThanOrEqual(shifted.shift)
      }),
    )
  })

  it('a sample against itself shows nothing', () => {
    fc.assert(
      fc.property(values, (x) => {
        expect(hodgesLehmann(x, x)?.shift).toBe(0)
        expect(mannWhitney(x, x)?.p).toBeGreaterThan(0.99)
        expect(kolmogorovSmirnov(x, x)).toEqual({ d: 0, p: 1 })
      }),
    )
  })

  it('what is no number ends all the same', () => {
    const broken = [1, Number.NaN, 2, Number.NaN]
    expect(mannWhitney(broken, [1, 2, 3])).not.toBeNull()
    expect(hodgesLehmann([1, 2, 3], broken)).not.toBeNull()
  })

  it('Holm never lowers a p-value and keeps their order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }), (p) => {
        const adjusted = holm(p)
        p.forEach((value, i) => {
          expect(adjusted[i]).toBeGreaterThanOrEqual(value)
          p.forEach((other, j) => {
            if (value < other) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j] as number)
          })
        })
      }),
    )
  })

  it('a series keeps its raw samples, nulls included', () => {
    expect(series([3, null, 1])).toEqual({
      samples: [3, null, 1],
      count: 2,
      median: 2,
      p95: 2.9,
      min: 1,
      max: 3,
      mad: 1,
      ci: null,
    })
    expect(series([null])).toMatchObject({ count: 0, median: null, ci: null })
  })
})
