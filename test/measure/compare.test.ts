import fc from 'fast-check'
import type { CheckOptions } from '../../lib/measure/check'
import { type CompareOptions, compare } from '../../lib/measure/compare'
import { compareProgramsWith } from '../../lib/measure/interleave'
import { measureWith } from '../../lib/measure/measure'
import type { MeasureOptions } from '../../lib/measure/options'
import { check, comparePrograms, measure } from '../../lib/measure/programs'
import type { Comparison, Measurement } from '../../lib/measure/types'
import { type FakeOptions, fakeWorld, fakeWorlds, INITS } from './fake'

function measured(fake: FakeOptions, options: MeasureOptions = {}): Promise<Measurement> {
  return measureWith(fakeWorld(fake), { file: '/bin/fake', args: [] }, options)
}

function find(comparison: Comparison, subject: string, metric = 'wallNs') {
  return comparison.differences.find((entry) => entry.subject === subject && entry.metric === metric)!
}

describe('compare', () => {
  it('finds a slower init, and says by how much', async () => {
    const inits = INITS.map((init) => (init.function === 'net/http.init' ? { ...init, ns: 400_000 } : init))
    const comparison = compare(await measured({ seed: 1 }), await measured({ seed: 2, inits }))
    expect(comparison).toMatchObject({ schema: 'premain.comparison/1', verdict: 'slower', unlike: [] })
    expect(find(comparison, 'net/http')).toMatchObject({ scope: 'init', verdict: 'slower' })
    expect(find(comparison, 'net/http').shift).toBeGreaterThan(90_000)
    expect(find(comparison, 'net/http').shiftInterval!.low).toBeGreaterThan(80_000)
    expect(find(comparison, 'inits')).toMatchObject({ scope: 'step', verdict: 'slower' })
    expect(find(comparison, 'mallocinit').verdict).not.toBe('slower')
    expect(find(comparison, 'net/http').reason).toMatch(/\+\d+\.\d % \(\+\d+.* µs\)/)
    expect(structuredClone(comparison)).toEqual(comparison)
  })

  it('is faster the other way round', async () => {
    const [slow, fast] = [await measured({ scale: 1.2 }), await measured({ seed: 2 })]
    expect(compare(slow, fast).verdict).toBe('faster')
    expect(compare(fast, slow).verdict).toBe('slower')
  })

  it('leaves out what neither side passed, and lists inits that came or went', async () => {
    const without = INITS.filter((init) => init.package !== 'unicode')
    const comparison = compare(await measured({ inits: without }), await measured({ seed: 2 }))
    expect(comparison.differences.some((entry) => entry.subject === 'interp')).toBe(false)
    expect(comparison).toMatchObject({ added: ['unicode'], removed: [] })
  })

  it('calls steady programs the same and noisy ones inconclusive', async () => {
    const same = compare(
      await measured({ noise: 0.01 }, { runs: 60 }),
      await measured({ noise: 0.01, seed: 2 }, { runs: 60 }),
    )
    expect(same.verdict).toBe('same')
    expect(same.reason).toContain('any shift is smaller than')
    const noisy = compare(
      await measured({ noise: 0.3 }, { runs: 8 }),
      await measured({ noise: 0.3, seed: 2 }, { runs: 8 }),
    )
    expect(noisy.verdict).toBe('inconclusive')
    expect(noisy.reason).toContain('more runs would tell')
  })

  it('a significant difference below the minimum effect is not called', async () => {
    const [a, b] = [await measured({ noise: 0.001 }), await measured({ noise: 0.001, seed: 2, scale: 1.01 })]
    expect(compare(a, b).verdict).toBe('same')
    expect(find(compare(a, b), 'total').pAdjusted).toBeLessThan(0.001)
    expect(compare(a, b, { minEffect: 0.005 }).verdict).toBe('slower')
  })

  it('too few samples are inconclusive', async () => {
    const comparison = compare(await measured({}, { runs: 2 }), await measured({ scale: 2, seed: 2 }, { runs: 2 }))
    expect(comparison.verdict).toBe('inconclusive')
    expect(find(comparison, 'total').reason).toContain('too few')
  })

  it('a shift to one side that chance may explain is told as that', async () => {
    const few = compare(await measured({}, { runs: 4 }), await measured({ scale: 2, seed: 2 }, { runs: 4 }))
    const total = find(few, 'total')
    expect(total.shiftInterval!.low).toBeGreaterThan(total.minEffect)
    expect(total).toMatchObject({ verdict: 'inconclusive', reason: expect.stringMatching(/looks like .* by chance/) })
  })

  it('launches that all failed are inconclusive', async () => {
    const dead = await measured({ failing: () => true })
    expect(compare(dead, dead)).toMatchObject({ verdict: 'inconclusive', differences: [] })
    expect(compare(await measured({}), dead).verdict).toBe('inconclusive')
  })

  it('unlike hosts and unlike settings get no verdict', async () => {
    const before = await measured({})
    const elsewhere = compare(before, await measured({ scale: 2, host: { cpu: 'Other CPU', node: 'v22.0.0' } }))
    expect(elsewhere.verdict).toBe('inconclusive')
    expect(elsewhere.unlike).toEqual(['host cpu: Test CPU before, Other CPU after'])
    expect(new Set(elsewhere.differences.map((entry) => entry.verdict))).toEqual(new Set(['inconclusive']))
    expect(find(elsewhere, 'total').shift).toBeGreaterThan(0)
    const cold = compare(before, await measured({}, { cold: true }))
    expect(cold.unlike).toEqual(['setting cold: false before, true after'])
  })

  it('compares the rates of failed launches', async () => {
    const before = await measured({}, { runs: 40 })
    const failing = await measured({ failing: (launch) => launch % 3 === 0 }, { runs: 40 })
    const { failures } = compare(before, failing)
    expect(failures).toMatchObject({ verdict: 'more', before: { failed: 0, rate: 0 } })
    expect(failures.after.failed).toBeGreaterThan(10)
    expect(failures.after.interval!.low).toBeGreaterThan(0.15)
    expect(compare(failing, before).failures.verdict).toBe('fewer')
    expect(compare(before, before).failures.verdict).toBe('same')
    const once = await measured({ failing: (launch) => launch === 5 }, { runs: 40 })
    expect(compare(before, once).failures.verdict).toBe('inconclusive')
  })

  it('sees a change of form where the place is the same', async () => {
    const comparison = compare(
      await measured({ noise: 0.005 }, { runs: 100 }),
      await measured({ noise: 0.1, seed: 2 }, { runs: 100 }),
    )
    expect(find(comparison, 'total').shapeDiffers).toBe(true)
  })

  it('refuses what is not a measurement, and senseless settings', async () => {
    const before = await measured({}, { runs: 1 })
    expect(() => compare(before, {} as Measurement)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(() => compare(before, before, { alpha: 2 })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })

  it('refuses documents that are damaged, by the key', async () => {
    const good = await measured({})
    for (const [damage, words] of [
      [{ steps: [] }, 'steps'],
      [{ packages: null }, 'packages'],
      [{ counted: {} }, 'counted'],
      [{ totals: { ...good.totals, wallNs: { ...good.totals.wallNs, samples: [1, 'x'] } } }, 'totals'],
      [{ host: 'here' }, 'host'],
    ] as const) {
      const bad = { ...good, ...damage } as unknown as Measurement
      expect(() => compare(good, bad)).toThrow(new RegExp(`^after is not .*${words}`))
    }
    expect(compare(good, JSON.parse(JSON.stringify(good))).verdict).toBe('same')
  })

  it('any document is compared or refused, never an internal error', async () => {
    const good = await measured({}, { runs: 6 })
    const keys = fc.constantFrom(...Object.keys(good))
    fc.assert(
      fc.property(keys, fc.jsonValue(), (key, value) => {
        try {
          compare({ ...good, [key]: value } as Measurement, good)
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_OPTION' })
        }
      }),
    )
  })

  it('a way to main and a way to an entry point get no verdict', async () => {
    const entry = await measured({ outcome: 'reached-entry', scale: 0.2 })
    const comparison = compare(await measured({ seed: 2 }), entry)
    expect(comparison).toMatchObject({ verdict: 'inconclusive' })
    expect(comparison.unlike).toEqual(['end of the launches: main before, the entry point after'])
    expect(compare(entry, await measured({ outcome: 'reached-entry', seed: 3 })).unlike).toEqual([])
  })

  it('an option of another name is refused', async () => {
    const good = await measured({})
    expect(() => compare(good, good, { minEfect: 0.1 } as CompareOptions)).toThrow('unknown option "minEfect"')
  })

  it('steps without a time of their own are not compared, and inits have their place', async () => {
    const { differences } = compare(await measured({}), await measured({ seed: 2 }))
    expect(differences.filter(({ subject }) => ['image', 'stack'].includes(subject))).toEqual([])
    const http = differences.find(({ subject }) => subject === 'net/http')
    expect(http).toMatchObject({ file: '/src/net/http/init.go', line: 12 })
  })

  it('both sides failed: both are told', async () => {
    const dead = await measured({ failing: () => true, path: '/a' })
    const { error, notes } = compare(dead, await measured({ failing: () => true, path: '/b' }))
    expect(error?.message.split('\n').map((line) => line.slice(0, 25))).toEqual(
      ['/b: all 30 launches failed', '/a: all 30 launches failed'].map((line) => line.slice(0, 25)),
    )
    expect(notes.join()).not.toContain('Some launches')
  })

  it('mirrors when the sides are swapped', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1e6 }),
        fc.double({ min: 0.8, max: 1.2, noNaN: true }),
        async (seed, scale) => {
          const [a, b] = [
            await measured({ seed }, { runs: 12 }),
            await measured({ seed: seed + 1, scale }, { runs: 12 }),
          ]
          const [there, back] = [find(compare(a, b), 'total'), find(compare(b, a), 'total')]
          expect(there.shift).toBeCloseTo(-back.shift!, 6)
          expect(there.mannWhitney!.p).toBeCloseTo(back.mannWhitney!.p, 9)
        },
      ),
      { numRuns: 20 },
    )
  })
})

