import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { checkText } from '../../lib/export/measured/text'
import { Baseline, writeBaseline } from '../../lib/measure/baseline'
import { parseBudget } from '../../lib/measure/budget'
import { type CheckOptions, checkWith, judge } from '../../lib/measure/check'
import { judgeDrift } from '../../lib/measure/drift'
import { measureWith } from '../../lib/measure/measure'
import { type FakeOptions, fakeWorld } from './fake'

const PROGRAM = { file: '/bin/fake', args: [] }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-check-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function check(fake: FakeOptions, options: CheckOptions) {
  return checkWith(fakeWorld(fake), PROGRAM, options)
}

const invalid = expect.objectContaining({ code: 'INVALID_OPTION' })

describe('budgets are read', () => {
  it.each([
    ['total.cpu=5ms', { scope: 'total', subject: 'total', figure: 'cpu', limit: { absolute: 5e6 } }],
    ['step:inits.cpu=2ms', { scope: 'step', subject: 'inits', figure: 'cpu', limit: { absolute: 2e6 } }],
    ['init:net/http.cpu=1ms', { scope: 'init', subject: 'net/http', limit: { absolute: 1e6 } }],
    ['init:gopkg.in/yaml.v3.wall = 40us', { subject: 'gopkg.in/yaml.v3', figure: 'wall', limit: { absolute: 40e3 } }],
    ['total.wall=+10%', { limit: { relative: 0.1 } }],
    ['total.minorFaults=200', { figure: 'minorFaults', limit: { absolute: 200 } }],
  ])('%s', (text, expected) => expect(parseBudget(text)).toMatchObject({ text, ...expected }))

  it.each([
    'total.cpu',
    'total=5ms',
    'total.cpu=5',
    'total.cpu=',
    'cpu=5ms',
    'total.sun=5ms',
    'step:inits.minorFaults=5',
    'total.minorFaults=5ms',
    'total.wall=-100%',
    'total.wall=+99999999%',
    'total.wall=9007199254740991ns',
    'total.minorFaults=99999999999999999999',
  ])('%s is refused', (text) => expect(() => parseBudget(text)).toThrow(invalid))

  it('an unknown step is refused before anything runs, with the known ones', async () => {
    const world = fakeWorld()
    await expect(checkWith(world, PROGRAM, { budgets: ['step:init.cpu=1ms'] })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      hint: expect.stringContaining('schedinit'),
    })
    expect(world.asked).toEqual([])
  })

  it('any text is a budget or INVALID_OPTION', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^(total|step:|init:)[a-z.=0-9%+]*$/)), (text) => {
        try {
          expect(parseBudget(text).text).toBe(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_OPTION' })
        }
      }),
    )
  })
})

