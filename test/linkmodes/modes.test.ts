/** Every link mode comes to main.main with all its steps, all facts agreeing, and the inits that Go itself reports. */
import { spawnSync } from 'node:child_process'
import { type Trace, trace } from '../../lib/index'
import { buildFixture, buildLinkshared, missingGo } from '../support/fixtures'
import { testUnless } from '../support/skip'
import { type LinkMode, MODES } from './modes'

const RELEASES = ['1.21.13', '1.23.12', '1.25.4', '1.27.0']

// Leaks are nobody's business in a program that is killed at main.main.
const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } as Record<string, string>

/** Packages in the order of GODEBUG=inittrace=1, which writes import paths as the linker does. */
function inittrace(file: string): string[] {
  const { stderr } = spawnSync(file, { env: { ...env, GODEBUG: 'inittrace=1' }, encoding: 'utf8' })
  return [...stderr.matchAll(/^init (\S+) @/gm)].map(([, name]) => decodeURIComponent(name as string))
}

function packages({ inits }: Trace): string[] {
  return inits.filter(({ task }, at) => task !== inits[at - 1]?.task).map((init) => init.package)
}

async function comesToMain(file: string, interp: boolean): Promise<Trace> {
  const seen = await trace(file, { timeout: 30_000, env })
  expect(seen.outcome).toBe('reached-main')
  const unlike = seen.steps.filter(
    ({ id, status }) => status !== (id === 'interp' && !interp ? 'not-applicable' : 'observed'),
  )
  expect(unlike.map(({ id, status, reason }) => ({ id, status, reason }))).toEqual([])
  const failures = seen.steps.flatMap(({ id, evidence }) =>
    ((evidence.failures ?? []) as string[]).map((why) => `${id}: ${why}`),
  )
  expect(failures).toEqual([])
  for (const id of ['rt0', 'args', 'schedinit', 'newproc', 'mstart', 'sysmon', 'main']) {
    expect([id, seen.steps.find((step) => step.id === id)?.evidence.asserted]).toEqual([id, true])
  }
  expect(packages(seen)).toEqual(inittrace(file))
  return seen
}

function evidence(seen: Trace, id: string): Record<string, unknown> {
  return seen.steps.find((step) => step.id === id)?.evidence ?? {}
}

describe('link modes', () => {
  for (const { name, fixture, expected, missing, linkshared, ...options } of MODES) {
    testUnless(missing)(
      name,
      async () => {
        const file = linkshared ? buildLinkshared(fixture) : buildFixture(fixture, options)
        const seen = await comesToMain(file as string, expected.interp)
        expect(evidence(seen, 'entry').shape).toBe(expected.entry)
        expect(evidence(seen, 'rt0').cgo).toBe(expected.cgo)
        expect(seen.target.elf?.type).toBe(expected.type)
        expect(evidence(seen, 'interp').relocated).toBe(expected.interp ? true : null)
        expect(evidence(seen, 'main').callSite).toMatch(/\/runtime\/proc\.go:\d+$/)
      },
      300_000,
    )
  }
})

describe('link modes of other releases', () => {
  // Each mode of each release means another build of the standard library: those that differ most between releases.
  const chosen: [toolchain: string, mode: string][] = [
    ...RELEASES.map((toolchain): [string, string] => [toolchain, 'PIE by internal link']),
    ['1.21.13', 'cgo, static by glibc'],
  ]
  const builds = chosen.map(([toolchain, mode]) => ({
    ...(MODES.find(({ name }) => name === mode) as LinkMode),
    toolchain,
  }))
  for (const { name, fixture, expected, missing, ...options } of builds) {
    testUnless(missing ?? missingGo(options.toolchain))(
      `${name}, Go ${options.toolchain}`,
      async () => {
        const seen = await comesToMain(buildFixture(fixture, options) as string, expected.interp)
        expect(seen.target.go?.version).toBe(`go${options.toolchain}`)
      },
      300_000,
    )
  }
})
