/**
 * Where each step is stopped at, by Go version. The first stop of a step is its main stop. Names are those that survive
 * inlining in every build of the version, stripped or not.
 *
 * Sources: @go runtime.schedinit, runtime.main, runtime.mstart1 (src/runtime/proc.go), runtime.rt0_go
 * (src/runtime/asm_amd64.s), go1.10 … go1.27.
 */
import { NEWEST_MINOR, OLDEST_MINOR } from '../image/go/layouts'
import type { StepId } from './types'

/** One place to stop at. */
export interface StepStop {
  step: StepId
  symbol: string
  /** Go minor versions that have it, both included; the newest stays open to later releases. */
  from: number
  to: number
  /** `return`: where the function, stopped at before, returns to. */
  at: 'entry' | 'return'
  /**
   * What the step's evidence takes here. Registers and maps are taken even where the caller asked for none
   * of them to be shown.
   */
  needs: { registers?: true; maps?: true }
  /** The target is about to read its CPU mask or to pass it on to a thread. */
  keepMask: boolean
}

type Extra = Partial<Pick<StepStop, 'from' | 'to' | 'at' | 'needs' | 'keepMask'>>

const ALL: Required<Extra> = { from: OLDEST_MINOR, to: NEWEST_MINOR, at: 'entry', needs: {}, keepMask: false }

const at = (step: StepId, symbol: string, extra: Extra = {}): StepStop => ({ step, symbol, ...ALL, ...extra })

const REGISTERS = { registers: true } as const
const MAPS = { maps: true } as const

/** Every stop inside Go's runtime, in the order in which a program reaches them. */
export const STOPS: readonly StepStop[] = [
  at('rt0', 'runtime.rt0_go', { needs: REGISTERS }),
  at('rt0', 'runtime.check', { needs: REGISTERS }),
  at('args', 'runtime.args', { needs: REGISTERS }),
  at('osinit', 'runtime.osinit', { keepMask: true }),
  at('schedinit', 'runtime.schedinit'),
  // moduledataverify itself is inlined from 1.15 on
  at('schedinit', 'runtime.moduledataverify1', { needs: REGISTERS }),
  at('mallocinit', 'runtime.mallocinit', { needs: MAPS }),
  at('mallocinit', 'runtime.mallocinit', { at: 'return', needs: MAPS }),
  at('modules', 'runtime.alginit', { from: 7, to: 26 }),
  at('modules', 'internal/runtime/maps.AlgInit', { from: 27 }),
  at('modules', 'runtime.modulesinit', { from: 8 }),
  at('modules', 'runtime.typelinksinit', { from: 7 }),
  at('modules', 'runtime.itabsinit', { from: 7 }),
  at('procs', 'runtime.goargs'),
  at('procs', 'runtime.goenvs_unix'),
  at('procs', 'runtime.gcinit'),
  at('procs', 'runtime.procresize', { needs: REGISTERS }),
  at('newproc', 'runtime.newproc', { needs: REGISTERS }),
  at('newproc', 'runtime.newproc1'),
  at('mstart', 'runtime.mstart1'),
  at('mstart', 'runtime.schedule'),
  at('mstart', 'runtime.execute'),
  at('mstart', 'runtime.gogo'),
  at('mstart', 'runtime.main', { needs: REGISTERS }),
  at('sysmon', 'runtime.newm', { needs: REGISTERS }),
  at('sysmon', 'runtime.init', { to: 12 }),
  at('sysmon', 'runtime.doInit', { from: 13, to: 20 }),
  // from 1.21 on doInit is inlined
  at('sysmon', 'runtime.doInit1', { from: 21 }),
  at('sysmon', 'runtime.gcenable'),
  at('inits', 'runtime.gcenable', { at: 'return' }),
  at('main', 'main.main', { needs: { registers: true, maps: true } }),
]

/** The name of a stop: its symbol, or `runtime.mallocinit (return)`. */
export function stopName(stop: Pick<StepStop, 'symbol' | 'at'>): string {
  return stop.at === 'return' ? `${stop.symbol} (return)` : stop.symbol
}

/** The stops that versions between `min` and `max` (Go minors, both included) can have. */
export function stopsFor(min: number, max: number): StepStop[] {
  return STOPS.filter((stop) => stop.from <= max && (stop.to >= min || stop.to === NEWEST_MINOR))
}

/** A step's stops for any version, for `explain`. */
export function stopsOf(step: StepId): StepStop[] {
  return STOPS.filter((stop) => stop.step === step)
}

/**
 * Functions that run with signals blocked or in a child that shares the target's memory. A breakpoint there would
 * reset the target's SIGTRAP handler (linux kernel/signal.c force_sig_info_to_task) or end that child.
 */
export const FORBIDDEN: ReadonlySet<string> = new Set([
  'runtime.clone',
  'runtime.newosproc',
  'runtime.newosproc0',
  'runtime.mstart',
  'runtime.mstart0',
  'runtime.minit',
  'runtime.minitSignals',
  'runtime.sigtramp',
  'runtime.sigtrampgo',
  'runtime.cgoSigtramp',
  'runtime.sigreturn',
  'runtime.sigreturn__sigaction',
  'runtime.sighandler',
  'runtime.sigfwd',
  'runtime.sigfwdgo',
  'runtime.adjustSignalStack',
  'runtime.setg_gcc',
  'syscall.rawVforkSyscall',
  'syscall.runtime_AfterForkInChild',
  'syscall.runtime_BeforeFork',
])
