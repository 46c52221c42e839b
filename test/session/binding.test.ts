import { binding } from '../../lib/session/binding'
import { Tracer } from '../../lib/session/tracer'
import { assertNothingLeft, snapshot } from '../support/leaks'

const spec = {
  file: '/bin/true',
  argv: ['true'],
  env: '',
  cwd: null,
  stdio: [-1, -1, -1],
  openFiles: null,
  handOver: [],
} as const

test('a plan that does not decode starts nothing and says so', async () => {
  const before = snapshot()
  const native = new binding.NativeSession(spec, Buffer.from('no plan'), () => undefined)
  expect(native.started()).toBe(false)
  expect(() => new Tracer(spec, Buffer.alloc(0), {} as never)).toThrow('the stop plan does not decode')
  await assertNothingLeft(before)
})
