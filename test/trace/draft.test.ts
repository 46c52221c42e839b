import { planStops } from '../../lib/plan/plan'
import type { StopPlan } from '../../lib/plan/types'
import type { SessionRecord } from '../../lib/session/records'
import { type Assembly, assembleTrace, Draft } from '../../lib/trace/assemble'
import { fakeImage } from '../plan/fake'
import { assemblyOf, common, endRecord, wholeRun } from './fake'

const image = fakeImage()
const output = { stdout: 'out', stderr: '' }

function begun(records = wholeRun(image, planStops(image)).slice(0, -1)): {
  draft: Draft
  records: SessionRecord[]
  assembly: Assembly
} {
  const assembly = assemblyOf(image, records)
  const draft = new Draft(assembly)
  draft.follow()
  return { draft, records, assembly }
}

test('finished after the end it is what is made of all records at once', () => {
  const { draft, records, assembly } = begun()
  records.push(endRecord(9_000, { how: 'exited', status: 3, threads: 4 }))
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
    const { draft, records: known } = begun(records.slice(0, cut))
    known.push(...records.slice(cut, -1))
    draft.follow()
    known.push(records.at(-1) as SessionRecord)
    expect(draft.finish({ output })).toEqual(whole)
  }
})

test('is outdated when the target has executed something else', () => {
  const { draft, records } = begun()
  expect(draft.outdated(image)).toBe(false)
  const exec = records.find(({ kind }) => kind === 'exec') as SessionRecord
  records.push({ ...exec, planned: false } as SessionRecord)
  expect(draft.outdated(image)).toBe(true)
})

test('is outdated when more was planned', () => {
  const records = wholeRun(image, planStops(image)).slice(0, -1)
  const laterPlans: StopPlan[] = []
  const draft = new Draft({ ...assemblyOf(image, records), laterPlans })
  expect(draft.outdated(image)).toBe(false)
  laterPlans.push(planStops(image))
  expect(draft.outdated(image)).toBe(true)
})

test('takes in what came after the last stop, and that the run was ended from outside', () => {
  const { draft, records, assembly } = begun()
  records.push({ ...common(9_000), kind: 'signal', signal: 15 }, endRecord(9_100))
  const trace = draft.finish({ outcome: 'timeout' })
  expect(trace).toEqual(assembleTrace({ ...assembly, outcome: 'timeout' }))
  expect(trace).toMatchObject({
    outcome: 'timeout',
    stops: expect.arrayContaining([expect.objectContaining({ name: 'SIGTERM' })]),
  })
})

test('takes in an init that another thread came to beside the last stop', () => {
  const plan = planStops(image)
  const records = wholeRun(image, plan)
  const end = records.pop() as SessionRecord
  const isInit = (record: SessionRecord) => record.kind === 'breakpoint' && plan.sites[record.site]?.role === 'init'
  const [late] = records.splice(records.findLastIndex(isInit), 1) as [SessionRecord]
  const { draft, assembly } = begun(records)
  records.push({ ...late, atNs: 8_900 }, end)
  const trace = draft.finish({ output })
  expect(trace).toEqual(assembleTrace({ ...assembly, output }))
  expect(trace.inits).toHaveLength(plan.sites.filter(({ role }) => role === 'init').length)
})

test('takes in how long the last stop was held, and that the target was set free, once that is known', () => {
  const { draft, records, assembly } = begun()
  const last = records.at(-1) as SessionRecord
  last.heldNs += 1_000
  records.push({ ...common(8_900), kind: 'detached' }, endRecord(9_000, { how: 'exited', status: 0 }))
  const trace = draft.finish({ output })
  expect(trace).toEqual(assembleTrace({ ...assembly, output }))
  expect(trace.stops.at(-2)).toMatchObject({ name: 'main.main', heldNs: last.heldNs })
})

test('ended before the last stop it tells how', () => {
  const { draft, records, assembly } = begun(wholeRun(image, planStops(image)).slice(0, -2))
  records.push(endRecord(9_000, { how: 'exited', status: 1 }))
  const trace = draft.finish({})
  expect(trace).toEqual(assembleTrace(assembly))
  expect(trace).toMatchObject({ outcome: 'exited', exit: { code: 1 } })
})
