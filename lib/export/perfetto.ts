/**
 * Chrome's trace event JSON, which https://ui.perfetto.dev opens: a track for the steps, one for the package inits, and
 * one for each thread with its stops and system calls. All times are on the clock that stands still while the target
 * is held.
 */
import { basename } from 'node:path'
import type { Trace } from '../trace/types'
import { decimal, heldFreeClock } from './clock'

/** One event; `ts` and `dur` are microseconds. */
interface TraceEvent {
  name: string
  /** `X`: a slice; `i`: an instant; `M`: metadata. */
  ph: 'X' | 'i' | 'M'
  pid: number
  tid: number
  ts?: number
  dur?: number
  cat?: string
  s?: 't'
  args?: Record<string, unknown>
}

/** Tracks that are no thread: numbers that no tid has (kernel threads' ids start at 1, and pid_max is 2^22). */
const TRACKS = { steps: 1 << 23, inits: (1 << 23) + 1 } as const

/** The trace as one JSON object with `traceEvents`. */
export function toPerfetto(trace: Trace): string {
  const traceEvents = [
    ...metadata(trace),
    ...stepEvents(trace),
    ...initEvents(trace),
    ...stopEvents(trace),
    ...syscallEvents(trace),
  ]
  const { tool, target, host, startedAt, outcome } = trace
  const otherData = {
    tool: `${tool.name} ${tool.version}`,
    program: target.path,
    kernel: host.kernel,
    startedAt,
    outcome,
  }
  return `${JSON.stringify({ traceEvents, displayTimeUnit: 'ns', otherData })}\n`
}

function metadata({ pid, target, threads }: Trace): TraceEvent[] {
  const name = (kind: 'process_name' | 'thread_name', tid: number, text: string): TraceEvent => {
    return { name: kind, ph: 'M', pid, tid, args: { name: text } }
  }
  const order = (tid: number, sort_index: number): TraceEvent => {
    return { name: 'thread_sort_index', ph: 'M', pid, tid, args: { sort_index } }
  }
  return [
    name('process_name', pid, basename(target.path)),
    name('thread_name', TRACKS.steps, 'load steps'),
    order(TRACKS.steps, -2),
    name('thread_name', TRACKS.inits, 'package inits'),
    order(TRACKS.inits, -1),
    ...threads.map(({ tid, entry }) => name('thread_name', tid, entry ?? `thread ${tid}`)),
  ]
}

function stepEvents({ pid, steps }: Trace): TraceEvent[] {
  return steps
    .filter(({ status }) => status === 'observed' || status === 'derived')
    .map(({ id, title, index, status, symbol, startNs, wallNs, cpuNs, evidence }) => ({
      name: `${index} ${id}`,
      cat: 'step',
      ph: 'X',
      pid,
      tid: TRACKS.steps,
      ...span(startNs, wallNs),
      args: { title, status, symbol, cpuNs, evidence },
    }))
}

function initEvents({ pid, inits }: Trace): TraceEvent[] {
  return inits.map(({ package: name, function: fn, file, line, runtime, startNs, wallNs, cpuNs }) => ({
    name: fn,
    cat: runtime ? 'runtime init' : 'init',
    ph: 'X',
    pid,
    tid: TRACKS.inits,
    ...span(startNs, wallNs),
    args: { package: name, source: file === null ? null : `${file}:${line}`, cpuNs },
  }))
}

function stopEvents(trace: Trace): TraceEvent[] {
  const clock = heldFreeClock(trace)
  return trace.stops.map(({ name, kind, tid, atNs, heldNs, address, crossedCores }) => ({
    name,
    cat: kind,
    ph: 'i',
    s: 't',
    pid: trace.pid,
    tid,
    ts: microseconds(clock(atNs)),
    args: { address, heldNs, crossedCores },
  }))
}

function syscallEvents(trace: Trace): TraceEvent[] {
  const clock = heldFreeClock(trace)
  return (trace.syscalls ?? []).map(({ name, tid, args, result, atNs, wallNs }) => ({
    name,
    cat: 'syscall',
    ph: 'X',
    pid: trace.pid,
    tid,
    ...span(clock(atNs), wallNs),
    args: { args, result },
  }))
}

function span(startNs: number, wallNs: number): { ts: number; dur: number } {
  return { ts: microseconds(startNs), dur: microseconds(wallNs) }
}

function microseconds(ns: number): number {
  return Number(decimal(ns, 3))
}
