import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type PremainError, steps, type Trace, type TraceOptions, trace } from '../../lib/index'
import { tsgo } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, childrenOf, processState, type Snapshot, snapshot, until } from '../support/leaks'
import { testUnless } from '../support/skip'

const withGo = testUnless(missingGo())
let before: Snapshot

async function failureOf(promise: Promise<unknown>): Promise<PremainError> {
  return promise.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error as PremainError,
  )
}

/** A trace of a program whose init forks, and the child that it leaves. */
async function forker(
  env: Record<string, string>,
  options: TraceOptions = {},
): Promise<{ seen: Trace; sleeper: number; hasEnded(): Promise<boolean> }> {
  const file = join(tmpdir(), `premain-pid-${process.pid}`)
  const whole = { ...process.env, PID_FILE: file, ...env }
  const running = trace(buildFixture('forker') as string, { ...options, env: whole })
  const seen = await running.catch((error: PremainError) => error.trace as Trace)
  const sleeper = Number(readFileSync(file, 'utf8'))
  rmSync(file)
  const isGone = (state: string | null) => state === null || state === 'Z'
  return { seen, sleeper, hasEnded: async () => isGone(await until(() => processState(sleeper), isGone)) }
}

/** What a process executes, or null. */
function exeOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch {
    return null
  }
}

/** Memory in use once garbage is collected. */
function settledMemory(): NodeJS.MemoryUsage {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  return process.memoryUsage()
}

