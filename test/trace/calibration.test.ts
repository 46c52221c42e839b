import type { SessionRecord } from '../../lib/session/records'
import { calibrate } from '../../lib/trace/calibration'

function stop(threadCpuNs: number, more: Partial<SessionRecord> = {}): SessionRecord {
  return { kind: 'breakpoint', tid: 1, crossedCores: false, threadCpuNs, ...more } as SessionRecord
}

test('the least CPU time between neighbouring stops is the cost of one', () => {
  expect(calibrate([stop(100), stop(2100), stop(3700), stop(9000)])).toEqual({
    sameCoreNs: 1600,
    crossCoreNs: 1600,
    eventNs: 1600,
  })
})

test('stops across cores are counted apart', () => {
  const records = [stop(0), stop(1600), stop(25_000, { crossedCores: true }), stop(27_000)]
  expect(calibrate(records)).toEqual({ sameCoreNs: 1600, crossCoreNs: 23_400, eventNs: 1600 })
})

test('other threads and other kinds of stops say nothing', () => {
  expect(calibrate([stop(0), stop(5, { tid: 2 }), stop(9, { kind: 'signal' } as never)])).toEqual({
    sameCoreNs: 0,
    crossCoreNs: 0,
    eventNs: 0,
  })
  expect(calibrate([])).toEqual({ sameCoreNs: 0, crossCoreNs: 0, eventNs: 0 })
})

test('a stop without a trap costs what lies between PTRACE_EVENT_EXEC and execve’s return, never more than a breakpoint', () => {
  const start = (ns: number) => [stop(0, { kind: 'exec' }), stop(ns, { kind: 'syscall-exit' })]
  const rest = [stop(9000), stop(11_000)]
  expect(calibrate([...start(1500), ...rest])).toMatchObject({ sameCoreNs: 2000, eventNs: 1500 })
  expect(calibrate([...start(2500), ...rest])).toMatchObject({ sameCoreNs: 2000, eventNs: 2000 })
})
