import { PremainError } from '../../lib/errors'
import { measureWith } from '../../lib/measure/measure'
import type { MeasureOptions } from '../../lib/measure/options'
import type { Measurement } from '../../lib/measure/types'
import { formatDuration, parseDuration } from '../../lib/measure/units'
import { extend, matchers } from '../../lib/testing/jest'
import type { Trace } from '../../lib/trace/types'
import { type FakeOptions, fakeTrace, fakeWorld } from '../measure/fake'

/** The public API over made-up programs: a path's name says how it starts. */
const mockStarted: { file: string; args: readonly string[]; options: MeasureOptions }[] = []
const mockPrograms: Record<string, FakeOptions> = {
  './steady': {},
  './noisy': { noise: 0.5 },
  './dead': { failing: () => true },
}
const mockApi = {
  PremainError,
  parseDuration,
  formatDuration,
  trace: (file: string, args: readonly string[], options: MeasureOptions) => {
    mockStarted.push({ file, args, options })
    const fake = mockPrograms[file]
    if (!fake) return Promise.reject(new PremainError('NOT_FOUND', `${file}: no such program`))
    return fakeWorld(fake).runOnce(file, args, {
      until: 'main',
      inits: true,
      only: false,
      registers: false,
      maps: false,
      timeout: 0,
    })
  },
  measure: (file: string, args: readonly string[], options: MeasureOptions) => {
    mockStarted.push({ file, args, options })
    return measureWith(fakeWorld(mockPrograms[file]), { file, args }, options)
  },
}
// biome-ignore lint/correctness/noUndeclaredVariables: one of Jest's globals.
jest.mock('../../lib/index', () => mockApi, { virtual: true })

function measured(fake: FakeOptions = {}, options: MeasureOptions = {}): Promise<Measurement> {
  return measureWith(fakeWorld(fake), { file: '/bin/fake', args: [] }, { runs: 20, ...options })
}

/** What the matcher says when it fails. */
async function failure(assertion: Promise<void>): Promise<string> {
  return assertion.then(
    () => {
      throw new Error('the matcher did not fail')
    },
    (error: Error) => error.message,
  )
}

beforeEach(() => mockStarted.splice(0))

it('importing premain/jest has added the matchers to the global expect', () => {
  expect(Object.keys(matchers)).toEqual([
    'toReachMainWithin',
    'toReachMain',
    'toHaveInit',
    'toMatchLoadSnapshot',
    'toInitBefore',
  ])
})

describe('toReachMainWithin', () => {
  it('passes when the whole interval of the median is within the budget', async () => {
    await expect(await measured()).toReachMainWithin('5ms')
    await expect(await measured()).toReachMainWithin('1.5ms', { clock: 'cpu' })
    await expect(await measured()).not.toReachMainWithin('900us')
  })

  it('says what it saw when it fails', async () => {
    const message = await failure(expect(await measured()).toReachMainWithin('1ms'))
    expect(message).toContain('expected /bin/fake to reach main within 1ms')
    expect(message).toMatch(/20 runs, wall time: median 1\.\d+ ms, MAD/)
    expect(message).toMatch(/1\.\d+ ms \|[ ▁-█]{20}\| 1\.\d+ ms/)
    expect(message).not.toContain('inconclusive')
  })

  it('an interval that holds the budget is inconclusive, whichever way it is asked', async () => {
    const measurement = await measured({ noise: 0.5 })
    const budget = `${Math.round(measurement.totals.wallNs.median!)}ns`
    expect(await failure(expect(measurement).toReachMainWithin(budget))).toMatch(/inconclusive, the interval holds/)
    expect(await failure(expect(measurement).not.toReachMainWithin(budget))).toMatch(/inconclusive, the interval holds/)
    const few = await measured({}, { runs: 3 })
    expect(await failure(expect(few).toReachMainWithin('1s'))).toMatch(/inconclusive, too few runs/)
  })

  it('measures a program given by its path', async () => {
    await expect('./steady').toReachMainWithin('5ms', { clock: 'cpu', args: ['-v'], cwd: '/tmp', env: { A: 'b' } })
    expect(mockStarted).toEqual([
      {
        file: './steady',
        args: ['-v'],
        options: { runs: 20, clock: 'cpu', timeout: 10_000, cwd: '/tmp', env: { A: 'b' } },
      },
    ])
    await expect('./steady').toReachMainWithin('5ms', { runs: 7, timeout: 50 })
    expect(mockStarted[1]!.options).toEqual({ runs: 7, clock: 'wall', timeout: 50 })
  })

  it('judges a trace as one run', async () => {
    const trace = fakeTrace({ noise: 0 })
    await expect(trace).toReachMainWithin('1175us')
    await expect(trace).not.toReachMainWithin('1174us')
    expect(await failure(expect(trace).toReachMainWithin('1ms'))).toContain('this one run took 1.18 ms')
    await expect(trace).toReachMainWithin('1.1ms', { clock: 'cpu' })
  })

  it('a program that never comes to main is not within any budget', async () => {
    expect(await failure(expect('./dead').toReachMainWithin('1h'))).toContain('it never reached main')
    const trace: Trace = { ...fakeTrace(), outcome: 'exited' }
    expect(await failure(expect(trace).toReachMainWithin('1h'))).toContain('it came to main, outcome exited')
    const some = await measured({ failing: (launch) => launch > 15 })
    expect(await failure(expect(some).toReachMainWithin('1us'))).toContain('of 20 launches did not reach main')
    await expect(some).not.toReachMainWithin('1us')
    for (const expected of [expect(some), expect(some).not]) {
      expect(await failure(expected.toReachMainWithin('1h'))).toContain('not every launch reached main')
    }
  })

  it('what was not measured to main says nothing of it', async () => {
    const until = await measured({ outcome: 'reached-until' }, { until: 'schedinit' })
    expect(await failure(expect(until).toReachMainWithin('1h'))).toContain('launches were to end at schedinit')
    expect(await failure(expect(until).toReachMain())).toContain('0 launches did, 20 did not')
    const entry = await measured({ outcome: 'reached-entry' })
    expect(await failure(expect(entry).toReachMainWithin('1h'))).toContain('no main.main')
    const bold = await measured({}, { level: 0.5 })
    expect(await failure(expect(bold).toReachMainWithin('1h'))).toContain('intervals are of 50 %')
  })

  it('refuses options of another name', async () => {
    expect(await failure(expect('./steady').toReachMainWithin('1s', { clcok: 'cpu' } as never))).toContain('"clcok"')
    expect(await failure(expect('./steady').toReachMainWithin('1s', { clock: 'foo' } as never))).toContain('clock')
    expect(await failure(expect('./steady').toHaveInit('a', { runs: 3 } as never))).toContain('"runs"')
    expect(await failure(expect(await measured()).toReachMainWithin('1s', { clok: 'cpu' } as never))).toContain(
      '"clok"',
    )
  })

  it('refuses a budget that is none, and a value that is none', async () => {
    await expect(failure(expect('./steady').toReachMainWithin('5'))).resolves.toContain('not a duration')
    expect(await failure(expect(42).toReachMainWithin('5ms'))).toContain('expected the path of a program')
  })
})

