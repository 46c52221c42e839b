/**
 * The statistics that no library has in the form that is needed here: tests and intervals without any assumption on the
 * form of the distributions. Start-up times are skewed and have tails, so nothing here rests on means, and no sample is
 * rejected as an outlier. Every function is checked against scipy and statsmodels (`test/measure/vectors.py`).
 */
import { medianAbsoluteDeviation, medianSorted, quantileSorted } from 'simple-statistics'
import type { Interval, Series } from './types'

/** Sorts numbers into a new typed array. */
export function sorted(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort()
}

/** Median of unsorted values. @throws RangeError when empty */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of nothing')
  return medianSorted(Array.from(sorted(values)))
}

/** Complementary error function to about 1e-15 relative: power series near 0, continued fraction in the tail. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x)
  if (x > 27) return 0 // below the smallest double
  if (x < 2) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-x * x * (2 * n - 1)) / (n * (2 * n + 1))
      sum += term
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum
  }
  // Laplace's continued fraction, from the tail inwards: erfc(x) = e^(-x²)/√π · 1/(x + ½/(x + 1/(x + 1½/(x + …)))).
  let tail = x
  for (let k = 120; k >= 1; k--) tail = x + k / 2 / tail
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail)
}

/** The chance that a standard normal variable exceeds z. */
export function normalTail(z: number): number {
  return erfc(z / Math.SQRT2) / 2
}

/** Results of {@link normalQuantile}: a comparison asks for the same one a thousand times. */
const quantiles = new Map<number, number>()

/** The z that a standard normal variable exceeds with probability `tail` (0 < tail < 1). */
export function normalQuantile(tail: number): number {
  const known = quantiles.get(tail)
  if (known !== undefined) return known
  const found = bisectQuantile(tail)
  quantiles.set(tail, found)
  return found
}

function bisectQuantile(tail: number): number {
  let [low, high] = [-40, 40]
  for (let z = 0; z > low && z < high; z = (low + high) / 2) {
    if (normalTail(z) > tail) low = z
    else high = z
  }
  return (low + high) / 2
}

/** The largest k with P(Binomial(n, 1/2) <= k - 1) <= tail; 0 when there is none. */
function binomialRank(n: number, tail: number): number {
  let logChoose = 0
  let cumulative = 0
  for (let k = 0; k <= n / 2; k++) {
    cumulative += Math.exp(logChoose - n * Math.LN2)
    if (cumulative > tail) return k
    logChoose += Math.log((n - k) / (k + 1))
  }
  return Math.floor(n / 2)
}

/**
 * Confidence interval of the median by order statistics: no assumption but that samples are independent. Null when
 * there are too few for the level (5 or less for 95 %).
 */
export function medianInterval(values: readonly number[], level = 0.95): Interval | null {
  const rank = binomialRank(values.length, (1 - level) / 2)
  if (rank === 0) return null
  const order = sorted(values)
  return { low: order[rank - 1] as number, high: order[order.length - rank] as number, level }
}

/** Describes samples; nulls are kept in `samples` and left out of the figures. */
export function series(samples: readonly (number | null)[], level = 0.95): Series {
  const present = samples.filter((value): value is number => value !== null)
  if (present.length === 0) {
    return { samples: [...samples], count: 0, median: null, p95: null, min: null, max: null, mad: null, ci: null }
  }
  const order = Array.from(sorted(present))
  return {
    samples: [...samples],
    count: order.length,
    median: medianSorted(order),
    p95: quantileSorted(order, 0.95),
    min: order[0] as number,
    max: order[order.length - 1] as number,
    mad: medianAbsoluteDeviation(order),
    ci: medianInterval(order, level),
  }
}

/** How many pairs differ by at most `limit`: y − x <= limit. Both sorted. */
function pairsWithin(x: Float64Array, y: Float64Array, limit: number): number {
  let count = 0
  let j = 0
  for (const value of x) {
    while (j < y.length && (y[j] as number) - value <= limit) j++
    count += j
  }
  return count
}

/**
 * The rank-th smallest (1-based) of all differences y − x, without making the list: bisection down to neighbouring
 * doubles, the upper of which is then itself a difference that occurs.
 */
