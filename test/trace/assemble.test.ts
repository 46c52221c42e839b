import fc from 'fast-check'
import type { ProgramImage } from '../../lib/image/types'
import { STEPS } from '../../lib/plan/catalogue'
import { planStops } from '../../lib/plan/plan'
import { STOPS } from '../../lib/plan/stops'
import type { BreakpointRecord, SessionRecord } from '../../lib/session/records'
import type { Step, Trace } from '../../lib/trace/types'
import { fakeImage } from '../plan/fake'
import { assembleFake, common, endRecord, execRecords, PID, registers, SP, stopRecords, wholeRun } from './fake'

const step = (trace: Trace, id: string): Step => trace.steps.find((one) => one.id === id) as Step
const letters = (trace: Trace): string => trace.steps.map(({ status }) => status[0]).join('')

function assertWhole(trace: Trace): void {
  expect(trace.steps.map(({ index, id }) => [index, id])).toEqual(STEPS.map(({ index, id }) => [index, id]))
  for (const key of ['wallNs', 'cpuNs', 'minorFaults', 'majorFaults'] as const) {
    for (const one of trace.steps) expect(one[key]).toBeGreaterThanOrEqual(0)
    expect(trace.steps.reduce((sum, one) => sum + one[key], 0)).toBe(trace.totals[key])
  }
  trace.steps.slice(1).forEach((one, at) => {
    expect(one.startNs).toBeGreaterThanOrEqual((trace.steps[at] as Step).startNs)
  })
  for (const one of trace.steps) {
    expect(one.reason === null).toBe(one.status === 'observed')
    for (const index of one.stops) expect(trace.stops[index]).toBeDefined()
  }
  expect(trace.stops.map(({ index }) => index)).toEqual(trace.stops.map((_, at) => at))
  expect(JSON.parse(JSON.stringify(trace))).toEqual(trace)
}

/** The record at the site of that name, to be changed. */
function at(records: readonly SessionRecord[], image: ProgramImage, name: string): BreakpointRecord {
  const { sites } = planStops(image)
  return records.find((record) => record.kind === 'breakpoint' && sites[record.site]?.name === name) as BreakpointRecord
}

/** Gives a stop's named reads the values. */
function feed(record: BreakpointRecord, image: ProgramImage, values: Record<string, bigint[]>): void {
  const { reads } = planStops(image).sites[record.site] as { reads: { name?: string; length: number }[] }
  record.reads = reads.map((read) => {
    const words = values[read.name ?? '']
    return words ? Buffer.from(BigUint64Array.from(words).buffer).subarray(0, read.length) : null
  })
}

