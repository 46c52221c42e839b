import { toJson } from '../../lib/export/json'
import { toJsonLines } from '../../lib/export/jsonl'
import { redactDocument, redactor } from '../../lib/export/redact'
import { fixtureTrace } from '../cli/fixture'

test('json is the trace', () => {
  const text = toJson(fixtureTrace())
  expect(JSON.parse(text)).toEqual(fixtureTrace())
  expect(text.endsWith('}\n')).toBe(true)
})

test('jsonl holds all of the trace, a record a line', () => {
  const trace = fixtureTrace({ syscalls: [{ tid: 1, name: 'read', args: ['0'], result: '0', atNs: 1, wallNs: 2 }] })
  const records = toJsonLines(trace)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string })
  const of = (wanted: string) => records.filter(({ type }) => type === wanted).map(({ type: _, ...rest }) => rest)
  const { execs, steps, stops, inits, threads, descendants, syscalls, ...head } = trace
  expect(of('trace')).toEqual([head])
  expect(of('exec')).toEqual(execs)
  expect(of('step')).toEqual(steps)
  expect(of('stop')).toEqual(stops)
  expect(of('init')).toEqual(inits)
  expect(of('thread')).toEqual(threads)
  expect(of('descendant')).toEqual(descendants)
  expect(of('syscall')).toEqual(syscalls)
})

test('redaction copies, reaches every depth, and takes all matches of a line', () => {
  const document = { a: ['x1', { b: 'x2 and x3' }], n: 1, nothing: null }
  expect(redactDocument(document, redactor(/x\d/))).toEqual({ a: ['***', { b: '*** and ***' }], n: 1, nothing: null })
  expect(document.a[0]).toBe('x1')
})

test('an expression that matches nothing hides nothing', () => {
  expect(redactor(/z*/)('abc')).toBe('abc')
})
