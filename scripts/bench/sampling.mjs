// Taking samples in turns, and what is said of them.

/** A small generator of random numbers in [0, 1), so that a run's order can be had again (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

function shuffled(list, random) {
  const out = [...list]
  for (let at = out.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    ;[out[at], out[other]] = [out[other], out[at]]
  }
  return out
}

/**
 * Runs every contestant once a round, each round in an order of its own, after `warmup` rounds that do not count. A
 * contestant returns its own figure, or nothing: then the time until its promise settles counts, in milliseconds.
 */
export async function inTurns(contestants, { rounds, random, warmup = 2 }) {
  const names = Object.keys(contestants)
  const samples = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = -warmup; round < rounds; round++) {
    for (const name of shuffled(names, random)) {
      const before = performance.now()
      const own = await contestants[name]()
      const value = own ?? performance.now() - before
      if (round >= 0) samples[name].push(value)
    }
  }
  return samples
}

/** The value below which the share `q` of the samples lies, interpolated. */
export function quantile(samples, q) {
  const sorted = [...samples].sort((a, b) => a - b)
  const place = (sorted.length - 1) * q
  const low = sorted[Math.floor(place)]
  return low + (sorted[Math.ceil(place)] - low) * (place - Math.floor(place))
}

export function median(samples) {
  return quantile(samples, 0.5)
}

export function p90(samples) {
  return quantile(samples, 0.9)
}