describe('budgets are judged', () => {
  it('passes, fails and cannot tell', async () => {
    const budgets = { 'total.wall': '10ms', 'step:inits.wall': '100us', 'init:net/http.wall': '1ms' }
    const result = await check({}, { budgets })
    expect(result.budgets.map((entry) => entry.outcome)).toEqual(['pass', 'fail', 'pass'])
    expect(result).toMatchObject({ schema: 'premain.check/1', outcome: 'fail' })
    expect(result.measurement.counted.ok).toBe(20)
    const { median } = result.measurement.totals.wallNs
    const close = await check({}, { budgets: [`total.wall=${Math.round(median!)}ns`] })
    expect(close.budgets[0]).toMatchObject({ outcome: 'inconclusive' })
    expect(close.budgets[0]!.message).toMatch(/median .* allowed .* 95 % interval .* holds the limit/)
    expect(close.outcome).toBe('inconclusive')
  })

  it('an init budget is the sum of the package’s functions, and knows its place', async () => {
    const result = await check({ noise: 0 }, { budgets: ['init:net/http.wall=399us', 'init:net/http.wall=400us'] })
    expect(result.budgets[0]).toMatchObject({
      outcome: 'fail',
      median: 400_000,
      file: '/src/net/http/init.go',
      line: 12,
    })
    expect(result.budgets[1]).toMatchObject({ outcome: 'pass' })
  })

  it('no line about a budget is wider than the terminal', async () => {
    const budgets = ['total.wall=1s', 'total.cpu=1us', 'init:net/http.wall=2ms']
    const result = await check({}, { budgets, runs: 3 })
    for (let width = 50; width <= 120; width++) {
      const lines = checkText(result, { width, color: false }).split('\n')
      expect({ width, wide: lines.filter((line) => line.length > width) }).toEqual({ width, wide: [] })
    }
  })

  it('an init that is absent, or a step that does not apply, passes with a note', async () => {
    const result = await check({}, { budgets: ['init:net/smtp.cpu=1ms', 'step:interp.wall=1ms'] })
    expect(result.outcome).toBe('pass')
    expect(result.notes[0]).toContain('no init of net/smtp ran')
    expect(result.notes[1]).toContain('no step interp')
  })

  it('an init is not known to be absent where launches end before it', async () => {
    const budgets = ['init:net/smtp.cpu=1ms']
    const result = await check({}, { budgets, until: 'schedinit' })
    expect(result.budgets[0]).toMatchObject({ outcome: 'inconclusive', message: expect.stringContaining('schedinit') })
    expect((await check({}, { budgets })).outcome).toBe('pass')
  })

  it('a step without a time of its own keeps any budget, and says so', async () => {
    const result = await check({}, { budgets: ['step:image.wall=1ns'] })
    expect(result.budgets[0]).toMatchObject({ outcome: 'pass', message: expect.stringContaining('no time of its own') })
    const ending = { until: 'main.init', budgets: ['step:main.wall=1ns', 'step:image.wall=1ns'] }
    const early = await check({ mainUs: 0 }, ending)
    expect(early.budgets.map(({ outcome }) => outcome)).toEqual(['inconclusive', 'pass'])
  })

  it('a program without main.main is an error, unless its entry point is asked for', async () => {
    const budgets = ['total.cpu=1s']
    await expect(check({ outcome: 'reached-entry' }, { budgets })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      hint: expect.stringContaining('--until'),
    })
    for (const until of ['image', 'interp', 'entry']) {
      expect((await check({ outcome: 'reached-entry' }, { budgets, until })).outcome).toBe('pass')
    }
  })

  it('launches for the faults that fail break a budget of faults, and are told of', async () => {
    // after 3 warm-ups and 20 runs
    const result = await check({ failing: (launch) => launch >= 23 }, { budgets: ['total.minorFaults=300'] })
    expect(result.budgets[0]).toMatchObject({ outcome: 'fail' })
    expect(result.notes.join()).toContain('10 of the 10 launches for the fault figures failed')
  })

  it('an init that is absent keeps its budget, whatever became of other launches', async () => {
    const { budgets } = await check({ failing: (launch) => launch % 4 === 0 }, { budgets: ['init:gone.cpu=1ms'] })
    expect(budgets[0]!.outcome).toBe('pass')
  })

  it('where half of the launches fail, nothing passes', async () => {
    const { outcome } = await check({ failing: (launch) => launch % 2 === 0 }, { budgets: ['init:gone.cpu=1ms'] })
    expect(outcome).not.toBe('pass')
  })

  it('too few runs are inconclusive', async () => {
    const result = await check({}, { budgets: ['total.wall=1s'], runs: 3 })
    expect(result.budgets[0]).toMatchObject({ outcome: 'inconclusive', message: expect.stringContaining('too few') })
  })

  it('faults have budgets too', async () => {
    const result = await check({}, { budgets: ['total.minorFaults=300', 'total.majorFaults=0'] })
    expect(result.budgets.map((entry) => entry.outcome)).toEqual(['pass', 'pass'])
  })

  it('cold launches have totals only', async () => {
    await expect(check({}, { cold: true, budgets: ['step:inits.cpu=1ms'] })).rejects.toEqual(invalid)
    expect(await check({}, { cold: true, budgets: ['total.wall=1s'] })).toMatchObject({ outcome: 'pass' })
    await expect(check({}, { inits: false, budgets: ['init:net/http.cpu=1ms'] })).rejects.toEqual(invalid)
  })

  it('a program that never comes to main is an error', async () => {
    await expect(check({ failing: () => true }, { budgets: ['total.cpu=1s'] })).rejects.toMatchObject({
      code: 'EXITED_BEFORE_MAIN',
      message: expect.stringContaining('all 20 launches failed'),
      measurement: expect.objectContaining({ counted: { ok: 0, failed: 20 } }),
    })
  })
})