function difference(x: Float64Array, y: Float64Array, rank: number): number {
  let low = (y[0] as number) - (x[x.length - 1] as number)
  let high = (y[y.length - 1] as number) - (x[0] as number)
  if (pairsWithin(x, y, low) >= rank) return low
  // Invariant: pairsWithin(low) < rank <= pairsWithin(high).
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (pairsWithin(x, y, middle) >= rank) high = middle
    else low = middle
  }
  return high + 0 // -0 would show in JSON and in equality
}

/** How many times each value occurs among both samples, for groups of two and more. */
function ties(x: Float64Array, y: Float64Array): number[] {
  const all = Float64Array.from([...x, ...y]).sort()
  const groups: number[] = []
  for (let i = 0, j = 0; i < all.length; i = j) {
    j = i + 1 // whatever it is: a NaN does not equal itself
    while (j < all.length && all[j] === all[i]) j++
    if (j - i > 1) groups.push(j - i)
  }
  return groups
}

/** Standard deviation of U under the hypothesis of no difference, with the correction for ties. */
function deviationOfU(m: number, n: number, groups: readonly number[]): number {
  const total = m + n
  const tied = groups.reduce((sum, t) => sum + (t ** 3 - t), 0)
  return Math.sqrt(((m * n) / 12) * (total + 1 - tied / (total * (total - 1))))
}

/** Cumulative probabilities P(U <= k), k = 0 … m·n, where no values are tied. */
function distributionOfU(m: number, n: number): Float64Array {
  const size = m * n
  // Coefficients of the Gaussian binomial: product over i = 1 … m of (1 - q^(n+i)) / (1 - q^i), kept as probabilities.
  let ways = new Float64Array(size + 1)
  ways[0] = 1
  for (let i = 1; i <= m; i++) {
    for (let k = size; k >= n + i; k--) ways[k] = (ways[k] as number) - (ways[k - n - i] as number)
    for (let k = i; k <= size; k++) ways[k] = (ways[k] as number) + (ways[k - i] as number)
    ways = ways.map((value) => (value * i) / (n + i))
  }
  for (let k = 1; k <= size; k++) ways[k] = (ways[k] as number) + (ways[k - 1] as number)
  return ways
}

/** Below this size of the smaller sample, and without ties, probabilities of U are exact; as scipy chooses. */
const EXACT_U = 8

/**
 * Two-sided Mann–Whitney test: is one sample stochastically larger? Exact when a sample has at most 8 values and none are
 * tied; else by the normal approximation with corrections for ties and continuity.
 *
 * @returns U of `y` (pairs with y > x, ties counted by half), and p
 */
export function mannWhitney(before: readonly number[], after: readonly number[]): { u: number; p: number } | null {
  const [x, y] = [sorted(before), sorted(after)]
  const size = x.length * y.length
  if (size === 0) return null
  const groups = ties(x, y)
  const u = x.reduce((sum, value) => sum + countAbove(y, value), 0)
  const larger = Math.max(u, size - u)
  if (Math.min(x.length, y.length) <= EXACT_U && groups.length === 0) {
    const cumulative = distributionOfU(Math.min(x.length, y.length), Math.max(x.length, y.length))
    // By symmetry, P(U >= larger) = P(U <= size - larger): the small tail keeps its digits.
    return { u, p: Math.min(1, 2 * (cumulative[size - larger] as number)) }
  }
  const deviation = deviationOfU(x.length, y.length, groups)
  if (deviation === 0) return { u, p: 1 }
  return { u, p: Math.min(1, 2 * normalTail((larger - size / 2 - 0.5) / deviation)) }
}

/** How many of the sorted values exceed `value`, equal ones counted by half. */
function countAbove(order: Float64Array, value: number): number {
  const first = bound(order, (entry) => entry >= value)
  const last = bound(order, (entry) => entry > value)
  return order.length - last + (last - first) / 2
}

