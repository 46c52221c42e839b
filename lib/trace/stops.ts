/** Records → the public list of stops. */
import type { Hex } from '../image/types'
import { signalName } from '../session/errno'
import type { SessionRecord } from '../session/records'
import { REGISTERS, type RegisterName } from '../session/registers'
import { hex } from './addresses'
import { backtrace } from './backtrace'
import { type Context, register, symbolOf } from './context'
import { mappingsOf } from './maps'
import type { Stop } from './types'

/** The name of the stop at which a target stood when its time was up: where it was held, not what it reached. */
export const INTERRUPTED = 'interrupted'

/** What a stop shows beside its times. */
export interface StopDetails {
  registers: boolean
  maps: boolean
  backtraces: boolean
}

/** The stops of a trace, and which record became which. */
export interface StopList {
  stops: Stop[]
  /** Place among the records → index of the stop. */
  indexOf: Map<number, number>
  /** How many records have been looked at. */
  seen: number
  texts: RegisterTexts
}

/** No stops yet. */
export function emptyList(): StopList {
  return { stops: [], indexOf: new Map(), seen: 0, texts: new RegisterTexts() }
}

/** Adds every record that is a stop, in order, from those on that have not been looked at. */
export function addStops(list: StopList, context: Context, details: StopDetails): void {
  const { stops, indexOf, texts } = list
  const mainTid = context.records[0]?.tid ?? 0
  holdLast(list, context)
  for (; list.seen < context.records.length; list.seen++) {
    const at = list.seen
    const record = context.records[at] as SessionRecord
    if (!isStop(record)) continue
    const named = nameStop(context, record, at)
    indexOf.set(at, stops.length)
    const { cpuNs, minorFaults, majorFaults } = context.clock.counters(record)
    // Written out, here and for what is optional: a spread in the middle of an object costs more than all else.
    const { kind, name, symbol, file, line } = named
    const stop: Stop = {
      index: stops.length,
      kind,
      name,
      symbol,
      file,
      line,
      address: hex(record.address),
      tid: record.tid,
      atNs: record.atNs,
      heldNs: record.heldNs,
      cpuNs,
      threadCpuNs: context.clock.threadCpuNs(record, mainTid),
      minorFaults,
      majorFaults,
      crossedCores: record.crossedCores,
    }
    addDetails(stop, context, { record, details, texts })
    stops.push(stop)
  }
}

/** How long the last record's stop was held may be known only by the next one. */
function holdLast({ stops, indexOf, seen }: StopList, { records }: Context): void {
  const last = stops[indexOf.get(seen - 1) ?? -1]
  if (last) last.heldNs = records[seen - 1]?.heldNs ?? 0
}

type StopRecord = Exclude<SessionRecord, { kind: 'fork' | 'syscall' | 'detached' }>

/** Whether a record is a stop of the target, or its own end. */
export function isStop(record: SessionRecord): record is StopRecord {
  switch (record.kind) {
    case 'fork':
    case 'syscall':
    case 'detached':
      return false
    case 'end':
      return record.how === 'exited' || record.how === 'signaled'
    default:
      return true
  }
}

type Named = Pick<Stop, 'kind' | 'name' | 'symbol' | 'file' | 'line'>

function unnamed(kind: Stop['kind'], name: string): Named {
  return { kind, name, symbol: null, file: null, line: null }
}

function nameStop(context: Context, record: StopRecord, at: number): Named {
  switch (record.kind) {
    case 'syscall-entry':
    case 'syscall-exit':
      return unnamed(record.kind, 'execve')
    case 'exec':
      return unnamed('exec', record.exe)
    case 'breakpoint':
      return nameBreakpoint(context, record.site, { address: record.address, ours: at > context.execAt })
    case 'thread':
      return unnamed('thread', record.event === 'start' ? `clone ${record.newTid}` : `exit ${record.newTid}`)
    case 'signal':
      return unnamed('signal', signalName(record.signal))
    case 'state':
      return { ...lineOf(context, record.address), kind: 'signal', name: INTERRUPTED }
    case 'end':
      return unnamed('exit', record.how === 'exited' ? `exit ${record.status}` : signalName(record.status))
  }
}

