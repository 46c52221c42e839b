import { INTERRUPTED } from '../../lib/trace/stops'
import { stuckWhere } from '../../lib/trace/stuck'

const nowhere = { function: null, file: null, line: null, backtrace: [] }

test('the last stop that was reached is named, not that of the interruption', () => {
  const stops = ['execve', 'runtime.schedinit', INTERRUPTED].map((name) => ({ name }))
  expect(stuckWhere(nowhere, { stops })).toBe('it did not get past runtime.schedinit')
})

test('nothing was reached but the interruption', () => {
  expect(stuckWhere(nowhere, { stops: [{ name: INTERRUPTED }] })).toBe('it did not get past its start')
})
