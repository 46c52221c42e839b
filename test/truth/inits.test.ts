/** The package inits that a trace lists, against the runtime's own account of them: GODEBUG=inittrace=1. */
import { spawnSync } from 'node:child_process'
import { trace } from '../../lib/index'
import type { Init } from '../../lib/trace/types'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, type Snapshot, snapshot } from '../support/leaks'
import { testUnless } from '../support/skip'
import { minorOf, type Subject, subjects } from './subjects'

let before: Snapshot
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

/**
 * The packages in the order in which the runtime says that it initialised them: those with functions to call. It prints
 * the linker's form, in which a dot of the last path element is escaped. @go runtime.doInit1, from 1.16 on
 */
function inittrace({ file, args, env }: Pick<Subject, 'file' | 'args' | 'env'>): string[] {
  const { stderr } = spawnSync(file(), args, { env: { ...env, GODEBUG: 'inittrace=1' }, encoding: 'utf8' })
  return [...stderr.matchAll(/^init (\S+) @/gm)].map(([, name]) => decodeURIComponent(name as string))
}

/** The distinct tasks of a trace, each by its package, in order. */
function tasks(inits: readonly Init[]): string[] {
  return [...new Map(inits.map((init) => [init.task, init.package])).values()]
}

const bare = [undefined, '1.21.13', '1.23.12', '1.25.5', '1.27.0'].map((toolchain) => ({
  name: `without imports, go${toolchain ?? ' as installed'}`,
  missing: missingGo(toolchain),
  file: () => buildFixture('bare', { ...(toolchain && { toolchain }) }) as string,
  args: [],
  env: process.env as Record<string, string>,
}))

describe.each([...subjects.filter((one) => minorOf(one) >= 16), ...bare])('$name', (subject) => {
  testUnless(subject.missing)('tasks are those of inittrace, in its order', async () => {
    const { file, args, env } = subject
    const said = inittrace(subject)
    expect(said.length).toBeGreaterThanOrEqual(2)
    const { inits, steps } = await trace(file(), args, { env })
    expect(tasks(inits)).toEqual(said)

    expect(inits.map(({ order }) => order)).toEqual([...inits.keys()])
    expect(inits.filter(({ package: path }) => path === 'runtime').every(({ runtime }) => runtime)).toBe(true)
    expect(inits.filter(({ package: path }) => path === 'main').some(({ runtime }) => runtime)).toBe(false)
    const evidence = steps.find(({ id }) => id === 'inits')?.evidence
    expect(evidence).toMatchObject({ unseen: [] })
  })
})

describe.each(bare)('$name', ({ missing, file }) => {
  testUnless(missing)('every task is the runtime’s', async () => {
    const { inits } = await trace(file())
    expect(tasks(inits)).toContain('runtime')
    expect(inits.every(({ runtime }) => runtime)).toBe(true)
  })
})
