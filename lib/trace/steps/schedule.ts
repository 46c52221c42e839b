/** Steps 13 to 15: the main goroutine, the scheduler, sysmon. */
import type { Hex } from '../../image/types'
import { newprocArgument } from '../../plan/reads'
import { type Context, register } from '../context'
import { type Asserted, Checks } from './checks'
import { hexOrNull, type Scene, sequence } from './scene'

/** Evidence of step 13. */
export interface NewprocEvidence extends Asserted {
  fn: string | null
  funcval: Hex | null
}

export function newprocEvidence({ context }: Scene): NewprocEvidence {
  const hit = context.hit('runtime.newproc')
  const argument = context.go && newprocArgument(context.go)
  const code = context.word(hit, 'fn')
  const fn = code === null ? null : context.nameAt(code)
  return {
    fn,
    funcval: argument === null ? null : hexOrNull(context.argument(hit, argument)),
    ...new Checks().equal('the function is runtime.main', fn, 'runtime.main').result(),
  }
}

/** Evidence of step 14. */
export interface MstartEvidence extends Asserted {
  sequence: string[]
  g: Hex | null
  goid: number | null
  stackLo: Hex | null
  stackHi: Hex | null
  slotBefore: Hex | null
}

export function mstartEvidence({ context }: Scene): MstartEvidence {
  const main = context.hit('runtime.main')
  const g0 = context.word(context.hit('runtime.check'), 'tls')
  const slotBefore = context.word(context.hit('runtime.execute'), 'tls')
  const g = context.word(main, 'tls')
  const goid = context.word(main, 'g.goid')
  const low = context.word(main, 'g.stack')
  const high = context.word(main, 'g.stack', 8)
  const sp = main && register(main.record, 'rsp')
  const registerAbi = (context.go?.minors.min ?? 0) >= 17
  const checks = new Checks()
    .equal('the slot held g0 in execute', slotBefore, g0)
    .holds('the slot holds another g in runtime.main', g === null || g0 === null ? null : g !== g0)
    .equal('R14 = g', main && registerAbi ? register(main.record, 'r14') : null, g)
    .equal('goid', goid, 1n)
    .holds('SP lies in g’s stack', sp === null || low === null || high === null ? null : low < sp && sp <= high)
  return {
    sequence: sequence(context, 'mstart'),
    g: hexOrNull(g),
    goid: goid === null ? null : Number(goid),
    stackLo: hexOrNull(low),
    stackHi: hexOrNull(high),
    slotBefore: hexOrNull(slotBefore),
    ...checks.result(),
  }
}

/** Evidence of step 15. */
export interface SysmonEvidence extends Asserted {
  sequence: string[]
  sysmonTid: number | null
  runtimeInits: number | null
  threads: number
  gcEnabled: boolean
}

export function sysmonEvidence({ context, inits }: Scene): SysmonEvidence {
  const newm = context.hit('runtime.newm')
  const code = context.word(newm, 'fn')
  const gcenable = context.hit('runtime.gcenable') ?? context.stepHits('sysmon').at(-1)
  const planned = context.ownSites.some((site) => site.role === 'init')
  return {
    sequence: sequence(context, 'sysmon'),
    sysmonTid: sysmonThread(context),
    runtimeInits: planned ? inits.filter((init) => init.runtime).length : null,
    threads: context.threadsAt(gcenable?.at ?? context.records.length),
    gcEnabled: context.hit('runtime.gcenable (return)') !== null,
    ...new Checks()
      .equal('newm’s function is runtime.sysmon', code === null ? null : context.nameAt(code), 'runtime.sysmon')
      .result(),
  }
}

/** The first thread that the caller of newm made after it, when newm was called for sysmon. */
export function sysmonThread(context: Context): number | null {
  const newm = context.hit('runtime.newm')
  const code = context.word(newm, 'fn')
  if (!newm || code === null || context.nameAt(code) !== 'runtime.sysmon') return null
  for (const record of context.records.slice(newm.at + 1)) {
    if (record.kind === 'thread' && record.event === 'start' && record.tid === newm.record.tid) return record.newTid
  }
  return null
}
