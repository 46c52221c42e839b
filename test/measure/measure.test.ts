import { PremainError } from '../../lib/errors'
import { measureWith } from '../../lib/measure/measure'
import type { Progress } from '../../lib/measure/options'
import { fakeWorld, INITS } from './fake'

const PROGRAM = { file: '/bin/fake', args: ['-v'] }

describe('measure', () => {
  it('makes 30 runs after 3 warm-ups, then launches with one stop for the faults', async () => {
    const world = fakeWorld()
    const progress: Progress[] = []
    const measurement = await measureWith(world, PROGRAM, { onProgress: (step) => progress.push(step) })
    const kinds = measurement.launches.map((launch) => launch.kind)
    expect(kinds.filter((kind) => kind === 'warmup')).toHaveLength(3)
    expect(kinds.filter((kind) => kind === 'run')).toHaveLength(30)
    expect(kinds.filter((kind) => kind === 'one-stop')).toHaveLength(10)
    expect(world.asked.map(({ options }) => options.only)).toEqual(kinds.map((kind) => kind === 'one-stop'))
    expect(world.asked.every(({ file, args }) => file === '/bin/fake' && args[0] === '-v')).toBe(true)
    expect(progress.map(({ done }) => done)).toEqual(kinds.map((_, at) => at + 1))
    expect(progress.every(({ total }) => total === 43)).toBe(true)
    expect(measurement).toMatchObject({ schema: 'premain.measurement/1', counted: { ok: 30, failed: 0 } })
    expect(structuredClone(measurement)).toEqual(measurement)
    expect(JSON.parse(JSON.stringify(measurement))).toEqual(measurement)
  })

  it('describes totals, the 17 steps and every init', async () => {
    const measurement = await measureWith(fakeWorld({ noise: 0 }), PROGRAM, { runs: 7 })
    expect(measurement.steps).toHaveLength(17)
    expect(measurement.steps[0]).toMatchObject({ id: 'execve', status: 'observed' })
    expect(measurement.steps[0]!.wallNs).toMatchObject({ count: 7, median: 400_000, mad: 0, p95: 400_000 })
    expect(measurement.steps[3]).toMatchObject({ id: 'interp', status: 'not-applicable' })
    expect(measurement.steps[3]!.wallNs).toMatchObject({ count: 0, median: null })
    const sum = measurement.steps.reduce((total, step) => total + (step.wallNs.median ?? 0), 0)
    expect(measurement.totals.wallNs.median).toBe(sum)
    expect(measurement.totals.minorFaults).toMatchObject({ count: 7, median: 160 })
    expect(measurement.inits.map((init) => init.function)).toEqual(INITS.map((init) => init.function))
  })

  it('ranks packages by the sum of their functions and finds the critical chain', async () => {
    const measurement = await measureWith(fakeWorld({ noise: 0 }), PROGRAM, { runs: 6 })
    expect(measurement.packages[0]).toMatchObject({ package: 'net/http', functions: 2, order: 2 })
    expect(measurement.packages[0]!.wallNs.median).toBe(400_000)
    expect(measurement.packages.map((entry) => entry.package)).toContain('gopkg.in/yaml.v3')
    const chain = measurement.criticalChain
    expect(chain[0]).toMatchObject({ kind: 'step', id: 'execve', atNs: 0, timeNs: 400_000 })
    expect(chain.find((link) => link.id === 'net/http')).toMatchObject({ kind: 'package', atNs: 720_000 })
    expect(chain.reduce((sum, link) => sum + link.share, 0)).toBeGreaterThanOrEqual(0.8)
    expect(chain.map((link) => link.atNs)).toEqual([...chain.map((link) => link.atNs)].sort((a, b) => a - b))
    expect(chain.length).toBeLessThan(12)
  })

  it('ranks by CPU time on demand', async () => {
    const measurement = await measureWith(fakeWorld({ noise: 0 }), PROGRAM, { runs: 6, clock: 'cpu' })
    expect(measurement.criticalChain[0]).toMatchObject({ id: 'execve', timeNs: 380_000 })
  })

  it('keeps failed launches by their outcome', async () => {
    const world = fakeWorld({ failing: (launch) => launch % 4 === 0 })
    const measurement = await measureWith(world, PROGRAM, { runs: 20, warmup: 0, faultRuns: 0 })
    expect(measurement.counted).toEqual({ ok: 15, failed: 5 })
    expect(measurement.launches).toHaveLength(20)
    expect(measurement.launches[4]).toMatchObject({
      ok: false,
      sample: null,
      outcome: 'exited',
      exit: { code: 2, signal: null },
      error: { code: 'EXITED_BEFORE_MAIN' },
    })
    expect(measurement.launches.filter((launch) => launch.ok).map((launch) => launch.sample)).toEqual(
      Array.from({ length: 15 }, (_, at) => at),
    )
    expect(measurement.totals.wallNs.count).toBe(15)
    expect(measurement.notes.join()).toContain('5 of 20 launches failed')
  })

  it('is returned even when every launch failed', async () => {
    const measurement = await measureWith(fakeWorld({ failing: () => true }), PROGRAM, { runs: 3 })
    expect(measurement.counted).toEqual({ ok: 0, failed: 3 })
    expect(measurement.totals.wallNs).toMatchObject({ count: 0, median: null, ci: null })
    expect(measurement.criticalChain).toEqual([])
    expect(measurement.notes).toContain('3 of 3 launches failed.')
  })

  it('an init that runs only sometimes is null where it did not', async () => {
    const inits = [...INITS, { package: 'lazy', ns: 1000, every: 2 }]
    const measurement = await measureWith(fakeWorld({ inits }), PROGRAM, { runs: 5, warmup: 0 })
    const lazy = measurement.inits.find((init) => init.package === 'lazy')
    expect(lazy?.wallNs.samples.map((value) => value === null)).toEqual([false, true, false, true, false])
    expect(lazy?.wallNs.count).toBe(3)
  })

  it('functions of one name are told apart by their order', async () => {
    const twice = { package: 'old', function: 'old.init', ns: 1000 }
    const measurement = await measureWith(fakeWorld({ noise: 0, inits: [twice, { ...twice, ns: 3000 }] }), PROGRAM)
    expect(measurement.inits.map((init) => init.wallNs.median)).toEqual([1000, 3000])
    expect(measurement.packages[0]!.wallNs.median).toBe(4000)
  })

  it('reads the program anew after a launch that does not count, as its pages may lie otherwise than its rival’s', async () => {
    const worlds = [{}, { warmup: 1 }, { warmup: 0 }, { cold: true }].map(async (options) => {
      const world = fakeWorld()
      await measureWith(world, PROGRAM, { runs: 4, ...options })
      return world.reloaded
    })
    const once = [{ path: '/bin/fake', launches: 1 }]
    expect(await Promise.all(worlds)).toEqual([once, once, [], []])
  })

  it('cold: drops the program’s files before each counted launch, which stop at the end only', async () => {
    const world = fakeWorld({ majorFaults: 12 })
    const measurement = await measureWith(world, PROGRAM, { runs: 4, warmup: 0, cold: true })
    expect(measurement.launches.map((launch) => launch.kind)).toEqual(['warmup', ...Array(4).fill('one-stop')])
    expect(world.dropped).toEqual(Array(4).fill('/bin/fake'))
    expect(world.asked.every(({ options }) => options.only && !options.inits)).toBe(true)
    expect(measurement.counted).toEqual({ ok: 4, failed: 0 })
    expect(measurement.totals.majorFaults.median).toBe(12)
    expect(measurement.steps[9]).toMatchObject({ id: 'mallocinit', wallNs: { count: 0 } })
    expect(measurement.notes.join()).not.toContain('tmpfs')
    const still = await measureWith(fakeWorld(), PROGRAM, { runs: 4, cold: true })
    expect(still.notes.join()).toContain('tmpfs')
  })

  it('cold: steps have no figures, and none is said to be missed', async () => {
    const { steps, criticalChain, totals } = await measureWith(fakeWorld({ onlyStatus: 'missed' }), PROGRAM, {
      cold: true,
    })
    expect(totals.wallNs.count).toBe(30)
    expect(steps.filter(({ wallNs, cpuNs }) => wallNs.count + cpuNs.count > 0)).toEqual([])
    expect(new Set(steps.map(({ status }) => status))).toEqual(new Set(['observed', 'not-applicable']))
    expect(criticalChain).toEqual([])
  })

  it('the time of a step that does not apply is kept: samples sum to the total', async () => {
    const { steps, totals } = await measureWith(fakeWorld({ inits: [], restNs: 40_000 }), PROGRAM, { runs: 5 })
    const inits = steps.find(({ id }) => id === 'inits')
    expect(inits).toMatchObject({ status: 'not-applicable', wallNs: { count: 5 } })
    for (let run = 0; run < 5; run++) {
      expect(steps.reduce((sum, { wallNs }) => sum + (wallNs.samples[run] ?? 0), 0)).toBe(totals.wallNs.samples[run])
    }
  })

  it('a program without main.main is measured to its entry point, and that is said', async () => {
    const world = fakeWorld({ outcome: 'reached-entry' })
    const { counted, notes } = await measureWith(world, PROGRAM, { runs: 6 })
    expect(counted.ok).toBe(6)
    expect(notes.join()).toContain('no main.main')
    expect((await measureWith(world, PROGRAM, { until: 'entry' })).notes).toEqual([])
  })

  it('another build that comes to its end is refused; one that failed on the way may have been a wrapper', async () => {
    const wrapper = {
      size: (launch: number) => (launch % 3 === 0 ? 10 : 1000),
      failing: (launch: number) => launch % 3 === 0,
    }
    expect((await measureWith(fakeWorld(wrapper), PROGRAM, { runs: 9 })).counted).toEqual({ ok: 6, failed: 3 })
    const replaced = fakeWorld({ size: (launch) => (launch < 6 ? 10 : 1000) })
    await expect(measureWith(replaced, PROGRAM)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('allocs without stops at inits: packages by what the runtime tells', async () => {
    const stderr =
      'init a @0.1 ms, 0.02 ms clock, 100 bytes, 2 allocs\ninit b @0.2 ms, 0.01 ms clock, 900 bytes, 3 allocs\n'
    for (const options of [{ cold: true }, { inits: false }]) {
      const world = fakeWorld({ stderr, inits: [] })
      const { packages } = await measureWith(world, PROGRAM, { runs: 2, allocs: true, ...options })
      expect(packages.map((entry) => [entry.package, entry.functions, entry.allocs?.bytes])).toEqual([
        ['b', 0, 900],
        ['a', 0, 100],
      ])
    }
  })

  it('what was measured before an abort travels with its error', async () => {
    const world = fakeWorld()
    const { runOnce } = world
    world.runOnce = (file, args, options) => {
      if (world.asked.length === 8) return Promise.reject(new PremainError('ABORTED', 'aborted'))
      return runOnce(file, args, options)
    }
    await expect(measureWith(world, PROGRAM, { runs: 30 })).rejects.toMatchObject({
      code: 'ABORTED',
      measurement: { counted: { ok: 5, failed: 0 }, settings: { runs: 30 } },
    })
  })

  it('allocs: joins the runtime’s own lines by package', async () => {
    const stderr = [
      'init unicode @0.21 ms, 0.012 ms clock, 512 bytes, 3 allocs',
      'init gopkg.in/yaml%2ev3 @1.2 ms, 2 ms clock, 4096 bytes, 17 allocs',
      'noise of the program',
    ].join('\n')
    const world = fakeWorld({ stderr })
    const options = { runs: 2, allocs: true, env: { GODEBUG: 'gctrace=0', A: 'b' } }
    const measurement = await measureWith(world, PROGRAM, options)
    const last = world.asked.at(-1)!
    expect(last.options.env).toEqual({ GODEBUG: 'gctrace=0,inittrace=1', A: 'b' })
    expect(last.options.only).toBe(true)
    expect(world.asked[0]!.options.env).toEqual(options.env)
    const yaml = measurement.packages.find((entry) => entry.package === 'gopkg.in/yaml.v3')
    expect(yaml?.allocs).toEqual({ bytes: 4096, allocs: 17, clockNs: 2e6, launches: 3 })
    expect(measurement.packages.find((entry) => entry.package === 'net/http')?.allocs).toBeNull()
    expect(measurement.notes.join()).toContain('inittrace')
  })

  it('hands options on and lets fatal errors pass', async () => {
    const world = fakeWorld()
    const signal = new AbortController().signal
    await measureWith(world, PROGRAM, { runs: 1, warmup: 0, until: 'schedinit', timeout: 500, cwd: '/tmp', signal })
    expect(world.asked[0]!.options).toMatchObject({ until: 'schedinit', timeout: 500, cwd: '/tmp', signal })
    const gone = { ...world, runOnce: () => Promise.reject(new PremainError('NOT_FOUND', 'no such program')) }
    await expect(measureWith(gone, PROGRAM)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const broken = { ...world, runOnce: () => Promise.reject(new TypeError('a defect')) }
    await expect(measureWith(broken, PROGRAM)).rejects.toBeInstanceOf(TypeError)
  })

  it.each([{ runs: 0 }, { runs: 1.5 }, { warmup: -1 }, { level: 2 }, { timeout: -1 }, { clock: 'sun' as 'cpu' }])(
    'refuses %j',
    async (options) => {
      await expect(measureWith(fakeWorld(), PROGRAM, options)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    },
  )
})
