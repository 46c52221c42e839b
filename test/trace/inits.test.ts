import { planStops } from '../../lib/plan/plan'
import type { BreakpointRecord, SessionRecord } from '../../lib/session/records'
import { Context } from '../../lib/trace/context'
import { InitWalk } from '../../lib/trace/inits'
import type { Init } from '../../lib/trace/types'
import { fakeImage } from '../plan/fake'
import { assembleFake, assemblyOf, common, endRecord, execRecords } from './fake'

/** The inits of records that came one by one, asked for after each. */
function followed(image: ReturnType<typeof fakeImage>, records: readonly SessionRecord[]): readonly Init[] {
  const from = records.findIndex(({ kind }) => kind === 'exec') + 1
  const known = records.slice(0, from)
  const context = new Context(assemblyOf(image, known))
  const walk = new InitWalk(context)
  let inits: readonly Init[] = []
  for (const record of records.slice(from)) {
    known.push(record)
    context.follow()
    inits = walk.until(context.clock.at(record))
  }
  return inits
}

/** Stops by name at times, each held for 5. */
function run(
  image: ReturnType<typeof fakeImage>,
  stops: readonly (readonly [name: string, atNs: number])[],
): SessionRecord[] {
  const { sites } = planStops(image)
  const records = stops.map(([name, atNs]): BreakpointRecord => {
    const site = sites.findIndex((one) => one.name === name)
    return { ...common(atNs, 5), kind: 'breakpoint', site, accepted: true, address: BigInt(sites[site]?.address ?? 1) }
  })
  return [...execRecords(image), ...records, endRecord((stops.at(-1)?.[1] ?? 0) + 10)]
}

/** Up to Go 1.12: the inits of three packages, one within another. */
const NESTED: [name: string, atNs: number][] = [
  ['_rt0_amd64_linux', 2_000],
  ['runtime.gcenable', 2_100],
  ['main.init', 3_000],
  ['os.init', 3_105],
  ['io.init', 3_310],
  ['io.init (return)', 3_615],
  ['os.init (return)', 3_660],
  ['main.init (return)', 3_765],
  ['main.main', 3_800],
]

test('from 1.13 on a function lasts until the next one or the next stop of a step', () => {
  const image = fakeImage({ inits: { runtime: ['runtime.init.0'], os: ['os.init', 'os.init.0'], main: ['main.init'] } })
  const { inits } = assembleFake(
    image,
    run(image, [
      ['_rt0_amd64_linux', 2_000],
      ['runtime.init.0', 3_000],
      ['runtime.gcenable', 3_105],
      ['runtime.gcenable (return)', 3_600],
      ['os.init', 4_000],
      ['os.init.0', 4_205],
      ['main.init', 4_510],
      ['main.main', 4_915],
    ]),
  )
  expect(inits.map(({ function: name, task, runtime, wallNs }) => [name, task, runtime, wallNs])).toEqual([
    ['runtime.init.0', 0, true, 100],
    ['os.init', 1, false, 200],
    ['os.init.0', 1, false, 300],
    ['main.init', 2, false, 400],
  ])
})

test('before, what a package’s init calls is not its own time, and the work is done in the order of the returns', () => {
  const minors = { min: 12, max: 12 }
  const image = fakeImage({ minors, inits: { main: ['main.init'], os: ['os.init'], io: ['io.init'] } })
  const { inits } = assembleFake(image, run(image, NESTED))
  expect(inits.map(({ function: name, order, task, wallNs, startNs }) => [name, order, task, wallNs, startNs])).toEqual(
    [
      ['io.init', 0, 0, 300, 3_310 - 600 - 20],
      ['os.init', 1, 1, 200 + 40, 3_105 - 600 - 15],
      ['main.init', 2, 2, 100 + 100, 3_000 - 600 - 10],
    ],
  )
})

test('an init that never ends lasts until the end', () => {
  const image = fakeImage({ inits: { main: ['main.init'] } })
  const records = run(image, [
    ['runtime.gcenable', 2_000],
    ['main.init', 3_000],
  ])
  const { inits } = assembleFake(image, [...records.slice(0, -1), endRecord(9_005)], { outcome: 'timeout' })
  expect(inits).toMatchObject([{ function: 'main.init', wallNs: 6_000 }])
})

test.each([
  ['one after another', 27],
  ['one within another, with returns', 12],
])('followed while they run, %s, they are what they are in the end', (_, minor) => {
  const minors = { min: minor, max: minor }
  const image = fakeImage({ minors, inits: { main: ['main.init'], os: ['os.init'], io: ['io.init'] } })
  const stops = NESTED.filter(([name]) => minor <= 12 || !name.endsWith('(return)'))
  const records = run(image, stops).slice(0, -1)
  // Another thread's stop during an init, told after the next one.
  const late: SessionRecord = { ...common(3_120, 40), kind: 'signal', signal: 23 } as SessionRecord
  for (const at of [records.length - 3, records.length - 1, records.length]) {
    const told = records.toSpliced(at, 0, late)
    const { inits } = assembleFake(image, [...told, endRecord(4_000)])
    expect(inits).toHaveLength(3)
    expect(followed(image, told)).toEqual(inits)
  }
  expect(followed(image, records)).toEqual(assembleFake(image, [...records, endRecord(4_000)]).inits)
})
