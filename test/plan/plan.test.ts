import fc from 'fast-check'
import type { PremainError } from '../../lib/errors'
import { openImage } from '../../lib/image/image'
import type { ProgramImage } from '../../lib/image/types'
import { STEPS } from '../../lib/plan/catalogue'
import { planStops } from '../../lib/plan/plan'
import { MOST_EXTRA_STOPS } from '../../lib/plan/select'
import { FORBIDDEN } from '../../lib/plan/stops'
import type { Site, StopPlan } from '../../lib/plan/types'
import { corpus, missingProgram } from '../support/corpus'
import { testUnless } from '../support/skip'
import { fakeImage } from './fake'

const names = (plan: StopPlan): string[] => plan.sites.map((site) => site.name)
const site = (plan: StopPlan, name: string): Site => plan.sites.find((one) => one.name === name) as Site

function refusal(make: () => unknown): PremainError {
  try {
    make()
  } catch (error) {
    return error as PremainError
  }
  throw new Error('it was not refused')
}

function assertSound(plan: StopPlan): void {
  const addresses = plan.sites.map(({ address }) => address).filter((address) => address !== null)
  expect(new Set(addresses).size).toBe(addresses.length)
  for (const one of plan.sites) {
    if (one.armReturn !== null) expect(plan.sites[one.armReturn]?.address).toBeNull()
    one.reads.forEach((read, at) => {
      if ('read' in read.base) expect(read.base.read).toBeLessThan(at)
      expect(one.reads.findIndex(({ name }) => name === read.name)).toBe(at)
    })
  }
  const armed = plan.sites.map(({ armReturn }) => armReturn).filter((index) => index !== null)
  expect(plan.sites.filter(({ address }) => address === null)).toHaveLength(armed.length)
  expect(plan.sites.some(({ last }) => last)).toBe(true)
}

test('without evidence the stops are the same, and nothing is taken there that was not asked for', () => {
  const image = fakeImage()
  const full = planStops(image, { registers: false, maps: 'evidence' })
  const bare = planStops(image, { registers: false, maps: false, evidence: false })
  expect(bare.sites).toEqual(full.sites.map((one) => ({ ...one, registers: false, maps: false, reads: [] })))
  expect(full.sites.some(({ reads, registers }) => reads.length > 0 && registers)).toBe(true)
  expect(planStops(image, { evidence: false }).sites.every(({ registers }) => registers)).toBe(true)
})

describe('the plan of a Go program', () => {
  test('has every stop in the order of the run, main.main last, called from runtime.main', () => {
    const image = fakeImage()
    const plan = planStops(image)
    assertSound(plan)
    expect(names(plan).slice(0, 9)).toEqual([
      '_rt0_amd64_linux',
      'runtime.rt0_go',
      'runtime.check',
      'runtime.args',
      'runtime.osinit',
      'runtime.schedinit',
      'runtime.moduledataverify1',
      'runtime.mallocinit',
      'runtime.mallocinit (return)',
    ])
    expect(names(plan).slice(-5)).toEqual([
      'runtime.gcenable (return)',
      'runtime.init.0',
      'os.init',
      'os.init.0',
      'main.main',
    ])
    const caller = image.go?.body('runtime.main')
    expect(site(plan, 'main.main')).toMatchObject({
      last: true,
      callerWithin: { low: caller?.entry, high: caller?.end },
    })
    expect(plan.sites.filter(({ last }) => last)).toHaveLength(1)
    // Where Go counts its CPUs; a thread's mask is mended at its birth.
    expect(plan.sites.filter(({ keepMask }) => keepMask).map(({ name }) => name)).toEqual(['runtime.osinit'])
  })

  test('takes bodies, not the wrappers of the same name', () => {
    const image = fakeImage()
    const plan = planStops(image)
    expect(image.go?.pclntab.find(['runtime.check']).get('runtime.check')).toHaveLength(2)
    expect(site(plan, 'runtime.check').address).toBe(image.go?.body('runtime.check')?.entry)
  })

  test.each([
    [12, ['runtime.alginit', 'runtime.init'], ['runtime.doInit', 'runtime.doInit1']],
    [13, ['runtime.doInit'], ['runtime.init', 'runtime.doInit1']],
    [20, ['runtime.doInit'], ['runtime.doInit1']],
    [21, ['runtime.doInit1', 'runtime.alginit'], ['runtime.doInit']],
    [27, ['internal/runtime/maps.AlgInit'], ['runtime.alginit']],
    [28, ['internal/runtime/maps.AlgInit', 'runtime.doInit1'], ['runtime.alginit', 'runtime.doInit']],
  ])('goes by the names of Go 1.%i', (minor, has, lacks) => {
    const minors = { min: minor, max: minor }
    const image = fakeImage({ minors, functions: [...has, 'runtime.main', 'main.main', 'runtime.gcenable'] })
    const planned = names(planStops(image))
    expect(planned).toEqual(expect.arrayContaining(has))
    for (const name of lacks) expect(planned).not.toContain(name)
  })

  test('reads arguments where the version passes them', () => {
    const at = (minor: number, name: string) =>
      site(planStops(fakeImage({ minors: { min: minor, max: minor } })), name).reads.map(({ base, ...read }) => ({
        ...read,
        base: 'register' in base ? base.register : base,
      }))
    expect(at(16, 'runtime.newproc')).toEqual([
      { name: 'arg1', base: 'rsp', offset: 16, length: 8 },
      { name: 'fn', base: { read: 0 }, offset: 0, length: 8 },
    ])
    expect(at(17, 'runtime.newproc')).toEqual([{ name: 'fn', base: 'rbx', offset: 0, length: 8 }])
    expect(at(18, 'runtime.newproc')).toEqual([{ name: 'fn', base: 'rax', offset: 0, length: 8 }])
    expect(at(24, 'runtime.main').at(-1)).toEqual({ name: 'g.goid', base: { read: 0 }, offset: 0xa0, length: 8 })
    expect(at(25, 'runtime.main').at(-1)).toEqual({ name: 'g.goid', base: { read: 0 }, offset: 0x98, length: 8 })
  })

  test('reads nothing that two possible versions lay out differently', () => {
    const plan = planStops(fakeImage({ minors: { min: 24, max: 25 } }))
    expect(site(plan, 'runtime.main').reads.map(({ name }) => name)).toEqual(['tls', 'g.stack'])
    const across = planStops(fakeImage({ minors: { min: 16, max: 17 } }))
    expect(site(across, 'runtime.newm').reads).toEqual([])
  })

  test('reads nothing by the names of another machine', () => {
    expect(planStops(fakeImage({ machine: 'aarch64' })).sites.flatMap(({ reads }) => reads)).toEqual([])
  })

  test('stops at the returns of inits that call each other', () => {
    const plan = planStops(fakeImage({ minors: { min: 12, max: 12 }, inits: { os: ['os.init'] } }))
    assertSound(plan)
    expect(names(plan)).toContain('os.init (return)')
    expect(names(planStops(fakeImage({ inits: { os: ['os.init'] } })))).not.toContain('os.init (return)')
  })

  test('of crt1 has the function in which C hands over', () => {
    const plan = planStops(fakeImage({ entry: '_start', functions: ['main'] }))
    expect(plan.sites.filter(({ step }) => step === 'entry').map(({ name }) => name)).toEqual(['_start', 'main'])
    expect(names(planStops(fakeImage({ functions: ['main'] })))).not.toContain('main')
  })

  test('without main.main is refused', () => {
    expect(refusal(() => planStops(fakeImage({ without: ['main.main'] }))).code).toBe('UNSUPPORTED')
  })
})

