/** A stop of `launch()` as its consumer sees it. */
import { PremainError } from '../errors'
import type { FileAddress } from '../image/types'
import type { BreakpointRecord, ExecRecord } from './records'
import { REGISTERS, type RegisterName } from './registers'
import type { Run } from './run'
import type { Frame, Mapping } from './types'

/** One stop of a launched target. The target is held until the loop goes on; reading it afterwards is refused. */
export interface LiveStop {
  index: number
  kind: 'exec' | 'breakpoint'
  /** What stopped: a symbol, or `execve`. */
  name: string
  symbol: string | null
  file: string | null
  line: number | null
  address: bigint
  tid: number
  /** CLOCK_MONOTONIC, nanoseconds since the resume of execve's entry. */
  atNs: number
  registers: Record<RegisterName, bigint>
  /** /proc/pid/maps of this moment. */
  maps(): Promise<Mapping[]>
  /** `length` bytes at `address`; shorter where a mapping ends. */
  readMemory(address: bigint, length: number): Promise<Buffer>
  /** The frames by the pclntab's tables, innermost first; empty where the stop is not in Go. */
  backtrace(): Promise<Frame[]>
}

/** What later stages make of a stop's raw bytes. */
export interface StopViews {
  mappings(run: Run, text: Buffer): Mapping[]
  frames(run: Run, stop: BreakpointRecord | ExecRecord, stack: Buffer): Frame[]
}

/** How much of the stack a backtrace may look at. */
const STACK_BYTES = 65536

/** What a live stop is made with. */
interface LiveContext {
  index: number
  views: StopViews
  /** The run, while the target is still held at this stop; throws afterwards. */
  held(): Run
}

/** The view of one held stop. */
export function liveStop(run: Run, record: BreakpointRecord | ExecRecord, context: LiveContext): LiveStop {
  const { views, held } = context
  const registers = namedRegisters(record)
  const place = placeOf(run, record)
  return {
    index: context.index,
    kind: record.kind,
    ...place,
    address: record.address,
    tid: record.tid,
    atNs: record.atNs,
    registers,
    maps: async () => views.mappings(run, must(held().tracer.maps())),
    readMemory: async (address, length) =>
      must(held().tracer.readMemory(checkedAddress(address), checkedLength(length))),
    backtrace: async () => views.frames(run, record, must(held().tracer.readMemory(registers.rsp, STACK_BYTES))),
  }
}

function namedRegisters(record: BreakpointRecord | ExecRecord): Record<RegisterName, bigint> {
  const named = {} as Record<RegisterName, bigint>
  REGISTERS.forEach((name, i) => {
    named[name] = record.registers?.[i] ?? 0n
  })
  return named
}

function placeOf(run: Run, record: BreakpointRecord | ExecRecord): Pick<LiveStop, 'name' | 'symbol' | 'file' | 'line'> {
  if (record.kind === 'exec') return { name: 'execve', symbol: null, file: null, line: null }
  const { image, site } = run.siteOf(record)
  const address = Number(BigInt.asUintN(64, record.address - run.bias)) as FileAddress
  const line = image.go?.pclntab.ownLineAt(address) ?? null
  return { name: site.name, symbol: site.symbol, file: line?.file ?? null, line: line?.line ?? null }
}

function must<T>(value: T | null): T {
  if (value !== null) return value
  throw new PremainError('INVALID_OPTION', 'the target is not held')
}

function checkedAddress(address: bigint): bigint {
  if (typeof address === 'bigint' && address >= 0n && address < 1n << 64n) return address
  throw new PremainError('INVALID_OPTION', 'the address is not a bigint from 0 to 2^64 - 1', {
    hint: 'readMemory(stop.registers.rsp, 64); an address of a Trace becomes one by BigInt(text)',
  })
}

function checkedLength(length: number): number {
  if (Number.isInteger(length) && length >= 0 && length <= 1 << 30) return length
  throw new PremainError('INVALID_OPTION', 'the length is not a number of bytes from 0 to 2^30')
}
