/** What launches one after another share, and what they must not. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Launcher } from '../../lib/measure/launcher'
import type { RunOptions } from '../../lib/measure/options'
import { measure } from '../../lib/measure/programs'
import { STEPS } from '../../lib/plan/catalogue'
import { SharedPipe } from '../../lib/session/stdio'
import { trace } from '../../lib/trace/trace'
import { tsgo } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, snapshot } from '../support/leaks'
import { testUnless } from '../support/skip'

const withGo = testUnless(missingGo())
const options: RunOptions = { until: 'main', inits: true, only: false, registers: false, maps: false, timeout: 0 }

let before: ReturnType<typeof snapshot>
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

test('a launch without evidence has the steps, inits and stops of a trace', async () => {
  const launcher = new Launcher()
  const figures = await launcher.runOnce(tsgo.file, ['--version'], options)
  launcher.close()
  const full = await trace(tsgo.file, ['--version'], { registers: false, maps: false })
  expect(figures.steps.map(({ status }) => status)).toEqual(full.steps.map(({ status }) => status))
  expect(figures.steps).toHaveLength(STEPS.length)
  expect(figures.inits.map((init) => [init.function, init.line])).toEqual(
    full.inits.map((init) => [init.function, init.line]),
  )
  expect({ ...figures.target, stdio: null }).toEqual({ ...full.target, stdio: null })
  expect(figures.target.stdio).toEqual(full.target.stdio)
  expect(figures).toMatchObject({ outcome: 'reached-main', exit: null, host: full.host, execs: full.execs })
  expect(figures.steps.reduce((sum, step) => sum + step.wallNs, 0)).toBe(figures.totals.wallNs)
  expect(figures.totals.cpuCorrectedNs).toBeLessThan(figures.totals.cpuNs)
  expect(figures.overhead.heldNs).toBeGreaterThan(0)
  expect(figures.totals.threads).toBeGreaterThan(1)
})

test('each launch has its own output only', async () => {
  const launcher = new Launcher()
  const env = { GODEBUG: 'inittrace=1' }
  try {
    for (let launch = 0; launch < 3; launch++) {
      const { output } = await launcher.runOnce(tsgo.file, [], { ...options, env })
      expect(output.stderr.match(/^init time @/gm)).toHaveLength(1)
      expect(output.stdout).toBe('')
    }
  } finally {
    launcher.close()
  }
})

test('what outgrows a shared pipe does not block its writer; the last of it is kept', async () => {
  const pipe = new SharedPipe()
  for (const letter of ['a', 'b']) {
    const script = `head -c 200000 /dev/zero | tr '\\0' ${letter}; printf end`
    const child = spawn('sh', ['-c', script], { stdio: ['ignore', pipe.fd, 'inherit'] })
    await once(child, 'exit')
    expect(pipe.take()).toBe(`${letter.repeat(65533)}end`)
    expect(pipe.take()).toBe('')
  }
  pipe.close()
})

test('who writes for ever does not keep a shared pipe from being taken', async () => {
  const pipe = new SharedPipe()
  const writers = [1, 2, 3].map(() => spawn('yes', { stdio: ['ignore', pipe.fd, 'inherit'] }))
  await Promise.all(writers.map((writer) => once(writer, 'spawn')))
  for (let taken = 0; taken < 20; ) taken += pipe.take() === '' ? 0 : 1
  for (const writer of writers) writer.kill()
  await Promise.all(writers.map((writer) => once(writer, 'exit')))
  pipe.close()
})

withGo('a launch that fails is told by its own words', async () => {
  const program = buildFixture('panic') as string
  const { launches, counted } = await measure(program, { runs: 3, warmup: 0, faultRuns: 0 })
  expect(counted).toEqual({ ok: 0, failed: 3 })
  for (const { error, outcome, exit } of launches) {
    expect({ outcome, exit }).toEqual({ outcome: 'exited', exit: { code: 2, signal: null } })
    expect(error?.message.match(/panic: no luck in init/g)).toHaveLength(1)
  }
})
