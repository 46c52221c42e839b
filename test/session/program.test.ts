/** What is remembered of a program between launches, and when it is not. */
import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from '../../lib/plan/inspect'
import { resolveOptions, type TraceOptions } from '../../lib/session/options'
import { prepareProgram } from '../../lib/session/program'
import { trace } from '../../lib/trace/trace'
import { tsgo } from '../support/corpus'
import { assertNothingLeft, snapshot } from '../support/leaks'

const planOf = (options: TraceOptions) => prepareProgram(tsgo.file, [], resolveOptions(options)).plan

test('a plan is made once for the same options', () => {
  const options: TraceOptions = { until: 'schedinit', stops: ['os.Getenv', /^os\.init/] }
  expect(planOf(options)).toBe(planOf({ ...options, run: true, timeout: 1000 }))
})

test('each option that a plan depends on, changed, makes another', () => {
  const plans = [
    {},
    { until: 'schedinit' },
    { until: 'schedinit', inits: false },
    { inits: false },
    { registers: false },
    { maps: false },
    { maps: false, evidence: false },
    { backtraces: true },
    { only: true },
    { stops: ['os.Getenv'] },
    { stops: [/os.Getenv/] },
    { stops: ['os.Getenv', 'os.Exit'] },
  ].map(planOf)
  expect(new Set(plans).size).toBe(plans.length)
})

test('a launch that is refused once its child was made leaves nothing of it', async () => {
  const options: TraceOptions = { stdio: 'ignore', until: 'schedinit' }
  await trace(tsgo.file, options)
  const before = snapshot()
  for (let i = 0; i < 20; i++) {
    // The environment is read after the program was found to be the remembered one.
    await expect(trace(tsgo.file, { ...options, env: { 'A=B': 'c' } })).rejects.toThrow('cannot be passed on')
    if (i % 2 === 0) expect((await trace(tsgo.file, options)).outcome).toBe('reached-until')
  }
  await assertNothingLeft(before)
})

test('a program that was replaced between two traces is read anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'premain-replaced-'))
  try {
    const program = join(folder, 'program')
    const next = join(folder, 'next')
    copyFileSync('/bin/true', program)
    const before = await trace(program)
    copyFileSync(tsgo.file, next)
    renameSync(next, program)
    const after = await trace(program)
    expect([before.outcome, before.target.go]).toEqual(['reached-entry', null])
    expect([after.outcome, after.target.go]).toEqual(['reached-main', (await inspect(tsgo.file)).go])
    expect(after.inits.length).toBeGreaterThan(10)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
