import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch, type PremainError } from '../../lib/index'
import { tsgo } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, childrenOf, processState, type Snapshot, snapshot, until } from '../support/leaks'
import { testUnless } from '../support/skip'

const withGo = testUnless(missingGo())
let before: Snapshot

/** The states of all threads of a process. */
function threadStates(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => processState(Number(tid)) ?? 'gone')
}

describe('launch()', () => {
  beforeAll(async () => {
    for await (const _ of launch(tsgo.file, { until: 'entry' })) void 0
  })
  beforeEach(() => {
    before = snapshot()
  })
  afterEach(() => assertNothingLeft(before))

  test('gives every stop while the whole target is held', async () => {
    const session = launch(tsgo.file, tsgo.args, { inits: false })
    const names: string[] = []
    let last = 0
    for await (const stop of session) {
      names.push(stop.name)
      expect(new Set(threadStates(session.pid as number))).toEqual(new Set(['t']))
      expect(stop.atNs).toBeGreaterThanOrEqual(last)
      last = stop.atNs
      if (stop.kind === 'breakpoint') expect(stop.registers.rip).toBe(stop.address)
    }
    expect(names[0]).toBe('execve')
    expect(names).toContain('runtime.schedinit')
    expect(names.at(-1)).toBe('main.main')
    expect(await session.trace()).toMatchObject({ outcome: 'reached-main' })
  })

  test('reads registers, memory, maps and backtraces of the held target', async () => {
    const session = launch(tsgo.file, { until: 'main', inits: false })
    for await (const stop of session) {
      if (stop.name !== 'main.main') continue
      expect((await stop.readMemory(stop.registers.rsp, 8)).length).toBe(8)
      expect((await stop.readMemory(8n, 8)).length).toBe(0)
      const maps = await stop.maps()
      expect(maps.find((mapping) => mapping.role === 'text')?.path).toContain('tsgo')
      const frames = await stop.backtrace()
      expect(frames.map((frame) => frame.function)).toEqual(['main.main', 'runtime.main', 'runtime.goexit'])
      expect(frames[1]).toMatchObject({ file: expect.stringContaining('proc.go'), line: expect.any(Number) })
    }
  })

  test('a program whose file is removed between two stops is an error for the one who iterates', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'premain-launch-'))
    try {
      const file = join(folder, 'program')
      copyFileSync(tsgo.file, file)
      const walk = async (): Promise<void> => {
        for await (const stop of launch(file, { inits: false })) if (stop.kind === 'exec') rmSync(file)
      }
      await expect(walk()).rejects.toMatchObject({ name: 'PremainError', code: 'NOT_FOUND' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('refuses to read past a stop', async () => {
    const session = launch(tsgo.file, { inits: false })
    let earlier: { maps(): Promise<unknown> } | null = null
    for await (const stop of session) {
      if (earlier !== null) {
        await expect(earlier.maps()).rejects.toMatchObject({ code: 'INVALID_OPTION' })
        break
      }
      earlier = stop
    }
  })

  test('break ends the target', async () => {
    const session = launch(tsgo.file)
    let pid = 0
    for await (const stop of session) {
      pid = session.pid as number
      if (stop.name === 'runtime.schedinit') break
    }
    expect(processState(pid)).toBeNull()
  })

  test('an exception in the body ends the target', async () => {
    const session = launch(tsgo.file)
    const body = (async () => {
      for await (const _ of session) throw new Error('mine')
    })()
    await expect(body).rejects.toThrow('mine')
    expect(processState(session.pid as number)).toBeNull()
  })

  test('listeners hold the target until their promises settle', async () => {
    const session = launch(tsgo.file, { inits: false })
    const names: string[] = []
    let inside = 0
    session.on('stop', async (stop) => {
      expect(inside++).toBe(0)
      await new Promise((resolve) => setImmediate(resolve))
      names.push(stop.name)
      inside--
    })
    const threads: number[] = []
    session.on('thread', (event) => threads.push(event.tid))
    const exit = new Promise((resolve) => session.on('exit', resolve))
    session.start()
    expect(await exit).toEqual({ code: null, signal: null })
    expect(names.at(-1)).toBe('main.main')
    expect(threads.length).toBeGreaterThan(1)
  })

  test('listeners and iteration exclude one another', async () => {
    const session = launch(tsgo.file)
    session.on('stop', () => {})
    await expect(session[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })

  test('stops at symbols that are asked for while it runs', async () => {
    const session = launch(tsgo.file, { inits: false })
    const names: string[] = []
    for await (const stop of session) {
      if (stop.name === 'runtime.args') session.stopAt('runtime.goenvs_unix')
      if (stop.name === 'runtime.osinit') session.stopAt('runtime.minit')
      names.push(stop.name)
    }
    expect(names).toContain('runtime.minit')
    expect(() => session.stopAt('no.such')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })

  test('detach sets the target free in the middle', async () => {
    const session = launch(tsgo.file, tsgo.args, { inits: false })
    session.start()
    let output = ''
    session.stdout?.on('data', (chunk) => {
      output += chunk
    })
    const exit = new Promise((resolve) => session.on('exit', resolve))
    for await (const stop of session) if (stop.name === 'runtime.gcinit') await session.detach()
    expect(await exit).toEqual({ code: 0, signal: null })
    await until(
      () => output,
      (text) => text !== '',
    )
    expect(output).toMatch(/^Version 7/)
    await session.close()
  })

  test('errors of the start come out of the iteration', async () => {
    const failing = (async () => {
      for await (const _ of launch('/no/such/program')) void 0
    })()
    await expect(failing).rejects.toMatchObject({ code: 'NOT_FOUND' } satisfies Partial<PremainError>)
  })

  withGo('no thread of the target runs while a stop is held', async () => {
    const session = launch(buildFixture('goroutine') as string, { inits: false })
    for await (const stop of session) {
      if (stop.name !== 'main.main') continue
      const pid = session.pid as number
      const states = () => threadStates(pid).every((state) => state === 't')
      for (let i = 0; i < 50; i++) {
        expect(states()).toBe(true)
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(childrenOf(pid)).toEqual([])
    }
  })
})