describe('a whole run', () => {
  const image = fakeImage()
  const trace = assembleFake(image, wholeRun(image))

  test('is whole', () => {
    assertWhole(trace)
    expect(letters(trace)).toBe('ooonooooooooooooo')
    expect(trace).toMatchObject({ outcome: 'reached-main', exit: null, error: null, pid: PID })
    expect(trace.startedAt).toBe('2023-11-14T22:13:20.000Z')
  })

  test('has its times from execve’s entry, without what was held', () => {
    // exec and its exit held 600 before the first stop, every stop 10
    expect(step(trace, 'entry').startNs).toBe(2_000 - 600)
    expect(step(trace, 'rt0').startNs).toBe(2_100 - 600 - 10)
    const main = trace.stops.find(({ name }) => name === 'main.main')
    const heldBefore = trace.stops.slice(1, main?.index).reduce((sum, { heldNs }) => sum + heldNs, 0)
    expect(trace.totals.wallNs).toBe((main?.atNs ?? 0) - heldBefore)
    expect(step(trace, 'main').wallNs).toBe(0)
    expect(main?.cpuNs).toBe(main?.atNs)
  })

  test('puts the exec stop’s time into step 1', () => {
    expect(step(trace, 'execve')).toMatchObject({ startNs: 0, wallNs: 1_400, stops: [0, 1, 2] })
    expect(step(trace, 'image')).toMatchObject({ startNs: 1_000, wallNs: 0, stops: [1] })
    expect(step(trace, 'stack')).toMatchObject({ startNs: 1_000, wallNs: 0, stops: [1] })
    expect(step(trace, 'execve').evidence).toEqual({ path: '/fake', argc: 2, envc: 1, result: 0, kernelNs: 1_000 })
  })

  test('shows the initial stack and no value of the environment', () => {
    expect(step(trace, 'stack').evidence).toMatchObject({
      sp: '0x7ffd0000',
      argv: ['/fake', 'x'],
      envc: 1,
      asserted: true,
    })
    expect(JSON.stringify(trace)).not.toContain('secret')
  })

  test('has inits apart from those of the runtime', () => {
    expect(trace.inits.map(({ order, task, function: name }) => [order, task, name])).toEqual([
      [0, 0, 'runtime.init.0'],
      [1, 1, 'os.init'],
      [2, 1, 'os.init.0'],
    ])
    expect(trace.inits.map(({ wallNs }) => wallNs)).toEqual([90, 90, 90])
    expect(step(trace, 'inits')).toMatchObject({ symbol: 'runtime.init.0' })
    expect(step(trace, 'inits').evidence).toMatchObject({
      tasks: 2,
      functions: 3,
      packages: ['runtime', 'os'],
      unseen: [],
    })
  })

  test('corrects the CPU time by what the stops cost in this run, never below zero', () => {
    const { sameCoreNs, crossCoreNs, eventNs } = trace.overhead.stopCpuNs
    const counted = trace.stops.slice(
      0,
      trace.stops.findIndex(({ name }) => name === 'main.main'),
    )
    expect(sameCoreNs).toBeGreaterThan(0)
    const cost = counted
      .map((stop) => (stop.crossedCores ? crossCoreNs : stop.kind === 'breakpoint' ? sameCoreNs : eventNs))
      .reduce((sum, ns) => sum + ns, 0)
    expect(trace.totals.cpuCorrectedNs).toBe(Math.max(0, trace.totals.cpuNs - cost))
  })
})