describe('options', () => {
  const kinds = (plan: StopPlan, kind: 'registers' | 'maps') =>
    plan.sites.filter((one) => one[kind]).map(({ name }) => name)

  test('maps are taken at steps, not at inits; for the evidence at four stops; or nowhere', () => {
    const every = planStops(fakeImage())
    expect(kinds(every, 'maps')).toEqual(every.sites.filter(({ role }) => role === 'step').map(({ name }) => name))
    expect(kinds(planStops(fakeImage(), { maps: 'evidence' }), 'maps')).toEqual([
      '_rt0_amd64_linux',
      'runtime.mallocinit',
      'runtime.mallocinit (return)',
      'main.main',
    ])
    expect(kinds(planStops(fakeImage(), { maps: false }), 'maps')).toEqual([])
  })

  test('registers that the evidence needs are taken in any case', () => {
    const image = fakeImage()
    expect(kinds(planStops(image), 'registers')).toHaveLength(planStops(image).sites.length)
    expect(kinds(planStops(image, { registers: false }), 'registers')).toContain('runtime.procresize')
    expect(kinds(planStops(image, { registers: false }), 'registers')).not.toContain('runtime.schedule')
    expect(kinds(planStops(image, { registers: false, backtraces: true }), 'registers')).toContain('runtime.schedule')
  })

  test('inits can be left out', () => {
    expect(planStops(fakeImage(), { inits: false }).sites.filter(({ role }) => role === 'init')).toEqual([])
  })

  test('stops are names and patterns, each function once, a catalogue’s own stop keeping its place', () => {
    const image = fakeImage({ functions: ['net.Dial', 'net.Listen'] })
    const plan = planStops(image, { stops: ['net.Dial', /^net\.|^os\.init$/g, 'runtime.schedule'] })
    assertSound(plan)
    expect(plan.sites.filter(({ role }) => role === 'extra').map(({ name }) => name)).toEqual([
      'net.Dial',
      'net.Listen',
    ])
    expect(site(plan, 'runtime.schedule').role).toBe('step')
    expect(site(plan, 'os.init').role).toBe('init')
  })

  test('main.main may be asked for by name, and stays the step’s own', () => {
    const plan = planStops(fakeImage({ functions: ['net.Dial'] }), { stops: ['main.main', 'net.Dial'] })
    const mains = plan.sites.filter(({ symbol }) => symbol === 'main.main')
    expect(mains).toEqual([expect.objectContaining({ role: 'step', step: 'main', last: true })])
    expect(mains[0]?.callerWithin).not.toBeNull()
  })

  test('what names nothing, too much, or a place of harm is refused with a hint', () => {
    const image = fakeImage({ functions: ['net.Dial', [...FORBIDDEN][0] as string] })
    const near = refusal(() => planStops(image, { stops: ['net.dial'] }))
    expect(near).toMatchObject({ code: 'INVALID_OPTION', hint: 'Near: net.Dial' })
    expect(refusal(() => planStops(image, { until: 'schedinitt' })).hint).toContain('schedinit')
    expect(refusal(() => planStops(image, { stops: [/^nothing$/] })).code).toBe('INVALID_OPTION')
    expect(refusal(() => planStops(image, { stops: [[...FORBIDDEN][0] as string] })).code).toBe('INVALID_OPTION')
    const many = fakeImage({ functions: Array.from({ length: MOST_EXTRA_STOPS + 1 }, (_, at) => `many.f${at}`) })
    expect(refusal(() => planStops(many, { stops: [/^many/] })).message).toContain(`${MOST_EXTRA_STOPS + 1}`)
  })
})

