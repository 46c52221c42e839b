/** Targets that misbehave. Each does before main what debuggers do not like, and never is there a hang. */
import { execFileSync, spawnSync } from 'node:child_process'
import { launch, type PremainError, type Trace, type TraceOptions, trace } from '../../lib/index'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, processState, type Snapshot, snapshot, until } from '../support/leaks'
import { missingCommand, testUnless } from '../support/skip'

const withC = testUnless(missingGo() ?? missingCommand('gcc'))
const LIMIT = 20_000

let before: Snapshot

function program(): string {
  return buildFixture('misbehave', { env: { CGO_ENABLED: '1' } }) as string
}

function environment(mode: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', MODE: mode }
}

function traceMode(mode: string, options: TraceOptions = {}): Promise<Trace> {
  return trace(program(), { env: environment(mode), timeout: LIMIT / 2, ...options })
}

async function failureOf(promise: Promise<unknown>): Promise<PremainError> {
  return promise.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error as PremainError,
  )
}

beforeAll(async () => {
  if (missingGo() ?? missingCommand('gcc')) return
  await traceMode('none')
  spawnSync('true')
}, 120_000)
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

/** What ends as it would untraced, and comes to main. */
const HARMLESS = {
  none: 'nothing',
  int3: 'its own int3, for a handler of its own',
  sigtrap: 'SIGTRAPs that it sends to itself',
  threads: 'a thousand threads that come and go',
  forks: 'a hundred forked children',
  vforks: 'vfork children that execute, and that do not',
  mixed: 'forks and vforks by eight threads at once',
  exec: 'execve by a thread that is not the leader',
  'zombie-exec': 'execve beside a leader that has ended',
  traceme: 'PTRACE_TRACEME',
  close: 'closing every descriptor',
}

describe.each(Object.entries(HARMLESS))('%s: %s', (mode) => {
  withC(
    'is traced to main.main',
    async () => {
      const seen = await traceMode(mode)
      expect(seen.outcome).toBe('reached-main')
      expect(seen.output.stdout).not.toContain('hello from main')
      expect(seen.steps.filter(({ status }) => status === 'missed')).toEqual([])
    },
    LIMIT,
  )

  withC(
    'runs on as it would untraced',
    async () => {
      const untraced = execFileSync(program(), { env: environment(mode), encoding: 'utf8', timeout: LIMIT })
      for (let i = 0; i < 5; i++) {
        const seen = await traceMode(mode, { run: true })
        expect(seen.exit).toEqual({ code: 0, signal: null })
        expect(seen.output.stdout).toBe(untraced)
      }
    },
    LIMIT,
  )

  withC(
    'is held at every stop by launch()',
    async () => {
      const session = launch(program(), { env: environment(mode), timeout: LIMIT / 2 })
      const names: string[] = []
      for await (const stop of session) names.push(stop.name)
      expect(names.at(-1)).toBe('main.main')
    },
    LIMIT,
  )
})

/** What does not come to main, whoever looks on. */
const MORTAL = {
  'zombie-exit': { code: 5, signal: null },
  exit: { code: 5, signal: null },
  kill: { code: null, signal: 'SIGKILL' },
  orphan: { code: 5, signal: null },
}

describe.each(Object.entries(MORTAL))('%s', (mode, exit) => {
  withC(
    'ends before main, and nothing waits for it',
    async () => {
      for (let i = 0; i < 10; i++) {
        const error = await failureOf(traceMode(mode, { run: i % 2 === 0 }))
        expect(error.code).toBe('EXITED_BEFORE_MAIN')
        expect((error.trace as Trace).exit).toEqual(exit)
      }
      const error = await failureOf(
        (async () => {
          for await (const _ of launch(program(), { env: environment(mode), timeout: LIMIT / 2 })) void 0
        })(),
      )
      expect(error.code).toBe('EXITED_BEFORE_MAIN')
    },
    LIMIT,
  )
})

withC(
  'a target that fills its pipe does not block, and its last 64 KB are kept',
  async () => {
    const seen = await traceMode('fill', { run: true })
    expect(seen.exit?.code).toBe(0)
    expect(Buffer.byteLength(seen.output.stdout)).toBe(65536)
    expect(seen.output.stdout).toMatch(/^x+\nlast words 512\nhello from main\n$/)
  },
  LIMIT,
)

withC(
  'a child that would trace its parent is refused, as it has a tracer',
  async () => {
    expect((await traceMode('attach')).outcome).toBe('reached-main')
  },
  LIMIT,
)

describe('a target that stops itself', () => {
  withC(
    'goes on when somebody sends SIGCONT',
    async () => {
      const session = launch(program(), { env: environment('stop'), timeout: LIMIT / 2, inits: false })
      session.start()
      let reached = false
      const walk = (async () => {
        for await (const stop of session) if (stop.name === 'main.main') reached = true
      })()
      // One SIGCONT may come before the stop: they are sent until main.main is reached.
      await until(
        () => {
          if (session.pid !== null && !reached) process.kill(session.pid, 'SIGCONT')
          return reached
        },
        (done) => done,
        LIMIT,
      )
      await walk
      expect(reached).toBe(true)
    },
    LIMIT,
  )

  withC(
    'is ended at its timeout, and by an abort',
    async () => {
      const late = await failureOf(traceMode('stop', { timeout: 300 }))
      expect(late.code).toBe('TIMEOUT')
      const aborter = new AbortController()
      const running = failureOf(traceMode('stop', { signal: aborter.signal }))
      setTimeout(() => aborter.abort(), 300)
      expect((await running).code).toBe('ABORTED')
    },
    LIMIT,
  )
})

withC(
  'killed by others at every stop',
  async () => {
    const names: string[] = []
    for await (const stop of launch(program(), { env: environment('none'), inits: false })) names.push(stop.name)
    expect(names.length).toBeGreaterThan(15)
    for (let at = 0; at < names.length; at++) {
      const session = launch(program(), { env: environment('none'), inits: false, timeout: LIMIT / 2 })
      let seen = 0
      const walk = (async () => {
        for await (const _ of session) if (seen++ === at) process.kill(session.pid as number, 'SIGKILL')
      })()
      // At main.main itself it has come as far as it was to come.
      if (at === names.length - 1) await walk
      else expect((await failureOf(walk)).message).toContain('SIGKILL')
      expect(processState(session.pid as number)).toBeNull()
    }
  },
  60_000,
)