describe('evidence', () => {
  const image = fakeImage()
  const g0 = 0x610000n

  function checked(slot: bigint, m: bigint, back: bigint): Record<string, unknown> {
    const records = wholeRun(image)
    at(records, image, 'runtime.rt0_go').registers = registers({ rdi: 2n, rsi: SP + 8n })
    const check = at(records, image, 'runtime.check')
    check.registers = registers({ fs_base: 0x700000n })
    feed(check, image, { tls: [slot], 'g.stack': [0x1000n, 0x2000n], 'g.m': [m], 'm.g0': [back] })
    return step(assembleFake(image, records), 'rt0').evidence
  }

  test('of rt0 holds when slot, g0 and m0 agree', () => {
    expect(checked(g0, 0x611000n, g0)).toEqual({
      argc: 2,
      argv: '0x7ffd0008',
      spAligned: true,
      g0: '0x610000',
      m0: '0x611000',
      stackLo: '0x1000',
      stackHi: '0x2000',
      tls: '0x6ffff8',
      cgo: false,
      asserted: true,
      failures: [],
    })
  })

  test('of rt0 says what does not agree, with the values', () => {
    const wrong = checked(0x610008n, 0x611000n, g0)
    expect(wrong).toMatchObject({ asserted: false, g0: '0x610008' })
    expect(wrong.failures).toEqual(['slot = &g0: 0x610008 is not 0x610000', 'm0.g0 = &g0: 0x610000 is not 0x610008'])
    expect(checked(g0, 0x1n, g0).asserted).toBe(false)
    expect(checked(g0, 0x611000n, 0x1n).asserted).toBe(false)
  })

  test('that was not read is null, and nothing is asserted of it', () => {
    const trace = assembleFake(image, wholeRun(image))
    expect(step(trace, 'newproc').evidence).toEqual({ fn: null, funcval: '0x0', asserted: null, failures: [] })
    expect(step(trace, 'osinit').evidence).toEqual({ ncpu: null, pageSize: null, hugePageSize: null })
  })

  test('of args is compared with the initial stack', () => {
    const records = wholeRun(image)
    at(records, image, 'runtime.args').registers = registers({ rax: 2n, rbx: SP + 8n })
    expect(step(assembleFake(image, records), 'args').evidence).toMatchObject({ argc: 2, asserted: true })
    at(records, image, 'runtime.args').registers = registers({ rax: 3n, rbx: SP + 8n })
    expect(step(assembleFake(image, records), 'args').evidence).toMatchObject({ argc: 3, asserted: false })
  })

  test('of mallocinit is what it added to the maps', () => {
    const records = wholeRun(image)
    const before = '00400000-00500000 r-xp 00000000 fe:00 7 /fake\n7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n'
    at(records, image, 'runtime.mallocinit').maps = Buffer.from(before)
    at(records, image, 'runtime.mallocinit (return)').maps = Buffer.from(
      `${before.replace('7f0000001000', '7f0000003000')}7f0000003000-7f0000010000 ---p 00000000 00:00 0 \n`,
    )
    expect(step(assembleFake(image, records), 'mallocinit').evidence).toMatchObject({
      reservedBytes: 0xd000,
      mapped: [
        { start: '0x7f0000001000', end: '0x7f0000003000', bytes: 0x2000, perms: 'rw-p', path: '' },
        { start: '0x7f0000003000', end: '0x7f0000010000', bytes: 0xd000, perms: '---p', path: '' },
      ],
    })
  })

  test('has exactly the keys that the catalogue explains', () => {
    for (const { id, evidence } of assembleFake(image, wholeRun(image)).steps) {
      expect(Object.keys(evidence).sort()).toEqual(
        Object.keys(STEPS.find((one) => one.id === id)?.evidence ?? {}).sort(),
      )
    }
  })
})