describe('how often it errs', () => {
  /** Pairs of measurements of one program, or of one and a slower one. */
  async function pairs(count: number, fake: FakeOptions, options: MeasureOptions & { scale?: number } = {}) {
    const { scale = 1, ...settings } = options
    const made: [Measurement, Measurement][] = []
    for (let seed = 1000; made.length < count; seed += 2) {
      made.push([
        await measured({ ...fake, seed }, settings),
        await measured({ ...fake, seed: seed + 1, scale }, settings),
      ])
    }
    return made
  }
  const calledAny = (comparison: Comparison) =>
    comparison.differences.some(
      (entry) => entry.verdict === 'slower' || entry.verdict === 'faster' || entry.shapeDiffers,
    )
  /** The part of the pairs for which the predicate holds. */
  function rate(
    of: [Measurement, Measurement][],
    holds: (comparison: Comparison) => boolean,
    options?: CompareOptions,
  ) {
    return of.filter(([before, after]) => holds(compare(before, after, options))).length / of.length
  }

  it('a program against itself, 200 times: a difference anywhere in at most 5 %', async () => {
    const quiet = await pairs(200, { noise: 0.03 })
    expect(rate(quiet, calledAny)).toBeLessThanOrEqual(0.05)
    // The chance is kept without the minimum effect too, and it is not idle.
    const bare = rate(quiet, calledAny, { minEffect: 0, minEffectNs: 0, alpha: 0.3 })
    expect(bare).toBeLessThanOrEqual(0.3)
    expect(bare).toBeGreaterThan(0.02)
  })

  it('nor on a noisy machine', async () => {
    expect(rate(await pairs(100, { noise: 0.2 }), calledAny)).toBeLessThanOrEqual(0.05)
  })

  it('a shift of 3 % is found at 100 runs', async () => {
    const shifted = await pairs(40, { noise: 0.05 }, { runs: 100, scale: 1.03 })
    expect(rate(shifted, (comparison) => comparison.verdict === 'slower')).toBeGreaterThanOrEqual(0.95)
  })
})