describe('trace()', () => {
  beforeAll(async () => {
    await trace(tsgo.file, tsgo.args)
  })
  beforeEach(() => {
    before = snapshot()
  })
  afterEach(() => assertNothingLeft(before))

  test('comes to main.main of a stripped program and ends it there', async () => {
    const seen = await trace(tsgo.file, tsgo.args)
    expect(seen.outcome).toBe('reached-main')
    expect(seen.exit).toBeNull()
    expect(seen.error).toBeNull()
    expect(seen.output.stdout).toBe('')
    expect(seen.steps.map((step) => step.status)).toEqual(
      seen.steps.map((step) => (step.id === 'interp' ? 'not-applicable' : 'observed')),
    )
    expect(processState(seen.pid)).toBeNull()
  })

  test('is plain data', async () => {
    const seen = await trace(tsgo.file, tsgo.args)
    expect(JSON.parse(JSON.stringify(structuredClone(seen)))).toEqual(seen)
  })

  test('lets the program run to its end with run', async () => {
    const seen = await trace(tsgo.file, tsgo.args, { run: true })
    expect(seen.outcome).toBe('reached-main')
    expect(seen.exit).toEqual({ code: 0, signal: null })
    expect(seen.output.stdout).toMatch(/^Version 7/)
  })

  test('ends at a step or a symbol with until', async () => {
    const step = await trace(tsgo.file, { until: 'schedinit' })
    expect(step.outcome).toBe('reached-until')
    expect(step.stops.at(-1)?.symbol).toBe('runtime.schedinit')
    expect(step.steps.at(-1)?.status).toBe('not-reached')
    const symbol = await trace(tsgo.file, { until: 'runtime.gcenable' })
    expect(symbol.outcome).toBe('reached-until')
    expect(symbol.stops.at(-1)?.symbol).toBe('runtime.gcenable')
  })

  test('refuses what has no meaning', async () => {
    for (const options of [{ until: 'no.such' }, { timeout: -1 }, { nonsense: 1 }, { stdio: ['ipc'] }, { env: 1 }]) {
      const error = await failureOf(trace(tsgo.file, [], options as never))
      expect(error.code).toBe('INVALID_OPTION')
      expect(error.hint).toEqual(expect.any(String))
    }
    expect((await failureOf(trace('')))?.code).toBe('INVALID_OPTION')
    expect((await failureOf(trace(tsgo.file, ['a\0b'])))?.code).toBe('INVALID_OPTION')
  })

  test('takes registers and maps only where they are asked for', async () => {
    const bare = await trace(tsgo.file, { registers: false, maps: false, inits: false })
    expect(bare.stops.some((stop) => stop.maps !== undefined)).toBe(false)
    expect(bare.stops.some((stop) => stop.registers !== undefined)).toBe(false)
    expect(bare.inits).toEqual([])
    const full = await trace(tsgo.file, { inits: false })
    expect(full.stops.filter((stop) => stop.kind === 'breakpoint').every((stop) => stop.registers && stop.maps)).toBe(
      true,
    )
  })

  test('an aborted signal ends it', async () => {
    const reason = new Error('enough')
    expect(await failureOf(trace(tsgo.file, { signal: AbortSignal.abort(reason) }))).toMatchObject({
      name: 'AbortError',
      code: 'ABORTED',
      cause: reason,
    })
    const later = new AbortController()
    const running = failureOf(trace(tsgo.file, tsgo.args, { signal: later.signal }))
    setImmediate(() => later.abort(reason))
    const error = await running
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORTED', cause: reason })
    expect((error.trace as { outcome: string }).outcome).toBe('aborted')
  })

  withGo('every step that it can be asked to end at has been seen then, and none but it and those before', async () => {
    for (const [at, { id }] of steps.entries()) {
      const { outcome, steps: made } = await trace(buildFixture('hello') as string, { until: id, maps: false })
      expect([id, outcome]).toEqual([id, id === 'main' ? 'reached-main' : 'reached-until'])
      expect([id, made[at]?.status]).toEqual([id, id === 'interp' ? 'not-applicable' : 'observed'])
      // the kernel's part is over at the first stop in the program
      const after = made.slice(Math.max(at + 1, 5)).map(({ status }) => status)
      expect([id, ...new Set(after)]).toEqual(after.length === 0 ? [id] : [id, 'not-reached'])
    }
  })

  withGo('a program that never leaves its init is ended at its timeout', async () => {
    const error = await failureOf(trace(buildFixture('stuck') as string, { timeout: 500 }))
    expect(error.code).toBe('TIMEOUT')
    expect(error.message).toContain('main.init.0')
    expect(error.trace).toMatchObject({ outcome: 'timeout', error: { code: 'TIMEOUT' } })
    const times = (error.trace as Trace).stops.map(({ atNs }) => atNs)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  withGo(
    'a program that hangs, and whose file is removed meanwhile, is ended at its timeout all the same',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'premain-removed-'))
      try {
        const file = join(folder, 'stuck')
        copyFileSync(buildFixture('stuck') as string, file)
        // From now on its stops are told without another look into the file.
        await failureOf(trace(file, { timeout: 500 }))
        const failing = failureOf(trace(file, { timeout: 1000 }))
        const runs = () => childrenOf(process.pid).some((pid) => exeOf(pid) === file)
        expect(await until(runs, (found) => found, 900)).toBe(true)
        rmSync(file)
        expect((await failing).code).toBe('TIMEOUT')
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
  )

  test('a program that is late is ended, and told as late, though no timer has a turn', async () => {
    const later = global.setTimeout
    const asked: number[] = []
    global.setTimeout = ((call: () => void, ms: number) => {
      asked.push(ms)
      return later(call, ms === 2 ? 60_000 : ms)
    }) as typeof later
    try {
      const error = await failureOf(trace(tsgo.file, tsgo.args, { timeout: 2 }))
      expect(asked).toContain(2)
      expect(error.code).toBe('TIMEOUT')
      expect(error.trace).toMatchObject({ outcome: 'timeout' })
    } finally {
      global.setTimeout = later
    }
  })

  withGo('a program that ends before main says so, with its last words', async () => {
    const panicked = await failureOf(trace(buildFixture('panic') as string))
    expect(panicked.code).toBe('EXITED_BEFORE_MAIN')
    expect(panicked.message).toContain('panic')
    expect(panicked.trace).toMatchObject({ outcome: 'exited', exit: { code: 2, signal: null } })
    expect((panicked.trace as Trace).totals.threads).toBeGreaterThan(0) // those alive at the last stop in its code
    const exited = await failureOf(trace(buildFixture('exiter') as string))
    expect(exited.trace).toMatchObject({ outcome: 'exited', exit: { code: 3 } })
    // What it had used is known from its last exit stop: afterwards it has no clock.
    const { inits, stops, totals } = exited.trace as Trace
    expect(inits.at(-1)?.function).toBe('main.init.0')
    const last = stops.at(-1)
    expect(last).toMatchObject({ kind: 'exit', cpuNs: stops.at(-2)?.cpuNs })
    expect(totals.cpuNs).toBe(last?.cpuNs)
    const entered = stops.findLast(({ symbol }) => symbol === 'main.init.0')?.cpuNs as number
    expect(inits.at(-1)?.cpuNs).toBe((last?.cpuNs as number) - entered)
  })

  withGo('children that an init forked are ended with it, and main does not run', async () => {
    const { seen, sleeper, hasEnded } = await forker({})
    expect(seen.outcome).toBe('reached-main')
    expect(seen.output.stdout).toBe('')
    expect(seen.descendants.find((one) => one.pid === sleeper)).toMatchObject({ fate: 'killed' })
    expect(await hasEnded()).toBe(true)
  })

  withGo('so are they when it ends by itself; with run they are left', async () => {
    const own = await forker({ EXIT: '1' })
    expect(own.seen).toMatchObject({ outcome: 'exited', exit: { code: 3 } })
    expect(own.seen.descendants.find((one) => one.pid === own.sleeper)).toMatchObject({ fate: 'killed' })
    expect(await own.hasEnded()).toBe(true)
    const free = await forker({ EXIT: '1' }, { run: true })
    const asleep = await until(
      () => processState(free.sleeper),
      (state) => state !== 'R',
    )
    expect(asleep).toBe('S')
    process.kill(free.sleeper, 'SIGKILL')
    expect(await free.hasEnded()).toBe(true)
  })

  withGo('children that an init forked live on with run', async () => {
    const seen = await trace(buildFixture('forker') as string, { run: true })
    expect(seen.exit).toEqual({ code: 0, signal: null })
    expect(seen.output.stdout).toBe('hello from main\n')
  })

  withGo('goroutines that burn CPU before main do not disturb it', async () => {
    const seen = await trace(buildFixture('goroutine') as string)
    expect(seen.outcome).toBe('reached-main')
    expect((await trace(buildFixture('goroutine') as string, { run: true })).exit?.code).toBe(0)
  })

  withGo('main.main called by an init is not taken for the step', async () => {
    const seen = await trace(buildFixture('callsmain') as string)
    expect(seen.outcome).toBe('reached-main')
    expect(seen.output.stdout).toBe('main call 1\n')
    expect(seen.steps[16]?.evidence).toMatchObject({ caller: 'runtime.main' })
    expect((await trace(buildFixture('callsmain') as string, { run: true })).output.stdout).toBe(
      'main call 1\nmain call 2\n',
    )
  })

  withGo('a program that executes itself anew is followed', async () => {
    const seen = await trace(buildFixture('reexec') as string)
    expect(seen.outcome).toBe('reached-main')
    expect(seen.execs).toHaveLength(2)
    expect(seen.steps.every((step) => step.status !== 'missed')).toBe(true)
  })

  withGo('the target sees the CPUs that it would see untraced, on every run', async () => {
    const program = buildFixture('gomaxprocs') as string
    const untraced = execFileSync(program, { encoding: 'utf8' })
    for (let i = 0; i < 100; i++) {
      expect((await trace(program, { run: true, inits: i % 2 === 0 })).output.stdout).toBe(untraced)
    }
  })

  test('five hundred runs leave nothing and do not grow', async () => {
    const options = { until: 'args', inits: false, maps: false } as const
    for (let i = 0; i < 200; i++) await trace(tsgo.file, options)
    const early = settledMemory()
    for (let i = 0; i < 500; i++) await trace(tsgo.file, options)
    const late = settledMemory()
    expect(late.heapUsed - early.heapUsed).toBeLessThan(4 * 1024 * 1024)
    expect(late.external - early.external).toBeLessThan(4 * 1024 * 1024)
    expect(late.rss - early.rss).toBeLessThan(24 * 1024 * 1024)
  }, 60_000)

  test('many at once do not disturb one another, nor children of Node', async () => {
    const exits: Promise<number | null>[] = []
    const traces = Array.from({ length: 8 }, (_, i) => {
      for (let k = 0; k < 3; k++) {
        exits.push(new Promise((resolve) => spawn('/bin/sh', ['-c', `exit ${i}`]).on('exit', resolve)))
      }
      return trace(tsgo.file, tsgo.args, { run: i % 2 === 0 })
    })
    for (const seen of await Promise.all(traces)) expect(seen.outcome).toBe('reached-main')
    expect(await Promise.all(exits)).toEqual(Array.from({ length: 24 }, (_, i) => Math.floor(i / 3)))
  })
})