describe('status', () => {
  const image = fakeImage()
  const plan = planStops(image)
  const stops = stopRecords(plan)
  const names = plan.sites.map(({ name }) => name)
  const without = (name: string): SessionRecord[] =>
    wholeRun(image).filter((record) => record !== undefined && !isAt(record, name))
  const isAt = (record: SessionRecord, name: string) => record.kind === 'breakpoint' && names[record.site] === name

  test('a program that ends before has the rest not reached', () => {
    const records = [...execRecords(image), ...stops.slice(0, 6), endRecord(4_000, { how: 'exited', status: 2 })]
    const trace = assembleFake(image, records)
    assertWhole(trace)
    expect(letters(trace)).toBe('ooonooooonnnnnnnn')
    expect(trace).toMatchObject({ outcome: 'exited', exit: { code: 2, signal: null } })
    expect(step(trace, 'procs')).toMatchObject({ reason: 'the program exited before', evidence: {}, stops: [] })
    expect(trace.stops.at(-1)).toMatchObject({ kind: 'exit', name: 'exit 2' })
    expect(trace.totals.wallNs).toBe(4_000 - 600 - 60)
  })

  test('a step passed without its stop is missed', () => {
    expect(step(assembleFake(image, without('runtime.goargs')), 'procs')).toMatchObject({
      status: 'missed',
      reason: 'runtime.goargs was passed without a stop',
    })
    const nameless = fakeImage({ without: ['runtime.newproc', 'runtime.newproc1'] })
    expect(step(assembleFake(nameless, wholeRun(nameless)), 'newproc')).toMatchObject({
      status: 'missed',
      reason: 'no function of this step was found in the program',
    })
  })

  test('a stop that was not accepted is none', () => {
    const records = wholeRun(image)
    const main = at(records, image, 'main.main')
    main.accepted = false
    const trace = assembleFake(image, records)
    expect(step(trace, 'main').status).toBe('not-reached')
    expect(trace.stops.some(({ name }) => name === 'main.main')).toBe(true)
    expect(trace.outcome).toBe('aborted')
  })

  test('without init stops the step is derived; without init work it is not applicable', () => {
    const bare = planStops(image, { inits: false })
    const derived = assembleFake(image, wholeRun(image, bare), { plan: bare })
    assertWhole(derived)
    expect(step(derived, 'inits')).toMatchObject({ status: 'derived', evidence: { ran: false, functions: 3 } })
    const quiet = fakeImage({ inits: {} })
    expect(step(assembleFake(quiet, wholeRun(quiet)), 'inits').status).toBe('not-applicable')
  })

  test('an init function that was planned and never reached is named', () => {
    expect(step(assembleFake(image, without('os.init.0')), 'inits').evidence).toMatchObject({ unseen: ['os.init.0'] })
  })

  test('until ends the trace where it was asked to', () => {
    const cutPlan = planStops(image, { until: 'mallocinit' })
    const records = [...execRecords(image), ...stopRecords(cutPlan).slice(0, -1), endRecord(9_000)]
    const trace = assembleFake(image, records, { plan: cutPlan })
    assertWhole(trace)
    expect(trace.outcome).toBe('reached-until')
    expect(step(trace, 'main').reason).toBe('the trace was asked to end at runtime.mallocinit')
  })

  test('a program that is not Go ends at its entry point', () => {
    const other = fakeImage({ go: false })
    const trace = assembleFake(other, wholeRun(other))
    assertWhole(trace)
    expect(letters(trace)).toBe('ooononnnnnnnnnnnn')
    expect(trace.outcome).toBe('reached-entry')
    expect(step(trace, 'rt0')).toMatchObject({ status: 'not-applicable', reason: 'not a Go program', evidence: {} })
  })

  test('execve that failed', () => {
    const [entry, , exit] = execRecords(image) as [SessionRecord, SessionRecord, SessionRecord]
    const records = [
      entry,
      { ...exit, result: -2 } as SessionRecord,
      endRecord(2_000, { how: 'exec-failed', status: -2 }),
    ]
    const trace = assembleFake(image, records)
    assertWhole(trace)
    expect(trace.outcome).toBe('exec-failed')
    expect(step(trace, 'execve')).toMatchObject({ status: 'observed', evidence: { result: -2, kernelNs: null } })
    expect(step(trace, 'entry').status).toBe('not-reached')
  })

  test('an outcome from outside counts, with the facts that there are', () => {
    const trace = assembleFake(image, [...execRecords(image), ...stops.slice(0, 3), endRecord(3_000)], {
      outcome: 'timeout',
    })
    expect(trace.outcome).toBe('timeout')
    expect(step(trace, 'main').reason).toBe('the time ran out before')
  })
})

test('a dynamic program has the linker between execve and the entry point', () => {
  const image = fakeImage({ interpreter: '/lib/ld.so' })
  const records = wholeRun(image)
  const exit = records.find((record) => record.kind === 'syscall-exit') as SessionRecord
  exit.address = 0x7f0000000100n
  const trace = assembleFake(image, records)
  assertWhole(trace)
  expect(step(trace, 'interp')).toMatchObject({ status: 'observed', stops: [2, 3], startNs: 1_100, wallNs: 300 })
  exit.address = BigInt(image.entry)
  expect(step(assembleFake(image, records), 'interp').status).toBe('missed')
})

test('a load bias moves every address', () => {
  const bias = 0x5500_0000_0000n
  const image = fakeImage()
  const plan = planStops(image)
  const records = [...execRecords(image, bias), ...stopRecords(plan, { bias }), endRecord(99_000)]
  const trace = assembleFake(image, records)
  expect(step(trace, 'image').evidence).toMatchObject({ bias: '0x550000000000' })
  expect(step(trace, 'main').address).toBe(`0x${(BigInt(image.go?.body('main.main')?.entry ?? 0) + bias).toString(16)}`)
  expect(trace.stops.find(({ name }) => name === 'main.main')).toMatchObject({ file: '/src/fake.go' })
})