describe('baselines', () => {
  const budgets = ['total.wall=+10%', 'init:unicode.wall=+10%', 'init:gone.wall=+10%']

  it('are saved, judged against and updated', async () => {
    const baseline = join(folder, 'baseline.json')
    const saved = await check({}, { baseline, budgets, write: 'save' })
    expect(saved.baseline).toEqual({ path: baseline, entries: 1, saved: true })
    expect(saved.budgets[0]).toMatchObject({ outcome: 'pass', message: 'no baseline yet: this run begins it' })
    const kept = await check({ seed: 2 }, { baseline, budgets })
    expect(kept.budgets.map((entry) => entry.outcome)).toEqual(['pass', 'pass', 'pass'])
    expect(kept.budgets[0]!.limit).toBeGreaterThan(1e6)
    expect(kept.baseline).toMatchObject({ entries: 1, saved: false })
    const updated = await check({ seed: 3 }, { baseline, budgets, write: 'update' })
    expect(updated.baseline).toMatchObject({ entries: 2, saved: true })
    const broken = await check({ seed: 4, scale: 1.3 }, { baseline, budgets, write: 'update' })
    expect(broken.budgets[0]).toMatchObject({ outcome: 'fail', message: expect.stringMatching(/^\+(29|3[01])\.\d %/) })
    expect(broken.baseline).toMatchObject({ entries: 2, saved: false })
    const { entries } = JSON.parse(readFileSync(baseline, 'utf8'))
    expect(entries.map((entry: { samples?: unknown }) => entry.samples !== undefined)).toEqual([false, true])
    expect(await check({}, { baseline, write: 'save' })).toMatchObject({ baseline: { entries: 1 } })
  })

  it('of another host are not judged against', async () => {
    const baseline = join(folder, 'baseline.json')
    await check({}, { baseline, write: 'save' })
    const elsewhere = await check({ scale: 2, host: { cpu: 'Other CPU' } }, { baseline, budgets: ['total.wall=+10%'] })
    expect(elsewhere.budgets[0]).toMatchObject({
      outcome: 'inconclusive',
      message: expect.stringContaining('another program, host'),
    })
    await check({ host: { cpu: 'Other CPU' } }, { baseline, write: 'update' })
    expect((await check({}, { baseline, budgets: ['total.wall=+10%'] })).outcome).toBe('pass')
  })

  it('of another program are not judged against, nor is its history', async () => {
    const baseline = join(folder, 'base.json')
    const budgets = ['total.wall=+10%']
    await check({ goMain: 'example.com/a' }, { baseline, write: 'save' })
    const other = await check({ goMain: 'example.com/b', scale: 2 }, { baseline, budgets })
    expect(other.budgets[0]).toMatchObject({
      outcome: 'inconclusive',
      message: expect.stringContaining('another program'),
    })
    const same = await check({ goMain: 'example.com/a', path: '/elsewhere/a', scale: 2 }, { baseline, budgets })
    expect(same.outcome).toBe('fail')
    expect((await check({ scale: 2 }, { baseline, budgets })).outcome).toBe('inconclusive') // one that tells no name
    // Its own history begins in the same file, and the first program keeps what it is held against.
    const begun = await check({ scale: 2 }, { baseline, budgets, write: 'update' })
    expect(begun.budgets[0]).toMatchObject({ outcome: 'pass', message: expect.stringContaining('begins') })
    expect((await check({ goMain: 'example.com/a' }, { baseline, budgets })).outcome).toBe('pass')
    const old = JSON.parse(readFileSync(baseline, 'utf8'))
    for (const entry of old.entries) delete entry.program
    writeFileSync(baseline, JSON.stringify(old))
    expect((await check({ goMain: 'example.com/b', scale: 2 }, { baseline, budgets })).outcome).toBe('pass') // as ever
  })

  it('a relative budget tells the interval of the difference', async () => {
    const baseline = join(folder, 'base.json')
    await check({}, { baseline, write: 'save' })
    const { budgets } = await check({ scale: 0.5 }, { baseline, budgets: ['total.wall=+10%'] })
    expect(budgets[0]!.message).toMatch(/^-\d+\.\d %, median .*, 95 % interval of the difference -\d.* to -\d/)
  })

  it('that hold anything but numbers are refused', async () => {
    const baseline = join(folder, 'base.json')
    await check({}, { baseline, write: 'save' })
    const [entry] = JSON.parse(readFileSync(baseline, 'utf8')).entries
    const broken = [
      { ...entry, samples: { 'total.wall': [1, 2, 'x'] } },
      { ...entry, samples: { 'total.wall': '12345' } },
      { ...entry, samples: { 'total.wall': [null, 5] } },
      { ...entry, values: { 'total.wall': { median: 'x', mad: 1, count: 2 } } },
      { ...entry, values: null },
      null,
    ]
    for (const one of broken) {
      writeFileSync(baseline, JSON.stringify({ schema: 'premain.baseline/1', entries: [one] }))
      await expect(check({}, { baseline })).rejects.toThrow(invalid)
    }
  })

  it('that cannot be written are an error, and leave nothing', async () => {
    const baseline = join(folder, 'gone', 'base.json')
    await expect(check({}, { baseline, write: 'save' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      errno: 'ENOENT',
    })
    const place = join(folder, 'place')
    mkdirSync(place)
    await expect(writeBaseline(place, new Baseline([]))).rejects.toThrow(invalid)
    expect(readdirSync(folder)).toEqual(['place'])
  })

  it('that are missing, needed or broken are refused', async () => {
    const baseline = join(folder, 'baseline.json')
    await expect(check({}, { baseline })).rejects.toEqual(invalid)
    await expect(check({}, { budgets: ['total.wall=+10%'] })).rejects.toEqual(invalid)
    await expect(check({}, { write: 'save' })).rejects.toEqual(invalid)
    for (const text of ['{', '{}', '{"schema":"premain.baseline/1","entries":[{}]}']) {
      writeFileSync(baseline, text)
      await expect(check({}, { baseline })).rejects.toEqual(invalid)
    }
    expect(existsSync(`${baseline}.${process.pid}.tmp`)).toBe(false)
  })
})

describe('drift', () => {
  /** Runs a check on each scale in turn, all of them remembered; the outcomes of the drift of total.wall. */
  async function outcomes(scales: readonly number[], noise = 0.03): Promise<(string | undefined)[]> {
    let baseline = new Baseline([])
    const found: (string | undefined)[] = []
    for (const [seed, scale] of scales.entries()) {
      const measurement = await measureWith(fakeWorld({ seed: seed + 1, scale, noise }), PROGRAM, {
        runs: 10,
        faultRuns: 0,
      })
      found.push(judgeDrift('total.wall', measurement, baseline)?.outcome)
      baseline = baseline.with(measurement)
    }
    return found
  }

  it('needs a history', async () => {
    expect((await outcomes(Array(10).fill(1))).slice(0, 8)).toEqual(Array(8).fill(undefined))
  })

  it('one noisy run does not alarm', async () => {
    const scales = Array.from({ length: 30 }, (_, at) => (at % 10 === 9 ? 1.6 : 1))
    expect((await outcomes(scales)).filter((outcome) => outcome === 'fail')).toEqual([])
  })

  it('a slow creep does, although no run differs from the one before', async () => {
    const found = await outcomes(Array.from({ length: 40 }, (_, at) => 1.005 ** at))
    expect(found.slice(0, 10)).not.toContain('fail')
    expect(found.slice(-10)).toEqual(Array(10).fill('fail'))
  })

  it('a steady program seldom alarms, however much its runs scatter', async () => {
    for (const spread of [0.002, 0.05]) {
      const scales = Array.from({ length: 60 }, (_, at) => 1 + spread * Math.sin(at * at * 12.9898))
      const found = (await outcomes(scales)).filter((outcome) => outcome !== undefined)
      expect(found.filter((outcome) => outcome === 'fail').length / found.length).toBeLessThanOrEqual(0.02)
    }
  })

  it('a faster program does not alarm', async () => {
    expect(await outcomes(Array.from({ length: 20 }, (_, at) => 0.98 ** at))).not.toContain('fail')
  })

  it('fails the check', async () => {
    let baseline = new Baseline([])
    const at = (seed: number, scale: number) =>
      measureWith(fakeWorld({ seed, scale }), PROGRAM, { runs: 10, faultRuns: 0 })
    for (let seed = 1; seed <= 14; seed++) baseline = baseline.with(await at(seed, seed > 12 ? 1.15 : 1))
    const result = judge(await at(20, 1.15), [], { baseline })
    expect(result.outcome).toBe('fail')
    expect(result.drift.find((entry) => entry.key === 'total.wall')!.message).toMatch(/at first, .* of late \(\+\d/)
  })

  it('history is bounded and keeps its beginning', async () => {
    let baseline = new Baseline([])
    const measurement = await measureWith(fakeWorld(), PROGRAM, { runs: 1, warmup: 0 })
    for (let at = 0; at < 100; at++) baseline = baseline.with({ ...measurement, startedAt: String(at) })
    expect(baseline.entries.length).toBe(60)
    expect(baseline.entries[0]!.at).toBe('0')
    expect(baseline.entries.at(-1)!.at).toBe('99')
  })
})