describe('comparePrograms', () => {
  const programs = [
    { file: '/a', args: [] },
    { file: '/b', args: [] },
  ] as const

  it('interleaves the two in an order that the seed fixes', async () => {
    const run = async (seed: number) => {
      const world = fakeWorlds({ '/a': { seed: 1 }, '/b': { seed: 2, scale: 1.5 } })
      const compared = await compareProgramsWith(world, programs, { runs: 20, seed })
      return { order: world.order, ...compared }
    }
    const first = await run(7)
    expect(first.order).toEqual((await run(7)).order)
    expect(first.order).not.toEqual((await run(8)).order)
    for (let at = 0; at < first.order.length; at += 2) {
      expect(first.order.slice(at, at + 2).sort()).toEqual(['/a', '/b'])
    }
    const leads = first.order.filter((file, at) => at % 2 === 0 && file === '/a').length
    expect(leads).toBeGreaterThan(5)
    expect(leads).toBeLessThan(28)
    expect(first.comparison).toMatchObject({ verdict: 'slower', settings: { seed: 7 }, notes: [] })
    expect(first.before.settings.seed).toBe(7)
    expect(first.before.launches).toHaveLength(33)
  })

  it('a seed beyond 32 bits, and an option of another name, are refused', async () => {
    const both = [{ file: 'a' }, { file: 'b' }] as const
    const world = fakeWorlds({ a: {}, b: {} })
    await expect(compareProgramsWith(world, both, { seed: 2 ** 32 })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(comparePrograms(...both, { runz: 6 } as MeasureOptions)).rejects.toThrow('unknown option "runz"')
    await expect(measure('a', { rns: 3 } as MeasureOptions)).rejects.toThrow('unknown option "rns"')
    await expect(check('a', { bugdets: [] } as CheckOptions)).rejects.toThrow('unknown option "bugdets"')
    await expect(check('a', { budgets: 'total.cpu=1ns' } as never)).rejects.toThrow('budgets is neither')
  })

  it('draws a seed and tells it', async () => {
    const compared = await compareProgramsWith(fakeWorlds({ '/a': {}, '/b': {} }), programs, { runs: 2 })
    expect(Number.isSafeInteger(compared.comparison.settings.seed)).toBe(true)
  })

  it('saved measurements of different seeds were not interleaved', async () => {
    const [a, b] = [await measured({}), await measured({ seed: 2 })]
    expect(compare(a, b).settings.seed).toBeNull()
    expect(compare(a, b).notes.join()).toContain('not interleaved')
  })
})
