/** The oldest Go releases that are traced, the newest, and programs that do not say which release built them. */
import { readFileSync } from 'node:fs'
import { inspect, type PremainError, trace } from '../../lib/index'
import { removeScratch, writeScratch } from '../image/support'
import { buildFixture, missingGo } from '../support/fixtures'
import { missingCommand, testUnless } from '../support/skip'

afterAll(removeScratch)

const RELEASES = [
  { toolchain: '1.10.8', range: '>=1.10 <1.13', arenaHint: null },
  { toolchain: '1.11.13', range: '>=1.10 <1.13', arenaHint: '0xc000000000' },
  { toolchain: '1.12.17', range: '>=1.10 <1.13', arenaHint: '0xc000000000' },
  { toolchain: '1.14.15', range: '>=1.13 <1.16', arenaHint: '0xc000000000' },
]

describe.each(RELEASES)('Go $toolchain, stripped', ({ toolchain, range, arenaHint }) => {
  const missing = missingGo(toolchain)
  const build = () => buildFixture('hello', { toolchain, flags: ['-ldflags=-s -w'] }) as string

  testUnless(missing)(
    'comes to main.main, all facts agreeing',
    async () => {
      const seen = await tracesAll(build())
      expect(seen.target.go?.version).toBe(`go${toolchain}`)
      const heap = seen.steps.find(({ id }) => id === 'mallocinit')?.evidence
      expect(heap).toMatchObject({ centrals: 134, pagesInUse: 0, arenaHint })
      expect((await trace(build(), { inits: false })).inits).toEqual([])
    },
    300_000,
  )

  testUnless(missing)(
    'its version blotted out, does so too, by what its functions bound',
    async () => {
      const file = restated(build(), `go${toolchain}`, 'x'.repeat(`go${toolchain}`.length))
      expect((await inspect(file)).go).toMatchObject({ version: null, versionRange: range })
      await tracesAll(file)
    },
    300_000,
  )
})

/** Up to 1.12 a program of the C linker lacks Go's own entry point, `_rt0_amd64`. */
const LINKED = [
  { name: 'dynamic', flags: [], interp: true },
  { name: 'static', flags: ['-ldflags=-s -w -linkmode=external -extldflags=-static'], interp: false },
  { name: 'PIE', flags: ['-buildmode=pie', '-ldflags=-s -w'], interp: true },
]

describe.each(RELEASES)('Go $toolchain, by the C linker', ({ toolchain }) => {
  const missing = missingGo(toolchain) ?? missingCommand('gcc')

  for (const { name, flags, interp } of LINKED) {
    testUnless(missing)(
      name,
      async () => {
        const file = buildFixture('cgo', { toolchain, flags, env: { CGO_ENABLED: '1' } }) as string
        const seen = await tracesAll(file, interp)
        expect(seen.target.go?.version).toBe(`go${toolchain}`)
        expect(seen.steps.find(({ id }) => id === 'rt0')?.evidence.cgo).toBe(true)
      },
      300_000,
    )
  }
})

testUnless(missingGo('1.27.0'))(
  'a release newer than what is known is refused before exec, by its name',
  async () => {
    const file = restated(buildFixture('hello', { toolchain: '1.27.0' }) as string, 'go1.27.0', 'go1.28.0')
    expect((await inspect(file)).go?.version).toBe('go1.28.0')
    const refused = await trace(file).catch((error) => error as PremainError)
    expect(refused).toMatchObject({ code: 'UNSUPPORTED', hint: 'Go 1.10 to 1.27 are known; this file says go1.28.0' })
    expect((refused as PremainError).trace).toBeUndefined()
  },
  300_000,
)

/** A copy that says something else of its version, as long, wherever it is said. */
function restated(file: string, version: string, text: string): string {
  const said = readFileSync(file).toString('latin1').replaceAll(version, text)
  return writeScratch(`said-${version}`, Buffer.from(said, 'latin1'))
}

async function tracesAll(file: string, interp = false) {
  const seen = await trace(file)
  expect(seen.outcome).toBe('reached-main')
  for (const { id, status, evidence } of seen.steps) {
    expect([id, status]).toEqual([id, id === 'interp' && !interp ? 'not-applicable' : 'observed'])
    expect([id, evidence.failures ?? []]).toEqual([id, []])
  }
  // Nothing else was asked for. The text report lists what belongs to no step.
  const ofSteps = new Set(seen.steps.flatMap(({ stops }) => stops))
  expect(seen.stops.filter(({ kind, index }) => kind === 'breakpoint' && !ofSteps.has(index))).toEqual([])
  // A package comes when its own work does: what it imports is done by then.
  const packages = seen.inits.map((init) => init.package)
  expect(packages[0]).toMatch(/^(runtime|internal\/bytealg)$/)
  expect(packages.lastIndexOf('errors')).toBeLessThan(packages.indexOf('os'))
  return seen
}
