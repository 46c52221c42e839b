import { exitCodeOf } from '../../lib/cli/exit-codes'
import { type ErrorCode, PremainError } from '../../lib/errors'
import type { Trace } from '../../lib/trace/types'
import { schemaFaults } from '../support/schema'
import { type Fake, premain } from './fake'
import { diedInInits, fixtureTrace } from './fixture'

/** Code, exit code, exit code with --run. */
const TABLE: [ErrorCode, number, number][] = [
  ['NOT_FOUND', 3, 127],
  ['INTERPRETER_MISSING', 3, 127],
  ['NOT_EXECUTABLE', 3, 126],
  ['WRONG_ARCH', 3, 126],
  ['NOT_ELF', 3, 126],
  ['EXEC_FAILED', 3, 126],
  ['MALFORMED_ELF', 3, 125],
  ['PTRACE_DENIED', 3, 125],
  ['UNSUPPORTED', 3, 125],
  ['EXITED_BEFORE_MAIN', 4, 4],
  ['TIMEOUT', 124, 124],
  ['ABORTED', 130, 130],
  ['INVALID_OPTION', 2, 2],
]

function failing(error: unknown, trace?: Trace): Fake {
  return {
    trace: () => {
      throw trace ? Object.assign(error as PremainError, { trace }) : error
    },
  }
}

describe.each(TABLE)('%s', (code, plain, run) => {
  const error = () => new PremainError(code, 'it failed', { hint: 'do better', errno: 'EX' })

  test(`exits with ${plain}, with --run ${run}`, async () => {
    expect((await premain(['hello'], failing(error()))).code).toBe(plain)
    expect((await premain(['--run', 'hello'], failing(error()))).code).toBe(run)
  })

  test('says why, and what to do', async () => {
    const { stdout, stderr } = await premain(['hello'], failing(error()))
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: 'premain: it failed\nhint: do better\n' })
  })

  test('has its document with --json', async () => {
    const { code: exit, stdout } = await premain(['--json', 'hello', 'x'], failing(error()))
    const document = JSON.parse(stdout) as Trace
    expect(exit).toBe(plain)
    expect(schemaFaults(document)).toEqual([])
    expect(document.error).toEqual({ code, message: 'it failed', hint: 'do better', errno: 'EX', syscall: null })
    expect(document.target).toMatchObject({ path: 'hello', argv: ['hello', 'x'] })
    expect(document.steps.map(({ index, status }) => [index, status])).toEqual(
      Array.from({ length: 17 }, (_, at) => [at + 1, 'not-reached']),
    )
  })
})

test('a failure of premain itself says so and is no broken budget', async () => {
  const { code, stdout, stderr } = await premain(['--json', 'hello'], failing(new TypeError('x is not a function')))
  expect(code).toBe(3)
  expect(stderr).toContain('internal error')
  expect(JSON.parse(stdout).error).toMatchObject({ code: 'INTERNAL', message: 'x is not a function' })
  expect(exitCodeOf(new TypeError('x'), true)).toBe(125)
})

describe('a program that ended before main', () => {
  const died = () => failing(new PremainError('EXITED_BEFORE_MAIN', diedInInits().error!.message), diedInInits())

  test('shows how far it came, and its panic', async () => {
    const { code, stdout } = await premain(['hello'], died())
    expect(code).toBe(4)
    expect(stdout).toContain('ended before main.main, exit code 2, in step 16, inits')
    expect(stdout).toContain('panic: no configuration')
  })

  test('with --run, its exit code is premain’s', async () => {
    expect((await premain(['--run', 'hello'], died())).code).toBe(2)
  })

  test('--json: the partial trace, with its error', async () => {
    const { stdout } = await premain(['--json', 'hello'], died())
    expect(JSON.parse(stdout)).toMatchObject({ ...diedInInits(), steps: expect.any(Array) })
  })
})

describe('with --run the program’s own exit', () => {
  test.each([
    [{ code: 0, signal: null }, 0],
    [{ code: 42, signal: null }, 42],
    [{ code: null, signal: 'SIGSEGV' }, 139],
    [{ code: null, signal: 'SIGTERM' }, 143],
  ])('%j is %d', async (exit, code) => {
    expect((await premain(['--run', 'hello'], { trace: () => fixtureTrace({ exit }) })).code).toBe(code)
  })
})

describe('interrupts', () => {
  const untilAborted: Fake['trace'] = (_file, _args, { signal }) =>
    new Promise((_resolve, reject) => {
      const abort = () => reject(new PremainError('ABORTED', 'aborted', { cause: signal!.reason }))
      if (signal!.aborted) abort()
      signal!.addEventListener('abort', abort)
    })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s aborts the trace: %d', async (signal, code) => {
    const fake: Fake = { trace: untilAborted, onListening: (interrupt) => interrupt(signal) }
    const result = await premain(['--json', 'hello'], fake)
    expect(result.code).toBe(code)
    expect(result.stderr).toMatch(new RegExp(`^premain: interrupted by ${signal}\nhint: .*--until.*\n$`))
    const error = { code: 'ABORTED', message: `interrupted by ${signal}`, hint: expect.any(String) }
    expect(JSON.parse(result.stdout)).toMatchObject({ error })
  })

  test('the target died of the keyboard’s interrupt before the abort did: still 130', async () => {
    const dies = failing(new PremainError('EXITED_BEFORE_MAIN', 'killed by SIGINT'), diedInInits())
    const result = await premain(['--json', 'hello'], { ...dies, onListening: (interrupt) => interrupt('SIGINT') })
    expect(result.code).toBe(130)
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { message: 'interrupted by SIGINT' } })
  })

  test('with --run at a keyboard, the first interrupt is the program’s, the second premain’s', async () => {
    const once = await premain(['--run', 'hello'], {
      interactive: true,
      trace: () => fixtureTrace({ exit: { code: 7, signal: null } }),
      onListening: (interrupt) => interrupt('SIGINT'),
    })
    expect(once.code).toBe(7)
    const twice = await premain(['--run', 'hello'], {
      interactive: true,
      trace: untilAborted,
      onListening: (interrupt) => {
        interrupt('SIGINT')
        interrupt('SIGINT')
      },
    })
    expect(twice.code).toBe(130)
  })
})
