/**
 * Where a target hangs whose time has run out: the init function that does not return, and the frames of its goroutine,
 * whether a thread runs it or it is parked.
 */
import type { GoImage } from '../image/types'
import { G_M, G_STACK, schedOffsets, vdsoOffset } from '../plan/layout'
import type { StateRecord } from '../session/records'
import type { Run } from '../session/run'
import { backtrace, type StackBytes } from './backtrace'
import { type Context, register } from './context'
import { contextOf } from './live'
import { interruptedAt } from './signal-frame'
import { INTERRUPTED } from './stops'
import type { Frame, Stuck } from './types'

/** The most of a goroutine's stack that is read. */
const MOST_STACK_BYTES = 256 * 1024

/** Go's signal stacks. @go runtime.mpreinit go1.5 */
const SIGNAL_STACK_BYTES = 32 * 1024

/** How many frames the words show. */
const SHOWN_FRAMES = 16

/**
 * Fills `run.stuck` from the held target. False where the goroutine's place could not be told now, as its thread is
 * between two stacks: a moment later it can.
 */
export function readStuck(run: Run): boolean {
  const context = contextOf(run)
  const { go } = context
  if (go === null || context.hit('main.main') !== null) return true
  const goroutine = goroutineOne(run, context, go)
  const start = goroutine && standsAt(run, context, goroutine)
  const frames = start === null ? [] : backtrace(go.pclntab, context.addresses, start)
  run.stuck = describe(context, frames)
  return goroutine === null || frames.length > 1
}

/** Goroutine 1 in the target's memory: its record, and its stack's bounds. */
interface Goroutine {
  go: GoImage
  g: bigint
  low: bigint
  high: bigint
}

/** All of the held target's memory there, or null. */
function read(run: Run, address: bigint, length: number): Buffer | null {
  const bytes = run.tracer.readMemory(address, length)
  return bytes?.length === length ? bytes : null
}

function goroutineOne(run: Run, context: Context, go: GoImage): Goroutine | null {
  const g = recordOfOne(context, go)
  const bounds = g === null ? null : read(run, g + BigInt(G_STACK), 16)
  return g === null || !bounds ? null : { go, g, low: bounds.readBigUInt64LE(0), high: bounds.readBigUInt64LE(8) }
}

/** The first of its places that is on its stack; null where none is. */
function standsAt(run: Run, context: Context, goroutine: Goroutine): StackBytes | null {
  const { low, high } = goroutine
  for (const place of places(run, context, goroutine)) {
    if (place.sp < low || place.sp >= high) continue
    const bytes = read(run, place.sp, Math.min(Number(high - place.sp), MOST_STACK_BYTES))
    if (bytes) return { ...place, bytes }
  }
  return null
}

type Place = Omit<StackBytes, 'bytes'>

/**
 * Where it may stand: on a thread, or where a signal or a call of the vDSO took its thread to another stack, else where
 * the scheduler put it aside.
 */
function* places(run: Run, context: Context, { go, g }: Goroutine): Generator<Place> {
  const threads = states(run).map((state) => ({ pc: state.address, sp: register(state, 'rsp') ?? 0n }))
  yield* threads
  for (const thread of threads) {
    const bytes = run.tracer.readMemory(thread.sp, SIGNAL_STACK_BYTES)
    const interrupted = bytes && interruptedAt(go.pclntab, context.addresses, { ...thread, bytes })
    if (interrupted) yield interrupted
  }
  const inVdso = vdsoOffset(go)
  const m = inVdso && read(run, g + BigInt(G_M), 8)?.readBigUInt64LE()
  const vdso = inVdso && m ? read(run, m + BigInt(inVdso), 16) : null
  if (vdso) yield { sp: vdso.readBigUInt64LE(), pc: vdso.readBigUInt64LE(8), returned: true }
  const offsets = schedOffsets(go)
  const saved = offsets && read(run, g + BigInt(offsets.sp), offsets.pc + 8 - offsets.sp)
  if (saved) yield { sp: saved.readBigUInt64LE(), pc: saved.readBigUInt64LE(saved.length - 8), returned: true }
}

/** The threads' states at the last look. */
function states(run: Run): StateRecord[] {
  const all = run.records.filter((record) => record.kind === 'state')
  return all.filter(({ atNs }) => atNs === all.at(-1)?.atNs)
}

/** The g in whose name runtime.main was entered; it never moves. */
function recordOfOne(context: Context, go: GoImage): bigint | null {
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
  if (stuck.function === null) {
    const last = trace.stops.findLast(({ name }) => name !== INTERRUPTED)
    return `it did not get past ${last?.name ?? 'its start'}`
  }
  return `${stuck.function}${stuck.file === null ? '' : ` (${stuck.file}:${stuck.line})`} has not returned`
}

/** The frames, one a line; null where there are none. */
export function stuckFrames({ backtrace: frames }: Stuck): string | null {
  if (frames.length === 0) return null
  const lines = frames.slice(0, SHOWN_FRAMES).map(({ function: name, address, inlined, file, line }) => {
    return `  ${name ?? address}${inlined ? '(...)' : ''}${file === null ? '' : ` ${file}:${line}`}`
  })
  return ['goroutine 1:', ...lines, ...(frames.length > SHOWN_FRAMES ? ['  …'] : [])].join('\n')
}
