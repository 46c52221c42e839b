/** A target that somebody stops by SIGSTOP takes no wake-up: its tracer hears at once all the same. */
import { readFileSync } from 'node:fs'
import { launch } from '../../lib'
import { tsgo } from '../support/corpus'
import { processState, until } from '../support/leaks'

/** At most so long, in milliseconds: the tracer looks around every 10. */
const SOON = 700

const SIGSTOP_BIT = 1n << 18n

/** A target that runs on from its first stop into a SIGSTOP, and has taken it. */
async function stopped() {
  const session = launch(tsgo.file, ['--version'], { inits: false, run: true })
  const stops = session[Symbol.asyncIterator]()
  await stops.next()
  const pid = session.pid as number
  process.kill(pid, 'SIGSTOP')
  const rest = stops.next().catch((error) => error)
  const pending = () => BigInt(`0x${/^ShdPnd:\s+(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]}`)
  const taken = await until(
    () => (pending() & SIGSTOP_BIT) === 0n && processState(pid) === 't',
    (is) => is,
    5000,
  )
  expect(taken).toBe(true)
  return { session, pid, rest }
}

/** How long `work` took, in milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

test('detach() leaves it stopped, as it was, and SIGCONT sets it going', async () => {
  for (let i = 0; i < 10; i++) {
    const { session, pid, rest } = await stopped()
    expect(await timed(() => session.detach())).toBeLessThan(SOON)
    // On its way from the one stop to the other it is seen running, without a step of its own.
    const still = (state: string | null): boolean => state === 'T'
    expect(await until(() => processState(pid), still, 1000)).toBe('T')
    expect(readFileSync(`/proc/${pid}/status`, 'latin1')).toMatch(/^TracerPid:\t0$/m)
    process.kill(pid, 'SIGCONT')
    await rest
    const seen = await session.trace()
    expect(seen.exit).toEqual({ code: 0, signal: null })
  }
}, 30_000)

test('close() ends it at once', async () => {
  for (let i = 0; i < 10; i++) {
    const { session, pid, rest } = await stopped()
    expect(await timed(() => session.close())).toBeLessThan(SOON)
    expect(processState(pid)).toBeNull()
    await rest
  }
}, 30_000)