test('a program that executes itself again is told by its last image', () => {
  const image = fakeImage()
  const plan = planStops(image)
  const first = [...execRecords(image), ...stopRecords(plan).slice(0, 9)]
  const [, exec] = execRecords(image) as [SessionRecord, SessionRecord]
  const again = { ...exec, ...pick(exec), atNs: 10_000, heldNs: 100 } as SessionRecord
  const trace = assembleFake(image, [...first, again, ...stopRecords(plan, { from: 11_000 }), endRecord(99_000)])
  assertWhole(trace)
  expect(letters(trace)).toBe('ooonooooooooooooo')
  expect(trace.execs).toEqual([
    { path: '/fake', interpreter: null },
    { path: '/fake', interpreter: null },
  ])
  expect(step(trace, 'entry').startNs).toBeGreaterThan(9_000)
  expect(step(trace, 'execve').evidence.kernelNs).toBe(1_000)
})

function pick(record: SessionRecord): Partial<SessionRecord> {
  return { cpuNs: common(10_000).cpuNs, registers: record.registers }
}

test('threads and children are accounted for', () => {
  const image = fakeImage()
  const records = wholeRun(image)
  const newm = records.indexOf(at(records, image, 'runtime.newm'))
  feed(records[newm] as BreakpointRecord, image, { fn: [BigInt(image.go?.body('runtime.main')?.entry ?? 0)] })
  const after = common((records[newm] as SessionRecord).atNs + 20)
  records.splice(newm + 1, 0, { ...after, kind: 'thread', newTid: 101, event: 'start' })
  records.splice(newm + 2, 0, { ...after, kind: 'fork', childPid: 200, how: 'vfork' })
  records.splice(newm + 3, 0, { ...after, kind: 'fork', childPid: 201, how: 'fork' })
  const end = records.at(-1) as ReturnType<typeof endRecord>
  end.descendants = [{ pid: 201, parent: PID, exe: '/bin/sleep', killed: true }]
  end.threads = 2
  const trace = assembleFake(image, records)
  assertWhole(trace)
  expect(trace.threads.map(({ tid, entry }) => [tid, entry])).toEqual([
    [100, '_rt0_amd64_linux'],
    [101, null],
  ])
  expect(trace.descendants).toEqual([
    { pid: 201, path: '/bin/sleep', fate: 'killed' },
    { pid: 200, path: null, fate: 'exited' },
  ])
  expect(trace.totals.threads).toBe(2)
  expect(step(trace, 'main').evidence).toMatchObject({ threads: 2 })
  // newm was called for another function than sysmon, and that is said
  expect(step(trace, 'sysmon').evidence).toMatchObject({ sysmonTid: null, asserted: false })
})

test('whatever was seen, a trace is whole', () => {
  const image = fakeImage()
  const all = wholeRun(image)
  fc.assert(
    fc.property(fc.subarray(all), fc.array(fc.nat(50_000), { minLength: 1, maxLength: 60 }), (some, times) => {
      const records = some.map((record, index) => ({
        ...record,
        atNs: record.atNs + (times[index % times.length] ?? 0),
      }))
      assertWhole(assembleFake(image, records as SessionRecord[]))
    }),
    { numRuns: 300 },
  )
})

test('what lies in a shared library is not called missed', () => {
  const image = fakeImage({
    // a version without wrappers, which a fake has always
    minors: { min: 16, max: 16 },
    interpreter: '/lib64/ld-linux-x86-64.so.2',
    needed: ['libstd.so'],
    without: STOPS.map(({ symbol }) => symbol).filter((symbol) => symbol !== 'main.main'),
    inits: {},
  })
  const trace = assembleFake(image, wholeRun(image))
  assertWhole(trace)
  expect(trace.outcome).toBe('reached-main')
  expect(trace.steps.slice(5).map(({ status }) => status)).toEqual([...Array(11).fill('not-applicable'), 'observed'])
  expect(step(trace, 'schedinit').reason).toMatch(/-linkshared/)
})
