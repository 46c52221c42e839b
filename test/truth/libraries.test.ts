/** The libraries of step 4, against the dynamic linker's own account in the same process: LD_DEBUG=files,libs. */
import { realpathSync } from 'node:fs'
import { trace } from '../../lib/index'
import type { InterpEvidence } from '../../lib/trace/steps/kernel'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, type Snapshot, snapshot } from '../support/leaks'
import { missingCommand, testUnless } from '../support/skip'
import { type Subject, subjects } from './subjects'

let before: Snapshot
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

interface Library {
  path: string
  base: string
}

/** What the linker says: each library that it has found and mapped, by address. */
function accountOf(debug: string): Library[] {
  const found: Library[] = []
  let path = ''
  for (const line of debug.split('\n')) {
    path = /trying file=(\S+)/.exec(line)?.[1] ?? path
    const base = /dynamic: 0x\w+ +base: 0x(\w+)/.exec(line)?.[1]
    if (base !== undefined) found.push({ path: realpathSync(path), base: `0x${BigInt(`0x${base}`).toString(16)}` })
  }
  return found.toSorted((a, b) => Number(BigInt(a.base) - BigInt(b.base)))
}

type Linked = Pick<Subject, 'name' | 'missing' | 'file' | 'args' | 'env'>

const ofTwo: Linked[] = [{}, { flags: ['-buildmode=pie'] }].map((options) => ({
  name: `real cgo, libm and libc${options.flags ? ', pie' : ''}`,
  missing: missingGo() ?? missingCommand('gcc'),
  file: () => buildFixture('cgo', { ...options, env: { CGO_ENABLED: '1' } }) as string,
  args: [],
  env: process.env as Record<string, string>,
}))

describe.each([...ofTwo, ...subjects.filter((one) => !one.static)])('$name', ({ missing, file, args, env }) => {
  testUnless(missing)('its libraries are those that ld.so says that it mapped, where it says', async () => {
    const seen = await trace(file(), args, { until: 'entry', env: { ...env, LD_DEBUG: 'files,libs' } })
    const interp = seen.steps.find(({ id }) => id === 'interp')!
    const { path, base, libraries } = interp.evidence as unknown as InterpEvidence
    const account = accountOf(seen.output.stderr)
    const byBase = libraries.toSorted((a, b) => Number(BigInt(a.base) - BigInt(b.base)))
    expect(byBase).toEqual(account)
    expect(path).toBe(seen.target.elf?.interpreter)
    const maps = seen.stops.find(({ kind }) => kind === 'breakpoint')?.maps
    expect(maps?.find(({ role }) => role === 'ld.so')?.start).toBe(base)
    expect(account.length).toBe(seen.target.elf?.needed.length)
  })
})

describe.each(subjects.filter((one) => one.static))('$name', ({ missing, file, args, env }) => {
  testUnless(missing)('has no dynamic linker, and maps none', async () => {
    const seen = await trace(file(), args, { until: 'entry', env })
    expect(seen.steps.find(({ id }) => id === 'interp')?.status).toBe('not-applicable')
    const roles = new Set(seen.stops.flatMap(({ maps = [] }) => maps).map(({ role }) => role))
    expect([...roles]).toContain('text')
    expect([...roles].filter((role) => role === 'ld.so' || role === 'library')).toEqual([])
  })
})
