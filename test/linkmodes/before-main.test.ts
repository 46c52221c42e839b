/** Programs that do things before main: they behave as without us, and the trace says what they did. */
import { type PremainError, type Trace, trace } from '../../lib/index'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, type Snapshot, snapshot } from '../support/leaks'
import { missingCommand, testUnless } from '../support/skip'

const withGo = testUnless(missingGo())
let before: Snapshot
beforeAll(async () => {
  if (missingGo() === null) await trace(habits())
}, 300_000)
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

function habits(options = {}): string {
  return buildFixture('habits', options) as string
}

async function failureOf(promise: Promise<Trace>): Promise<PremainError & { trace: Trace }> {
  return promise.then(
    (seen) => {
      throw new Error(`it did not fail: ${seen.outcome}`)
    },
    (error) => error,
  )
}

function signals(seen: Trace): string[] {
  return seen.stops.filter(({ kind, name }) => kind === 'signal' && name !== 'SIGURG').map(({ name }) => name)
}

describe('comes to main.main', () => {
  const habitsThatEnd = [
    ...['handlers', 'closes', 'blocks', 'traceme', 'undumpable', 'threads', 'collects', 'listens', 'deep', 'command'],
    'recovers',
  ]
  for (const habit of habitsThatEnd) {
    withGo(habit, async () => {
      const seen = await trace(habits(), [habit], { timeout: 20_000 })
      expect(seen.outcome).toBe('reached-main')
      expect(seen.steps.filter(({ status }) => status === 'missed' || status === 'not-reached')).toEqual([])
      expect(seen.steps.flatMap(({ evidence }) => evidence.failures ?? [])).toEqual([])
    })
  }

  withGo('and with run the program does what it does alone', async () => {
    for (const habit of ['handlers', 'traceme', 'undumpable', 'threads', 'recovers', 'command']) {
      const seen = await trace(habits(), [habit], { timeout: 20_000, run: true })
      expect([habit, seen.exit, seen.output.stdout]).toEqual([habit, { code: 0, signal: null }, 'main was reached\n'])
    }
  })

  testUnless(missingGo() ?? (process.getuid?.() === 0 ? null : 'only root can give up its identity'))(
    'under another identity',
    async () => {
      expect((await trace(habits(), ['unprivilege'], { timeout: 20_000 })).outcome).toBe('reached-main')
    },
  )
})

describe('signals of its own', () => {
  withGo('SIGTRAP that it sends itself arrives', async () => {
    const seen = await trace(habits(), ['sigtrap'], { timeout: 20_000 })
    expect(seen.outcome).toBe('reached-main')
    expect(signals(seen)).toEqual(['SIGTRAP'])
  })

  withGo('int3 of its own is not one of ours', async () => {
    const failure = await failureOf(trace(habits(), ['breakpoint'], { timeout: 20_000 }))
    expect(failure.code).toBe('EXITED_BEFORE_MAIN')
    expect(failure.message).toMatch(/SIGTRAP: trace trap/)
    expect(failure.trace.exit).toEqual({ code: 2, signal: null })
  })

  withGo('stopped by itself, woken by its child', async () => {
    const seen = await trace(habits(), ['stops'], { timeout: 20_000 })
    expect(seen.outcome).toBe('reached-main')
    // It stands still until SIGCONT, which any of its threads may take: perhaps only when main has been reached.
    expect(signals(seen)).toContain('SIGSTOP')
  })
})

describe('another image', () => {
  withGo('of another language: its entry point', async () => {
    const seen = await trace(habits(), ['execs'], { timeout: 20_000 })
    expect(seen.outcome).toBe('reached-entry')
    expect(seen.execs).toHaveLength(2)
    expect(seen.target.go).toBeNull()
  })

  withGo('executed by another thread than the first', async () => {
    const seen = await trace(habits(), ['threadexec'], { timeout: 20_000 })
    expect(seen.outcome).toBe('reached-main')
    expect(seen.execs).toHaveLength(2)
  })
})

describe('an init that never ends is named', () => {
  const places: [habit: string, frame: string][] = [
    ['spin', 'main.spin'],
    ['clock', 'main.watchClock'],
    ['handler', 'main.hangInHandler'],
    ['sleep', 'time.Sleep'],
    ['read', 'main.readForEver'],
    ['mutex', 'main.lockTwice'],
    ['connect', 'main.acceptForEver'],
    ['child', 'main.waitForChild'],
  ]
  for (const [habit, frame] of places) {
    withGo(habit, async () => {
      const failure = await failureOf(trace(habits(), [habit], { timeout: 500 }))
      expect(failure.code).toBe('TIMEOUT')
      expect(failure.message).toMatch(/main\.init\.0 \(.*habits\/main\.go:\d+\) has not returned/)
      const { stuck } = failure.trace
      expect(stuck?.function).toBe('main.init.0')
      const names = stuck?.backtrace.map((one) => one.function)
      expect(names).toContain(frame)
      const whole = stuck?.backtrace.filter(({ inlined }) => !inlined).map((one) => one.function)
      expect(whole?.slice(-4)).toEqual([
        'main.init.0',
        expect.stringMatching(/^runtime\.doInit/),
        'runtime.main',
        'runtime.goexit',
      ])
      expect(failure.hint).toContain(frame)
    })
  }

  for (const toolchain of ['1.21.13', '1.23.12', '1.25.4', '1.27.0']) {
    testUnless(missingGo(toolchain))(
      `parked, Go ${toolchain}, stripped PIE`,
      async () => {
        const file = buildFixture('stuck', { toolchain, flags: ['-buildmode=pie', '-ldflags=-s -w'] }) as string
        const { trace: seen } = await failureOf(trace(file, { timeout: 1500 }))
        const names = seen.stuck?.backtrace.map((one) => one.function)
        expect(names?.slice(0, 3)).toEqual(['runtime.gopark', 'runtime.selectgo', 'main.init.0'])
        expect(names?.at(-1)).toBe('runtime.goexit')
      },
      300_000,
    )
  }

  testUnless(missingGo() ?? missingCommand('gcc'))(
    'in C',
    async () => {
      const { trace: seen } = await failureOf(
        trace(buildFixture('stuckc', { env: { CGO_ENABLED: '1' } }) as string, { timeout: 500 }),
      )
      expect(seen.stuck?.function).toBe('main.init.0')
      expect(seen.stuck?.backtrace.map((one) => one.function)).toContain('runtime.cgocall')
    },
    300_000,
  )

  testUnless(missingGo())('even where init functions are not stopped at', async () => {
    const { trace: seen } = await failureOf(trace(habits(), ['sleep'], { timeout: 500, inits: false }))
    expect(seen.stuck?.function).toBe('main.init.0')
  })
})
