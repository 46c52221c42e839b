import { planStops } from '../../lib/plan/plan'
import type { SessionRecord } from '../../lib/session/records'
import { type Assembly, assembleTrace, Draft } from '../../lib/trace/assemble'
import { fakeImage } from '../plan/fake'
import { assemblyOf, common, endRecord, wholeRun } from './fake'

const image = fakeImage()
const output = { stdout: 'out', stderr: '' }

function settled(assembly: Assembly): Draft {
  const draft = new Draft(assembly)
  draft.settle()
  return draft
}

function begun(): { draft: Draft; records: SessionRecord[]; assembly: Assembly } {
  const records = wholeRun(image, planStops(image)).slice(0, -1)
  const assembly = assemblyOf(image, records)
  return { draft: settled(assembly), records, assembly }
}

test('finished after the end it is what is made of all records at once', () => {
  const { draft, records, assembly } = begun()
  records.push(endRecord(9_000, { how: 'exited', status: 3, threads: 4 }))
  expect(draft.holds({ output })).toBe(true)
  const trace = draft.finish({ output })
  expect(trace).toEqual(assembleTrace({ ...assembly, output }))
  expect(trace).toMatchObject({ exit: { code: 3, signal: null }, totals: { threads: 4 }, output })
  expect(trace.stops.at(-1)).toMatchObject({ kind: 'exit', name: 'exit 3' })
})

test('followed from its exec on, wherever the records are cut, it is the same', () => {
  const records = wholeRun(image, planStops(image))
  const whole = assembleTrace({ ...assemblyOf(image, records), output })
  const exec = records.findIndex(({ kind }) => kind === 'exec')
  for (let cut = exec + 1; cut < records.length; cut++) {
    const known = records.slice(0, cut)
    const assembly = assemblyOf(image, known)
    const draft = new Draft(assembly)
    draft.follow()
    known.push(...records.slice(cut, -1))
    draft.follow()
    draft.settle()
    known.push(records.at(-1) as SessionRecord)
    expect(draft.holds({ output })).toBe(true)
    expect(draft.finish({ output })).toEqual(whole)
  }
})

test('does not hold when the target has executed something else', () => {
  const { draft, records } = begun()
  const exec = records.find(({ kind }) => kind === 'exec') as SessionRecord
  records.push({ ...exec, planned: false } as SessionRecord)
  draft.settle()
  records.push(endRecord(9_000))
  expect(draft.holds({})).toBe(false)
})

test('does not hold once anything but the end came, or the run was ended from outside', () => {
  const { draft, records } = begun()
  expect(draft.holds({ outcome: 'timeout' })).toBe(false)
  records.push({ ...common(9_000), kind: 'signal', signal: 15 }, endRecord(9_100))
  expect(draft.holds({})).toBe(false)
})

test('takes in how long the last stop was held, and that the target was set free, once that is known', () => {
  const { draft, records, assembly } = begun()
  const last = records.at(-1) as SessionRecord
  last.heldNs += 1_000
  records.push({ ...common(8_900), kind: 'detached' }, endRecord(9_000, { how: 'exited', status: 0 }))
  expect(draft.holds({ output })).toBe(true)
  const trace = draft.finish({ output })
  expect(trace).toEqual(assembleTrace({ ...assembly, output }))
  expect(trace.stops.at(-2)).toMatchObject({ name: 'main.main', heldNs: last.heldNs })
})

test('does not hold before the last stop', () => {
  const records = wholeRun(image, planStops(image)).slice(0, -2)
  const draft = settled(assemblyOf(image, records))
  records.push(endRecord(9_000, { how: 'exited', status: 1 }))
  expect(draft.holds({})).toBe(false)
})
