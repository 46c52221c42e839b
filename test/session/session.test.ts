import { launch, trace } from '../../lib/index'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, type Snapshot, snapshot, until } from '../support/leaks'
import { testUnless } from '../support/skip'

const withGo = testUnless(missingGo())
const hello = buildFixture('hello') as string
let before: Snapshot

beforeAll(async () => {
  if (missingGo() === null) await trace(hello)
})
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

withGo(
  'detach() before the target has come to execve lets it run to its end, fifty times over',
  async () => {
    for (let i = 0; i < 50; i++) {
      const session = launch(hello, { stdio: 'ignore' }).start()
      const end = new Promise((resolve) => session.on('exit', resolve))
      await session.detach()
      expect(await end).toEqual({ code: 0, signal: null })
    }
  },
  30_000,
)

withGo('a program that was set free and then ended has not failed', async () => {
  const session = launch(hello, { stdio: 'ignore' })
  for await (const stop of session) if (stop.name === 'runtime.schedinit') await session.detach()
  const made = await session.trace()
  expect(made).toMatchObject({ outcome: 'exited', exit: { code: 0, signal: null }, error: null })
  expect(made.steps[16]).toMatchObject({ status: 'not-reached', reason: 'the program was set free before' })
})

withGo('close() before the start keeps the target from ever being started', async () => {
  const session = launch(hello)
  await session.close()
  expect(() => session.start()).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  await expect(session[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  expect(session.pid).toBeNull()
})

withGo(
  'close() while the target is being started leaves nothing, fifty times over',
  async () => {
    for (let i = 0; i < 50; i++) await launch(hello).start().close()
  },
  30_000,
)

withGo('a symbol to stop at that the program does not have ends what was started', async () => {
  const session = launch(hello)
  session.stopAt('no.such')
  await expect(session[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'INVALID_OPTION' })
})

withGo('a closed session has no stop to give', async () => {
  const session = launch(hello).start()
  await until(
    () => session.pid,
    (pid) => pid !== null,
  )
  await session.close()
  for await (const stop of session) throw new Error(`a stop at ${stop.name}`)
})