/** Index of the first entry for which the monotone predicate holds. */
function bound(order: Float64Array, holds: (entry: number) => boolean): number {
  let [low, high] = [0, order.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(order[middle] as number)) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * Hodges–Lehmann estimate of the shift after − before, with the interval that inverts the Mann–Whitney test: exact under
 * the same conditions as {@link mannWhitney}, else from the normal approximation with the correction for ties.
 * The interval is null when there are too few samples for the level; both are null when a sample is empty.
 */
export function hodgesLehmann(
  before: readonly number[],
  after: readonly number[],
  level = 0.95,
): { shift: number; interval: Interval | null } | null {
  const [x, y] = [sorted(before), sorted(after)]
  const size = x.length * y.length
  if (size === 0) return null
  const shift = (difference(x, y, Math.ceil(size / 2)) + difference(x, y, Math.floor(size / 2) + 1)) / 2
  const rank = rankOfU(x, y, (1 - level) / 2)
  if (rank < 1) return { shift, interval: null }
  return { shift, interval: { low: difference(x, y, rank), high: difference(x, y, size - rank + 1), level } }
}

/** The largest k with P(U <= k - 1) <= tail. */
function rankOfU(x: Float64Array, y: Float64Array, tail: number): number {
  const [m, n] = [Math.min(x.length, y.length), Math.max(x.length, y.length)]
  const groups = ties(x, y)
  if (m <= EXACT_U && groups.length === 0) {
    return bound(distributionOfU(m, n), (probability) => probability > tail)
  }
  return Math.floor((m * n) / 2 + 0.5 - normalQuantile(tail) * deviationOfU(m, n, groups))
}

/**
 * Two-sided two-sample Kolmogorov–Smirnov test: do the distributions differ in any way? The p-value is exact for samples
 * without ties (counting lattice paths) and conservative with them.
 */
export function kolmogorovSmirnov(
  before: readonly number[],
  after: readonly number[],
): { d: number; p: number } | null {
  const [x, y] = [sorted(before), sorted(after)]
  const [m, n] = [x.length, y.length]
  if (m * n === 0) return null
  let steps = 0 // the greatest |i·n − j·m|, an integer: D without rounding
  for (let i = 0, j = 0; i < m && j < n; ) {
    const value = Math.min(x[i] as number, y[j] as number)
    while (i < m && x[i] === value) i++
    while (j < n && y[j] === value) j++
    steps = Math.max(steps, Math.abs(i * n - j * m))
  }
  return { d: steps / (m * n), p: steps === 0 ? 1 : pathsOutside(m, n, steps) }
}

/**
 * The chance that a random lattice path from (0, 0) to (m, n) comes as far as `steps` from the diagonal. Counts the paths
 * that do, not those that do not, so that small probabilities keep their digits.
 */
function pathsOutside(m: number, n: number, steps: number): number {
  // outside[j]: probability that a path through (i, j) has been out, given that it comes to (i, j).
  const outside = new Float64Array(n + 1)
  for (let i = 0; i <= m; i++) {
    for (let j = 0; j <= n; j++) {
      if (Math.abs(i * n - j * m) >= steps) outside[j] = 1
      else if (i + j > 0) {
        // The last step to (i, j) came from (i − 1, j) in i of i + j cases.
        const fromLeft = j > 0 ? (outside[j - 1] as number) * j : 0
        outside[j] = ((outside[j] as number) * i + fromLeft) / (i + j)
      }
    }
  }
  return Math.min(1, outside[n] as number)
}

/**
 * Holm's step-down correction: with adjusted p-values below alpha called, the chance of any false call among all tests is
 * at most alpha, whatever the tests' dependence. Returned in the order given.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p)
  const adjusted = new Array<number>(pValues.length)
  let running = 0
  for (const [rank, { p, index }] of order.entries()) {
    running = Math.max(running, Math.min(1, p * (pValues.length - rank)))
    adjusted[index] = running
  }
  return adjusted
}

/** Wilson's score interval of a proportion; null without trials. */
export function wilson(successes: number, trials: number, level = 0.95): Interval | null {
  if (trials === 0) return null
  const z = normalQuantile((1 - level) / 2)
  const rate = successes / trials
  const centre = (rate + (z * z) / (2 * trials)) / (1 + (z * z) / trials)
  const half = (z / (1 + (z * z) / trials)) * Math.sqrt((rate * (1 - rate)) / trials + (z * z) / (4 * trials * trials))
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half),
    level,
  }
}

/** A count of cases among trials. */
export interface Proportion {
  count: number
  trials: number
}

/** Newcombe's hybrid score interval of the difference of two rates, after − before; null without trials. */
export function newcombe(before: Proportion, after: Proportion, level = 0.95): Interval | null {
  const a = wilson(before.count, before.trials, level)
  const b = wilson(after.count, after.trials, level)
  if (!a || !b) return null
  const [rateA, rateB] = [before.count / before.trials, after.count / after.trials]
  return {
    low: rateB - rateA - Math.hypot(rateB - b.low, a.high - rateA),
    high: rateB - rateA + Math.hypot(b.high - rateB, rateA - a.low),
    level,
  }
}
