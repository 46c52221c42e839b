/** Real launches of a real program: what is asserted here holds on any machine, however busy. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Launcher } from '../../lib/measure/launcher'
import type { Progress } from '../../lib/measure/options'
import { check, comparePrograms, measure } from '../../lib/measure/programs'
import { SharedPipe } from '../../lib/session/stdio'
import '../../lib/testing/jest'
import { trace } from '../../lib/trace/trace'
import { tsgo as program } from '../support/corpus'
import { assertNothingLeft, snapshot } from '../support/leaks'

const tsgo = program.file

/** On the disk, unlike many a /tmp. */
const cache = join(__dirname, '..', 'fixtures', '.cache')

/** Works with a copy of the program, which nobody else maps, so that its pages can be dropped; then both are removed. */
async function withCopy(work: (copy: string, folder: string) => Promise<void>): Promise<void> {
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'measured-'))
  try {
    const copy = join(folder, 'program')
    copyFileSync(tsgo, copy)
    await work(copy, folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

let before: ReturnType<typeof snapshot>
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

it('measures every step and init; the steps sum to the totals', async () => {
  const measurement = await measure(tsgo, ['--version'], { runs: 6, warmup: 1, faultRuns: 2, allocs: true })
  expect(measurement.counted).toEqual({ ok: 6, failed: 0 })
  expect(measurement.target?.argv.slice(1)).toEqual(['--version'])
  const { totals, steps, inits, packages } = measurement
  for (let run = 0; run < 6; run++) {
    const sum = steps.reduce((total, step) => total + (step.wallNs.samples[run] ?? 0), 0)
    expect(sum).toBe(totals.wallNs.samples[run])
  }
  expect(totals.minorFaults).toMatchObject({ count: 2 })
  expect(totals.minorFaults.min).toBeGreaterThan(50)
  expect(inits.length).toBeGreaterThan(50)
  expect(inits.every((init) => init.wallNs.count === 6)).toBe(true)
  const semver = packages.find((entry) => entry.package.endsWith('/semver'))
  expect(semver?.allocs?.allocs).toBeGreaterThan(0)
  expect(measurement.criticalChain.length).toBeGreaterThan(1)
})

it('cold launches read the program from the disk again', async () => {
  await withCopy(async (copy) => {
    const cold = await measure(copy, { runs: 2, cold: true })
    expect(cold.counted).toEqual({ ok: 2, failed: 0 })
    expect(cold.totals.majorFaults.min).toBeGreaterThan(0)
    expect(cold.notes.join()).toContain('until')
    const early = await measure(copy, { runs: 2, cold: true, until: 'entry' })
    expect(early.counted).toEqual({ ok: 2, failed: 0 })
    expect(early.totals.majorFaults.min).toBeGreaterThan(0)
    expect(early.totals.minorFaults.max).toBeLessThan(cold.totals.minorFaults.min as number)
    expect((await measure(copy, { runs: 1, warmup: 1, faultRuns: 1 })).totals.majorFaults.max).toBe(0)
  })
})

it('cold launches drop the very files that are executed: below cwd, and a script’s interpreter', async () => {
  await withCopy(async (copy, folder) => {
    const options = { runs: 2, cold: true } as const
    const below = await measure('./program', { ...options, cwd: folder })
    expect(below.totals.majorFaults.min).toBeGreaterThan(0)
    const script = join(folder, 'script')
    writeFileSync(script, `#!${copy}\n`, { mode: 0o755 })
    expect((await measure(script, options)).totals.majorFaults.min).toBeGreaterThan(0)
  })
})

it('a program that is replaced between launches is not measured as one', async () => {
  await withCopy(async (copy, folder) => {
    const fresh = join(folder, 'fresh')
    copyFileSync(tsgo, fresh)
    appendFileSync(fresh, 'x')
    const onProgress = ({ done }: Progress) => {
      if (done === 3) renameSync(fresh, copy)
    }
    await expect(measure(copy, { runs: 5, warmup: 0, onProgress })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('has changed'),
      measurement: { counted: { ok: 3 } },
    })
  })
})

it('a program without main.main: measured to its entry point, and refused by check', async () => {
  const measurement = await measure('/bin/true', { runs: 3, warmup: 1, faultRuns: 1 })
  expect(measurement.counted).toEqual({ ok: 3, failed: 0 })
  expect(measurement.notes.join()).toContain('entry point')
  await expect(check('/bin/true', { budgets: ['total.cpu=1s'] })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  await expect(expect('/bin/true').toReachMainWithin('1h', { runs: 3 })).rejects.toThrow('no main.main')
  await expect(expect(measurement).toReachMain()).rejects.toThrow('0 launches did, 3 did not')
})

it('all that is written to a shared pipe is there, up to its limit', async () => {
  for (const [most, kept] of [
    [undefined, 65_536],
    [1 << 20, 300_000],
  ]) {
    const pipe = new SharedPipe(most)
    try {
      const child = spawn('head', ['-c', '300000', '/dev/zero'], { stdio: ['ignore', pipe.fd, 'inherit'] })
      await once(child, 'exit')
      expect(pipe.take()).toHaveLength(kept as number)
    } finally {
      pipe.close()
    }
  }
})

it('a program that is read anew starts without a disk', async () => {
  const launcher = new Launcher()
  try {
    await withCopy(async (copy, folder) => {
      const majorFaults = async () => (await trace(copy, { only: true })).totals.majorFaults
      launcher.dropCache(copy)
      expect(await majorFaults()).toBeGreaterThan(0)
      await launcher.reloadCache(copy)
      expect(await majorFaults()).toBe(0)
      await launcher.reloadCache(join(folder, 'gone'))
    })
  } finally {
    launcher.close()
  }
})

it('a file that cannot be dropped is an error', async () => {
  await expect(measure('/does/not/exist', { cold: true })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

it('compares a program with itself and finds it no different in kind', async () => {
  const same = { file: tsgo, args: ['--version'] }
  const { comparison } = await comparePrograms(same, same, { runs: 6, warmup: 1, faultRuns: 1, seed: 1 })
  expect(comparison).toMatchObject({ unlike: [], added: [], removed: [] })
  expect(comparison.differences.filter((entry) => entry.scope === 'total')).toHaveLength(4)
  expect(comparison.failures.verdict).toBe('same')
})

it('checks budgets that no machine breaks, and one that each does', async () => {
  const budgets = ['total.wall=10s', 'init:net/smtp.cpu=1ns', 'step:schedinit.wall=1ns']
  const result = await check(tsgo, { budgets, runs: 6, warmup: 0, faultRuns: 0 })
  expect(result.budgets.map((entry) => entry.outcome)).toEqual(['pass', 'pass', 'fail'])
})

it('a program that is not Go is measured to its entry point', async () => {
  const measurement = await measure('/bin/true', { runs: 2, warmup: 0, faultRuns: 1 })
  expect(measurement.launches.map((launch) => launch.outcome)).toEqual(Array(3).fill('reached-entry'))
})

it('an abort ends the measurement', async () => {
  const controller = new AbortController()
  const onProgress = () => controller.abort(new Error('enough'))
  const measuring = measure(tsgo, { runs: 1000, signal: controller.signal, onProgress })
  await expect(measuring).rejects.toMatchObject({ name: 'AbortError', code: 'ABORTED' })
})

it('the matchers take it by path, as a trace and as a measurement', async () => {
  await expect(tsgo).toReachMainWithin('10s', { clock: 'cpu', runs: 6, args: ['--version'] })
  await expect(tsgo).toInitBefore('errors', 'os')
  const seen = await trace(tsgo, ['--version'])
  await expect(seen).toHaveInit('unicode')
  await expect(seen).toReachMain()
  await expect('/bin/true').not.toReachMain()
})