/** `ours`: hit in the image that the context knows; an earlier image's lines are not at hand. */
function nameBreakpoint(context: Context, index: number, { address, ours }: { address: bigint; ours: boolean }): Named {
  const site = context.sites[index]
  const line = ours ? context.lineAt(address) : null
  const name = site?.name ?? `site ${index}`
  return {
    kind: 'breakpoint',
    name,
    symbol: symbolOf(site),
    file: line?.file ?? null,
    line: line?.line ?? null,
  }
}

function lineOf(context: Context, address: bigint): Pick<Named, 'symbol' | 'file' | 'line'> {
  const line = context.lineAt(address)
  return { symbol: context.nameAt(address), file: line?.file ?? null, line: line?.line ?? null }
}

function addDetails(
  stop: Stop,
  context: Context,
  { record, details, texts }: { record: SessionRecord; details: StopDetails; texts: RegisterTexts },
): void {
  const { registers } = record
  if (details.registers && registers) stop.registers = texts.named(registers)
  const regions = details.maps ? context.regions(record) : null
  if (regions) stop.maps = mappingsOf(regions)
  const sp = register(record, 'rsp')
  if (details.backtraces && record.stack && sp !== null && context.go) {
    const start = { pc: record.address, sp, bytes: record.stack }
    stop.backtrace = backtrace(context.go.pclntab, context.addresses, start)
  }
}

/**
 * Writes registers out by name. Most hold what they held at the stop before, and are not written anew; the others are
 * written by halves. Anything simpler takes most of a trace's assembly.
 */
class RegisterTexts {
  private last: Uint32Array = new Uint32Array(REGISTERS.length * 2)
  private readonly texts = REGISTERS.map((): Hex => '0x0') as unknown as Texts

  named(registers: BigUint64Array): Record<RegisterName, Hex> {
    const halves = new Uint32Array(registers.buffer, registers.byteOffset, registers.length * 2)
    const { texts, last } = this
    for (let at = 0; at < REGISTERS.length; at++) {
      const low = halves[2 * at] ?? 0
      const high = halves[2 * at + 1] ?? 0
      if (low !== last[2 * at] || high !== last[2 * at + 1]) texts[at] = hexOfHalves(high, low)
    }
    this.last = halves
    return byName(texts)
  }
}

/** One text for each of {@link REGISTERS}. */
type Texts = { -readonly [At in keyof typeof REGISTERS]: Hex }

/** Written out: with names from the list it takes four times as long. */
function byName(texts: Texts): Record<RegisterName, Hex> {
  return {
    r15: texts[0],
    r14: texts[1],
    r13: texts[2],
    r12: texts[3],
    rbp: texts[4],
    rbx: texts[5],
    r11: texts[6],
    r10: texts[7],
    r9: texts[8],
    r8: texts[9],
    rax: texts[10],
    rcx: texts[11],
    rdx: texts[12],
    rsi: texts[13],
    rdi: texts[14],
    orig_rax: texts[15],
    rip: texts[16],
    cs: texts[17],
    eflags: texts[18],
    rsp: texts[19],
    ss: texts[20],
    fs_base: texts[21],
    gs_base: texts[22],
    ds: texts[23],
    es: texts[24],
    fs: texts[25],
    gs: texts[26],
  }
}

/** How many texts are remembered: launches of one program have most values in common. A power of two. */
const REMEMBERED = 1024
const remembered = {
  high: new Uint32Array(REMEMBERED),
  low: new Uint32Array(REMEMBERED),
  texts: Array<Hex>(REMEMBERED).fill('0x0'),
}

function hexOfHalves(high: number, low: number): Hex {
  const at = (low ^ (low >>> 10) ^ high) & (REMEMBERED - 1)
  if (remembered.low[at] !== low || remembered.high[at] !== high) {
    remembered.low[at] = low
    remembered.high[at] = high
    remembered.texts[at] =
      high === 0 ? `0x${low.toString(16)}` : `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`
  }
  return remembered.texts[at] as Hex
}
