/**
 * The one place where durations, percentages and counts are read from and written for people. Inside, times are integer
 * nanoseconds.
 */
import { PremainError } from '../errors'

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5
  μs: 1e3, // U+03BC
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  min: 60e9,
  h: 3600e9,
}

/**
 * Reads a duration such as `5ms`, `1.5s` or `250µs` as integer nanoseconds. A bare `0` needs no unit.
 *
 * @param text digits with an optional fraction, then `ns`, `us`/`µs`, `ms`, `s`, `m`/`min` or `h`
 * @throws PremainError `INVALID_OPTION` for anything else, or beyond 2^53 ns
 */
export function parseDuration(text: string): number {
  // One character beyond Latin-1 in a bundle's text makes each of its characters take two bytes.
  const match = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-z\u00b5\u03bc]*)\s*$/.exec(text)
  const scale = match?.[2] === '' && Number(match[1]) === 0 ? 1 : NANOSECONDS[match?.[2] ?? '']
  const ns = match && scale ? Math.round(Number(match[1]) * scale) : Number.NaN
  if (!Number.isSafeInteger(ns)) {
    throw new PremainError('INVALID_OPTION', `not a duration: ${JSON.stringify(text)}`, {
      hint: 'Write a number and a unit: 500us, 5ms, 1.5s, 2m.',
    })
  }
  return ns
}

/** Reads a duration as milliseconds, the unit of Node's timers and of the `timeout` options; see {@link parseDuration}. */
export function parseMilliseconds(text: string): number {
  return parseDuration(text) / 1e6
}

/**
 * Reads a signed percentage such as `+10%` as a ratio (0.1), or returns null where the text is not one.
 */
export function parsePercent(text: string): number | null {
  const match = /^\s*([+-]\d+(?:\.\d+)?)\s*%\s*$/.exec(text)
  return match ? Number(match[1]) / 100 : null
}

/** Three significant digits, without an exponent and without trailing zeros after the point. */
function significant(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  const text = value.toFixed(Math.min(digits, 3))
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** Writes nanoseconds with the unit that suits their size and three significant digits: `1.23 ms`, `0 ns`, `-45 µs`. */
export function formatDuration(ns: number): string {
  if (ns === 0) return '0 ns'
  for (const [unit, scale] of [
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
  ] as const) {
    // 999.5 of a unit would print as 1000 of it: it belongs to the next.
    if (Math.abs(ns) >= scale * 0.9995) return `${significant(ns / scale)} ${unit}`
  }
  return `${significant(ns)} ns`
}

/** Writes a ratio as a signed percentage with one decimal: `+3.2 %`. */
export function formatPercent(ratio: number): string {
  const tenths = Math.round(ratio * 1000)
  return `${tenths < 0 ? '-' : '+'}${(Math.abs(tenths) / 10).toFixed(1)} %`
}

/** Writes a count; whole numbers as they are, others with one decimal. */
export function formatCount(count: number): string {
  return Number.isInteger(count) ? String(count) : count.toFixed(1)
}

/** Writes a value of a metric in its unit: times as {@link formatDuration}, faults as {@link formatCount}. */
export function formatValue(unit: 'ns' | 'count', value: number): string {
  return unit === 'ns' ? formatDuration(value) : formatCount(value)
}
