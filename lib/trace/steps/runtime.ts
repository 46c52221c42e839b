/** Steps 8, 9, 11 and 12: osinit and what schedinit does beside the heap. */
import type { Hex } from '../../image/types'
import type { Context } from '../context'
import { type Asserted, Checks } from './checks'
import { hexOrNull, int32, type Scene, sequence } from './scene'

/** Evidence of step 8: read when osinit has returned, at schedinit's first instruction. */
export interface OsinitEvidence {
  ncpu: number | null
  pageSize: number | null
  hugePageSize: number | null
}

export function osinitEvidence({ context }: Scene): OsinitEvidence {
  const after = context.hit('runtime.schedinit')
  const size = (name: string): number | null => {
    const value = context.word(after, name)
    return value === null ? null : Number(value)
  }
  return {
    ncpu: context.read(after, 'ncpu')?.readInt32LE(0) ?? null,
    pageSize: size('physPageSize'),
    hugePageSize: size('physHugePageSize'),
  }
}

/** Evidence of step 9. */
export interface SchedinitEvidence extends Asserted {
  moduledata: Hex | null
  text: Hex | null
  etext: Hex | null
  maxmcount: number | null
}

export function schedinitEvidence({ context }: Scene): SchedinitEvidence {
  const { go } = context
  const verify = context.hit('runtime.moduledataverify1')
  const moduledata = context.argument(verify, 0)
  const text = context.word(verify, 'text')
  const etext = context.word(verify, 'text', 8)
  const maxmcount = context.read(verify, 'maxmcount')?.readInt32LE(0) ?? null
  const file = go?.moduledata ?? null
  const checks = new Checks()
    .equal('moduledata = firstmoduledata of the file', moduledata, file && context.runtimeAddress(file.address))
    .equal('text as in the file', text, file && context.runtimeAddress(file.text))
    .equal('etext as in the file', etext, file && context.runtimeAddress(file.etext))
    .equal('sched.maxmcount', maxmcount, 10_000)
  return {
    moduledata: hexOrNull(moduledata),
    text: hexOrNull(text),
    etext: hexOrNull(etext),
    maxmcount,
    ...checks.result(),
  }
}

/** Evidence of step 11. */
export interface ModulesEvidence {
  sequence: string[]
  modules: number | null
}

export function modulesEvidence({ context }: Scene): ModulesEvidence {
  return { sequence: sequence(context, 'modules'), modules: countModules(context) }
}

/** Follows moduledata.next as far as it was read; null when the chain does not end there. */
function countModules(context: Context): number | null {
  const hit = context.hit('runtime.modulesinit')
  const links = ['next1', 'next2', 'next3'].map((name) => context.word(hit, name))
  const end = links.indexOf(0n)
  return end < 0 || links.slice(0, end).includes(null) ? null : end + 1
}

/** Evidence of step 12. */
export interface ProcsEvidence {
  gomaxprocs: number | null
  sequence: string[]
}

export function procsEvidence({ context }: Scene): ProcsEvidence {
  return {
    gomaxprocs: int32(context.argument(context.hit('runtime.procresize'), 0)),
    sequence: sequence(context, 'procs'),
  }
}
