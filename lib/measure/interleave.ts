import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { COMPARE_OPTIONS, type CompareOptions, compare } from './compare'
import { between, type Machinery, type MeasureOptions, type Program, settingsOf, wholeNumber } from './options'
import { launchKinds, Sampler } from './sampler'
import type { Comparison, Measurement } from './types'

/** Options of `comparePrograms()`. */
export interface ComparePrograms extends MeasureOptions, CompareOptions {
  /** Seed of the order of the runs, 0 to 2³² − 1; default: drawn anew. It is in the result. */
  seed?: number
}

/** A comparison with the measurements that it rests on. */
export interface ComparedPrograms {
  comparison: Comparison
  before: Measurement
  after: Measurement
}

/**
 * Launches two programs in turns, each pair of launches in random order, and compares them: what drifts on the machine
 * meets both alike.
 *
 * @throws PremainError those of `measure()` and `compare()`
 */
export async function compareProgramsWith(
  machinery: Machinery,
  [before, after]: readonly [Program, Program],
  options: ComparePrograms = {},
): Promise<ComparedPrograms> {
  const seed = wholeNumber('seed', options.seed ?? Math.floor(Math.random() * 2 ** 31), 0)
  between('seed', seed, [0, 2 ** 32 - 1])
  const settings = settingsOf(options, seed)
  const random = xoroshiro128plus(seed)
  const world = { machinery, options }
  const samplers = [new Sampler(before, settings, world), new Sampler(after, settings, world)]
  const kinds = launchKinds(settings)
  let done = 0
  for (const kind of kinds) {
    const turn = uniformInt(random, 0, 1) === 0 ? samplers : [...samplers].reverse()
    for (const sampler of turn) {
      const launch = await sampler.launch(kind, done)
      done += 1
      options.onProgress?.({ done, total: 2 * kinds.length, launch })
    }
  }
  const [first, second] = samplers.map((sampler) => sampler.measurement()) as [Measurement, Measurement]
  const rules = Object.fromEntries(COMPARE_OPTIONS.map((key) => [key, options[key]]))
  return { comparison: compare(first, second, rules), before: first, after: second }
}
