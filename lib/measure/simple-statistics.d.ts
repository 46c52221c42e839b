/**
 * The part of simple-statistics that is used in lib/. Its own types claim to be those of an ES module, although the package
 * has a CommonJS build, and TypeScript refuses them in a CommonJS program (TS1479).
 */
declare module 'simple-statistics' {
  /** Median of sorted values. */
  export function medianSorted(sorted: number[]): number
  /** Linear interpolation between order statistics (R's type 7), of sorted values. */
  export function quantileSorted(sorted: number[], p: number): number
  export function medianAbsoluteDeviation(values: number[]): number
  export function mean(values: number[]): number
  export function sampleStandardDeviation(values: number[]): number
}
