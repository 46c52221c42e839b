import fc from 'fast-check'
import type { SessionRecord } from '../../lib/session/records'
import { Clock, cut, type Instant } from '../../lib/trace/times'
import { BASE, common } from './fake'

const entry: SessionRecord = { ...common(-50, 50), ...BASE, kind: 'syscall-entry', realtimeNs: 0n }
const stop = (atNs: number, heldNs: number): SessionRecord => ({
  ...common(atNs, heldNs),
  kind: 'breakpoint',
  site: 0,
  accepted: true,
})

test('held time is left out, once where two threads were held together', () => {
  const clock = new Clock([entry, stop(100, 50), stop(120, 60), stop(500, 0)])
  expect(clock.effectiveNs(100)).toBe(100)
  expect(clock.effectiveNs(130)).toBe(100)
  expect(clock.effectiveNs(180)).toBe(100)
  expect(clock.effectiveNs(200)).toBe(120)
  expect(clock.effectiveNs(500)).toBe(420)
})

test('counters start at execve’s entry', () => {
  const record = stop(2_000, 10)
  expect(new Clock([entry, record]).at(record)).toEqual({ ns: 2_000, cpuNs: 2_000, minorFaults: 2, majorFaults: 0 })
})

test('effective time never runs backwards, nor faster than the clock', () => {
  const interval = fc.tuple(fc.nat(10_000), fc.nat(500))
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 30 }), fc.array(fc.nat(12_000)), (intervals, times) => {
      const clock = new Clock([entry, ...intervals.map(([at, held]) => stop(at, held))])
      const sorted = times.toSorted((a, b) => a - b)
      sorted.slice(1).forEach((time, at) => {
        const before = sorted[at] as number
        const passed = clock.effectiveNs(time) - clock.effectiveNs(before)
        expect(passed).toBeGreaterThanOrEqual(0)
        expect(passed).toBeLessThanOrEqual(time - before)
      })
    }),
  )
})

test('followed while records come, also late ones, it says what one of all records says', () => {
  const interval = fc.tuple(fc.nat(10_000), fc.nat(500))
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 30 }), fc.array(fc.nat(12_000)), (intervals, times) => {
      const records: SessionRecord[] = [entry]
      const clock = new Clock(records)
      let late = 0
      for (const [at, held] of intervals) {
        if (at < Math.max(...records.map(({ atNs }) => atNs))) late++
        records.push(stop(at, held))
        clock.follow()
      }
      expect(clock.epoch).toBe(late)
      const whole = new Clock([...records])
      for (const time of times) expect(clock.effectiveNs(time)).toBe(whole.effectiveNs(time))
    }),
  )
})

const instant = fc.record({
  ns: fc.nat(1e9),
  cpuNs: fc.nat(1e9),
  minorFaults: fc.nat(1e4),
  majorFaults: fc.nat(10),
})

test('the pieces of a run touch and sum to it, whatever was not seen', () => {
  fc.assert(
    fc.property(fc.array(fc.option(instant), { minLength: 1, maxLength: 17 }), instant, (starts, end) => {
      const spans = cut(starts, end)
      expect(spans).toHaveLength(starts.length)
      spans.forEach((span, at) => {
        for (const value of Object.values(span)) expect(value).toBeGreaterThanOrEqual(0)
        const next = spans[at + 1]
        if (next) expect(next.startNs).toBe(span.startNs + span.wallNs)
        if (!starts[at] && at < spans.length - 1) expect(span.wallNs).toBe(0)
      })
      const first = starts.find((start) => start !== null)
      const highest = (key: keyof Instant) => Math.max(...starts.map((start) => start?.[key] ?? 0), end[key])
      const sum = spans.reduce((total, { wallNs }) => total + wallNs, 0)
      expect(sum).toBe(first ? highest('ns') - first.ns : 0)
    }),
  )
})