describe('toReachMain', () => {
  it('takes a path, a trace or a measurement', async () => {
    await expect('./steady').toReachMain()
    await expect('./dead').not.toReachMain()
    await expect(fakeTrace()).toReachMain()
    await expect(await measured()).toReachMain()
    await expect(await measured({ failing: () => true })).not.toReachMain()
  })

  it('some launches are neither all nor none', async () => {
    const some = await measured({ failing: (launch) => launch === 9 })
    expect(await failure(expect(some).toReachMain())).toContain('19 launches did, 1 did not')
    expect(await failure(expect(some).not.toReachMain())).toContain('19 launches did, 1 did not')
  })

  it('shows how far a program came and why it ended', async () => {
    const message = await failure(expect('./dead').toReachMain())
    expect(message).toContain('expected ./dead to reach main; it came to main, outcome exited')
    await expect('./gone').rejects
    await expect(expect('./gone').toReachMain()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('inits', () => {
  it('toHaveInit', async () => {
    await expect('./steady').toHaveInit('net/http')
    await expect(fakeTrace()).not.toHaveInit('net/smtp')
    await expect(await measured()).toHaveInit('unicode')
    expect(await failure(expect(fakeTrace()).toHaveInit('x/http'))).toContain('; 5 packages have; there are net/http')
    expect(await failure(expect(fakeTrace()).not.toHaveInit('net/http'))).toContain(
      'net/http.init, net/http.init.0 ran',
    )
  })

  it('toHaveInit knows nothing of inits that were not traced', async () => {
    const blind = { ...fakeTrace(), inits: [] }
    const early: Trace = { ...fakeTrace(), outcome: 'reached-until' }
    for (const trace of [blind, early, await measured({}, { cold: true })]) {
      expect(await failure(expect(trace).not.toHaveInit('net/smtp'))).toMatch(/no init was traced|not all inits/)
      expect(await failure(expect(trace).toHaveInit('net/smtp'))).toMatch(/no init was traced|not all inits/)
    }
    await expect(early).toHaveInit('net/http')
  })

  it('toInitBefore', async () => {
    await expect('./steady').toInitBefore('unicode', 'net/http')
    await expect(fakeTrace()).not.toInitBefore('net/http', 'unicode')
    expect(await failure(expect(fakeTrace()).toInitBefore('main', 'unicode'))).toContain('inits 5 and 1 of 6')
    expect(await failure(expect(fakeTrace()).toInitBefore('main', 'gone'))).toContain('no init of gone ran')
    expect(await failure(expect(fakeTrace()).not.toInitBefore('main', 'gone'))).toContain('no init of gone ran')
    await expect('./steady').toInitBefore('unicode', 'main', { args: ['x'] })
    expect(mockStarted.at(-1)!.args).toEqual(['x'])
  })
})

describe('toMatchLoadSnapshot', () => {
  it('keeps steps and inits in order and no times', async () => {
    await expect('./steady').toMatchLoadSnapshot()
    await expect(fakeTrace({ seed: 99, scale: 3 })).toMatchLoadSnapshot({ hint: 'another speed' })
  })

  it('cannot be negated', async () => {
    expect(await failure(expect(fakeTrace()).not.toMatchLoadSnapshot())).toContain('has no meaning')
  })

  it('uses the expect that it was given to', async () => {
    const seen: unknown[] = []
    const added: { toMatchLoadSnapshot?: (received: unknown) => Promise<unknown> } = {}
    const other = Object.assign(
      (value: unknown) => ({ toMatchSnapshot: (hint?: string) => seen.push([value, hint]) }),
      { extend: (more: object) => Object.assign(added, more) },
    )
    extend(other)
    await added.toMatchLoadSnapshot?.call({ isNot: false } as never, fakeTrace())
    expect(seen).toEqual([
      [{ steps: expect.arrayContaining(['execve: observed']), inits: expect.any(Array) }, undefined],
    ])
  })
})