describe('until', () => {
  test('leaves out what comes later, but main.main', () => {
    const plan = planStops(fakeImage(), { until: 'schedinit' })
    expect(names(plan).slice(-2)).toEqual(['runtime.schedinit', 'main.main'])
    expect(plan.sites.filter(({ last }) => last).map(({ name }) => name)).toEqual(['runtime.schedinit', 'main.main'])
  })

  test('drops the return of a function with it', () => {
    const plan = planStops(fakeImage(), { until: 'mallocinit' })
    assertSound(plan)
    expect(site(plan, 'runtime.mallocinit').armReturn).toBeNull()
  })

  test('keeps inits where the runtime’s own run before', () => {
    expect(names(planStops(fakeImage(), { until: 'runtime.gcenable' }))).toContain('runtime.init.0')
    expect(names(planStops(fakeImage(), { until: 'newproc' }))).not.toContain('runtime.init.0')
    expect(site(planStops(fakeImage(), { until: 'inits' }), 'runtime.gcenable (return)').last).toBe(true)
  })

  test.each(['execve', 'image', 'stack', 'interp', 'entry'])('%s ends at the entry point', (until) => {
    const plan = planStops(fakeImage(), { until })
    expect(plan.sites).toHaveLength(1)
    expect(plan.sites[0]).toMatchObject({ step: 'entry', last: true })
  })

  test('any function, an init among them', () => {
    expect(site(planStops(fakeImage(), { until: 'os.init' }), 'os.init')).toMatchObject({ last: true, role: 'init' })
    const plan = planStops(fakeImage({ functions: ['net.Dial'] }), { until: 'net.Dial' })
    expect(site(plan, 'net.Dial')).toMatchObject({ last: true, role: 'extra' })
    expect(site(plan, 'main.main').last).toBe(true)
  })
})

test('a program that is not Go ends at its entry point, and has no symbol to ask for', () => {
  const image = fakeImage({ go: false })
  expect(planStops(image, { until: 'procs' }).sites).toMatchObject([{ step: 'entry', last: true }])
  expect(refusal(() => planStops(image, { until: 'main.main' })).code).toBe('INVALID_OPTION')
  expect(refusal(() => planStops(image, { stops: ['x'] })).code).toBe('INVALID_OPTION')
})

test('every plan is sound', () => {
  const steps = fc.constantFrom(...STEPS.map(({ id }) => id as string), 'runtime.newm', 'os.init.0', 'net.Dial')
  fc.assert(
    fc.property(
      fc.integer({ min: 12, max: 27 }),
      fc.integer({ min: 0, max: 3 }),
      fc.record({
        until: steps,
        inits: fc.boolean(),
        registers: fc.boolean(),
        backtraces: fc.boolean(),
        maps: fc.constantFrom(true, false, 'evidence' as const),
        stops: fc.subarray(['net.Dial', /init/, 'runtime.schedule', 'main.main']),
      }),
      (min, more, options) => {
        const minors = { min, max: Math.min(27, min + more) }
        assertSound(planStops(fakeImage({ minors, functions: ['net.Dial'] }), options))
      },
    ),
  )
})

describe('real programs', () => {
  for (const program of corpus) {
    testUnless(missingProgram(program))(`${program.name} has a stop in every step`, () => {
      const image: ProgramImage = openImage(program.file)
      try {
        const plan = planStops(image)
        assertSound(plan)
        const planned = new Set(plan.sites.filter(({ role }) => role === 'step').map(({ step }) => step))
        expect([...planned]).toEqual(STEPS.slice(4).map(({ id }) => id))
        expect(site(plan, 'main.main').address).toBe(image.go?.pclntab.find(['main.main']).get('main.main')?.[0])
        for (const one of plan.sites) if (one.address !== null) expect(image.nameAt(one.address)).toBe(one.symbol)
      } finally {
        image.close()
      }
    })
  }
})
