import { decimal, heldFreeClock } from '../../lib/export/clock'
import { FORMATS } from '../../lib/export/index'
import { toMarkdown } from '../../lib/export/markdown'
import { toOpenMetrics } from '../../lib/export/openmetrics'
import { toOtlpJson } from '../../lib/export/otlp-json'
import { toPerfetto } from '../../lib/export/perfetto'
import type { Trace } from '../../lib/trace/types'
import { diedInInits, fixtureTrace } from '../cli/fixture'

const TEXT = { width: 80, color: false, lang: 'en', registers: false, maps: false } as const

test.each(Object.keys(FORMATS))('%s writes any trace, changes none, and ends its last line', (name) => {
  for (const trace of [fixtureTrace(), diedInInits()]) {
    const before = structuredClone(trace)
    expect(FORMATS[name]!.write(trace, TEXT)).toMatch(/\S\n$/)
    expect(trace).toEqual(before)
  }
})

describe('markdown', () => {
  test('of a trace', () => {
    expect(toMarkdown(fixtureTrace())).toMatchSnapshot()
  })

  test('a name cannot leave its cell or become markup', () => {
    const trace = fixtureTrace()
    trace.inits[0]!.package = 'a|b`c</details>\n<img src=x>'
    trace.steps[3]!.reason = '<script>*x*'
    const text = toMarkdown(trace)
    expect(text).toContain('`` a\\|b`c</details>\\n<img src=x> ``')
    expect(text).toContain('\\<script\\>\\*x\\*')
  })

  test('a failure is quoted, line by line', () => {
    const trace = diedInInits()
    trace.error!.message = 'first\nsecond'
    expect(toMarkdown(trace)).toContain('\n> first\n> second\n')
  })
})

describe('openmetrics', () => {
  const SAMPLE = /^[a-z_]+\{([a-z_]+="([^"\\\n]|\\[\\"n])*",?)*\} \d+(\.\d+)?$/

  test('of a trace', () => {
    expect(toOpenMetrics(fixtureTrace())).toMatchSnapshot()
  })

  test('every line is metadata or a sample, families are whole, and the end is marked', () => {
    const trace = fixtureTrace()
    trace.inits[0]!.package = 'a"b\\c\nd'
    const lines = toOpenMetrics(trace).split('\n')
    expect(lines.slice(-2)).toEqual(['# EOF', ''])
    const samples = lines.slice(0, -2).filter((line) => !line.startsWith('#'))
    expect(samples.filter((line) => !SAMPLE.test(line))).toEqual([])
    expect(samples.join('\n')).toContain('package="a\\"b\\\\c\\nd"')
    const families = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]!)
    expect(new Set(families).size).toBe(families.length)
    for (const unit of lines.filter((line) => line.startsWith('# UNIT'))) expect(unit).toMatch(/_seconds seconds$/)
  })

  test('the steps sum to the total, exactly', () => {
    const values = [...toOpenMetrics(fixtureTrace()).matchAll(/^premain_step_wall_seconds\{.*\} (.*)$/gm)]
    const sum = values.reduce((total, [, value]) => total + Math.round(Number(value) * 1e9), 0)
    expect(sum).toBe(fixtureTrace().totals.wallNs)
  })
})

describe('perfetto', () => {
  type Event = { name: string; ph: string; ts?: number; dur?: number; tid: number; cat?: string }
  const eventsOf = (trace: Trace): Event[] => JSON.parse(toPerfetto(trace)).traceEvents

  test('steps are slices on one track, in microseconds', () => {
    const steps = eventsOf(fixtureTrace()).filter(({ cat }) => cat === 'step')
    expect(steps).toHaveLength(16)
    expect(new Set(steps.map(({ tid }) => tid)).size).toBe(1)
    expect(steps.find(({ name }) => name === '6 rt0')).toMatchObject({ ph: 'X', ts: 415.7, dur: 21.75 })
  })

  test('every track that has events has a name', () => {
    const trace = fixtureTrace({
      syscalls: [{ tid: 4242, name: 'read', args: ['0'], result: '0', atNs: 1, wallNs: 2 }],
    })
    const events = eventsOf(trace)
    const named = new Set(events.filter(({ name }) => name === 'thread_name').map(({ tid }) => tid))
    expect(events.filter(({ tid, ph }) => ph !== 'M' && !named.has(tid))).toEqual([])
    expect(events.filter(({ cat }) => cat === 'syscall')).toHaveLength(1)
  })
})

describe('otlp-json', () => {
  type Span = {
    traceId: string
    spanId: string
    parentSpanId?: string
    name: string
    startTimeUnixNano: string
    endTimeUnixNano: string
    status?: { code: number }
  }
  const spansOf = (trace: Trace): Span[] => JSON.parse(toOtlpJson(trace)).resourceSpans[0].scopeSpans[0].spans

  test('ids are of the right size, unique, and every parent is there', () => {
    const spans = spansOf(fixtureTrace())
    const ids = new Set(spans.map(({ spanId }) => spanId))
    expect(ids.size).toBe(spans.length)
    for (const { traceId, spanId, parentSpanId } of spans) {
      expect([traceId, spanId]).toEqual([
        expect.stringMatching(/^[0-9a-f]{32}$/),
        expect.stringMatching(/^[0-9a-f]{16}$/),
      ])
      expect(parentSpanId === undefined || ids.has(parentSpanId)).toBe(true)
    }
  })

  test('times are Unix nanoseconds, as strings, to the nanosecond', () => {
    const spans = spansOf(fixtureTrace())
    expect(spans[0]).toMatchObject({
      startTimeUnixNano: `${Date.parse('2026-11-23T07:00:00.123Z')}000000`,
      status: { code: 1 },
    })
    const rt0 = spans.find(({ name }) => name === 'rt0')!
    expect(BigInt(rt0.endTimeUnixNano) - BigInt(rt0.startTimeUnixNano)).toBe(21_750n)
  })

  test('a program that died is an error, and the same trace has the same ids', () => {
    expect(spansOf(diedInInits())[0]!.status).toEqual({ code: 2, message: expect.stringContaining('exited') })
    expect(toOtlpJson(fixtureTrace())).toBe(toOtlpJson(fixtureTrace()))
  })
})

test('the held-free clock stands still while the target is held', () => {
  const trace = fixtureTrace()
  const [first] = trace.stops
  trace.stops = [
    { ...first!, kind: 'syscall-entry', atNs: 0, heldNs: 900 },
    { ...first!, kind: 'breakpoint', atNs: 100, heldNs: 50 },
    { ...first!, kind: 'thread', atNs: 120, heldNs: 60 },
    { ...first!, kind: 'breakpoint', atNs: 300, heldNs: 10 },
  ]
  expect([0, 50, 100, 110, 150, 180, 200, 300, 400].map(heldFreeClock(trace))).toEqual([
    0, 50, 100, 100, 100, 100, 120, 220, 310,
  ])
})

test('decimals are exact', () => {
  expect([0, 1, 1500, 21_750, 1_000_000_000, -5].map((ns) => decimal(ns, 9))).toEqual([
    '0',
    '0.000000001',
    '0.0000015',
    '0.00002175',
    '1',
    '-0.000000005',
  ])
})
