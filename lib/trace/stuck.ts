/**
 * Where a target hangs whose time has run out: the init function that does not return, and the frames of its goroutine,
 * whether a thread runs it or it is parked.
 */
import type { GoImage } from '../image/types'
import { G_STACK, schedOffsets } from '../plan/layout'
import type { StateRecord } from '../session/records'
import type { Run } from '../session/run'
import { backtrace, type StackBytes } from './backtrace'
import { type Context, register } from './context'
import { contextOf } from './live'
import type { Frame, Stuck } from './types'

/** The most of a goroutine's stack that is read. */
const MOST_STACK_BYTES = 256 * 1024

/** How many frames the words show. */
const SHOWN_FRAMES = 16

/** Fills `run.stuck` from the held target. */
export function readStuck(run: Run): void {
  const context = contextOf(run)
  const { go } = context
  if (go === null || context.hit('main.main') !== null) return
  const start = mainGoroutine(run, context, go)
  const frames = start === null ? [] : backtrace(go.pclntab, context.addresses, start)
  run.stuck = describe(context, frames)
}

/** Where goroutine 1 stands: on the thread that runs it, else where the scheduler put it aside. */
function mainGoroutine(run: Run, context: Context, go: GoImage): StackBytes | null {
  const g = goroutineOne(context, go)
  const read = (address: bigint, length: number): Buffer | null => {
    const bytes = run.tracer.readMemory(address, length)
    return bytes?.length === length ? bytes : null
  }
  const bounds = g === null ? null : read(g + BigInt(G_STACK), 16)
  if (g === null || bounds === null) return null
  const [low, high] = [bounds.readBigUInt64LE(0), bounds.readBigUInt64LE(8)]
  const stackFrom = (pc: bigint, sp: bigint): StackBytes | null => {
    if (sp < low || sp >= high) return null
    const bytes = read(sp, Math.min(Number(high - sp), MOST_STACK_BYTES))
    return bytes && { pc, sp, bytes }
  }
  for (const state of states(run)) {
    const here = stackFrom(state.address, register(state, 'rsp') ?? 0n)
    if (here) return here
  }
  const offsets = schedOffsets(go)
  const saved = offsets && read(g + BigInt(offsets.sp), offsets.pc + 8 - offsets.sp)
  if (!offsets || !saved) return null
  return stackFrom(saved.readBigUInt64LE(offsets.pc - offsets.sp), saved.readBigUInt64LE(0))
}

function states(run: Run): StateRecord[] {
  return run.records.filter((record) => record.kind === 'state')
}

/** The g in whose name runtime.main was entered; it never moves. */
function goroutineOne(context: Context, go: GoImage): bigint | null {
  const main = context.hit('runtime.main')
  // R14 holds g in the bodies of Go functions. @go cmd/compile/abi-internal.md go1.17
  return context.word(main, 'tls') ?? (main && go.minors.min >= 17 ? register(main.record, 'r14') : null)
}

/** Names the init function: by the frames, or, where there are none, by the last one that was entered. */
function describe(context: Context, frames: Frame[]): Stuck {
  const inits = new Set(context.go?.initTasks.flatMap((task) => task.functions.map(({ name }) => name)))
  const frame = frames.find((one) => one.function !== null && inits.has(one.function))
  if (frame) return { function: frame.function, file: frame.file, line: frame.line, backtrace: frames }
  const last = context.hits.at(-1)
  const entered = frames.length === 0 && last !== undefined && last.site.role === 'init' ? last : null
  const line = entered && context.lineAt(entered.record.address)
  return {
    function: entered?.site.symbol ?? null,
    file: line?.file ?? null,
    line: line?.line ?? null,
    backtrace: frames,
  }
}

/** In a sentence: what has not returned, or the last stop that was reached. */
export function stuckWhere(stuck: Stuck, trace: { stops: readonly { name: string }[] }): string {
  if (stuck.function === null) return `it did not get past ${trace.stops.at(-1)?.name ?? 'its start'}`
  return `${stuck.function}${stuck.file === null ? '' : ` (${stuck.file}:${stuck.line})`} has not returned`
}

/** The frames, one a line; null where there are none. */
export function stuckFrames({ backtrace: frames }: Stuck): string | null {
  if (frames.length === 0) return null
  const lines = frames
    .slice(0, SHOWN_FRAMES)
    .map(({ function: name, address, file, line }) => `  ${name ?? address}${file === null ? '' : ` ${file}:${line}`}`)
  return ['goroutine 1:', ...lines, ...(frames.length > SHOWN_FRAMES ? ['  …'] : [])].join('\n')
}
