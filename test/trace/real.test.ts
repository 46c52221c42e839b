/** Traces of real programs, held against what Go itself says of them. */
import { spawnSync } from 'node:child_process'
import { openImage } from '../../lib/image/image'
import { STEPS } from '../../lib/plan/catalogue'
import { trace } from '../../lib/trace/trace'
import type { Step, Trace } from '../../lib/trace/types'
import { type CorpusProgram, corpus, missingProgram, tsgo } from '../support/corpus'
import { assertNothingLeft, snapshot } from '../support/leaks'
import { testUnless } from '../support/skip'

const step = (of: Trace, id: string): Step => of.steps.find((one) => one.id === id) as Step
const environment = (program: CorpusProgram): Record<string, string> => ({
  ...(process.env as Record<string, string>),
  ...program.env,
})

/** The packages of `GODEBUG=inittrace=1`, in order. Go escapes dots there. @go runtime.doInit1, from 1.16 on */
function inittrace(program: CorpusProgram): string[] {
  const env = { ...environment(program), GODEBUG: 'inittrace=1' }
  const { stderr } = spawnSync(program.file, program.args, { env, encoding: 'utf8' })
  const lines = stderr.split('\n').filter((line) => line.startsWith('init '))
  return lines.map((line) => decodeURIComponent(line.split(' ')[1] as string))
}

/** The packages with init work, as the file lists them. */
function listed(program: CorpusProgram): string[] {
  const image = openImage(program.file)
  try {
    return (image.go?.initTasks ?? []).filter((task) => task.functions.length > 0).map((task) => task.package)
  } finally {
    image.close()
  }
}

const minorOf = ({ goVersion }: CorpusProgram): number => Number(goVersion.split('.')[1])

describe('real programs', () => {
  let before: ReturnType<typeof snapshot>
  beforeEach(() => {
    before = snapshot()
  })
  afterEach(() => assertNothingLeft(before))

  for (const program of corpus) {
    testUnless(missingProgram(program))(`${program.name}: all steps, all facts, all inits`, async () => {
      const seen = await trace(program.file, program.args, { env: environment(program) })
      expect(seen.steps.map(({ status, id }) => [id, status])).toEqual(
        STEPS.map(({ id }) => [id, id === 'interp' && program.static ? 'not-applicable' : 'observed']),
      )
      for (const { id, evidence } of seen.steps) {
        expect([id, evidence.failures ?? []]).toEqual([id, []])
        if ('asserted' in evidence) expect([id, evidence.asserted]).toEqual([id, true])
      }
      expect(step(seen, 'mstart').evidence.goid).toBe(1)
      expect(step(seen, 'schedinit').evidence.maxmcount).toBe(10_000)
      const heap = step(seen, 'mallocinit').evidence
      expect([heap.centrals, heap.pagesInUse]).toEqual([minorOf(program) >= 16 ? 136 : 134, 0])
      if (minorOf(program) <= 25) expect(heap.arenaHint).toBe('0xc000000000')
      expect(step(seen, 'modules').evidence.modules).toBe(1)
      expect(step(seen, 'procs').evidence.gomaxprocs).toBe(step(seen, 'osinit').evidence.ncpu)
      expect(step(seen, 'sysmon').evidence.sysmonTid).toBe(seen.threads[1]?.tid)
      expect(step(seen, 'main').evidence).toMatchObject({
        caller: 'runtime.main',
        callSite: expect.stringMatching(/proc\.go:\d+$/),
      })
      expect(step(seen, 'main').evidence.call).toMatch(/ {2}call /)
      expect(step(seen, 'inits').evidence.unseen).toEqual([])
      const packages = [...new Map(seen.inits.map((init) => [init.task, init.package])).values()]
      if (minorOf(program) >= 16) expect(packages).toEqual(inittrace(program))
      else expect(packages.toSorted()).toEqual(listed(program).toSorted())
      const spent = seen.inits.filter(({ runtime }) => !runtime).reduce((sum, { wallNs }) => sum + wallNs, 0)
      expect(spent).toBeLessThanOrEqual(step(seen, 'inits').wallNs)
    })
  }
})

test('the heap’s span lists are counted in memory, the first arena lies where it was told to', async () => {
  const seen = await trace(tsgo.file, tsgo.args)
  const { centrals, pagesInUse, arenaHint, reservedBytes, mapped } = step(seen, 'mallocinit').evidence
  expect({ centrals, pagesInUse }).toEqual({ centrals: 136, pagesInUse: 0 })
  const added = (mapped as { perms: string; bytes: number }[]).filter(({ perms }) => perms === '---p')
  expect(reservedBytes).toBe(added.reduce((sum, { bytes }) => sum + bytes, 0))
  const arenas = seen.stops.at(-1)?.maps?.filter(({ role }) => role === 'heap-arena')
  expect(arenas?.[0]?.start).toBe(arenaHint)
})

test('backtraces go from main.main to goexit', async () => {
  const seen = await trace(tsgo.file, tsgo.args, { backtraces: true, inits: false })
  const functions = (name: string) =>
    seen.stops.find((stop) => stop.name === name)?.backtrace?.map((frame) => frame.function)
  expect(functions('main.main')).toEqual(['main.main', 'runtime.main', 'runtime.goexit'])
  expect(functions('runtime.mallocinit')).toEqual(['runtime.mallocinit', 'runtime.schedinit', 'runtime.rt0_go'])
})

test('every PT_LOAD is mapped, its .bss tail anonymous', async () => {
  const seen = await trace(tsgo.file, tsgo.args, { until: 'entry' })
  const segments = step(seen, 'image').evidence.segments as {
    mapped: boolean
    mappings: { bss: boolean; kind: string }[]
  }[]
  const image = openImage(tsgo.file)
  const loads = image.segments.filter(({ type }) => type === 'LOAD')
  image.close()
  expect(segments.map(({ mapped }) => mapped)).toEqual(loads.map(() => true))
  expect(segments.map(({ mappings }) => mappings.some(({ bss }) => bss))).toEqual(
    loads.map(({ memSize, fileSize }) => memSize > fileSize),
  )
})
