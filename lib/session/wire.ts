/** Decodes the tracer's records; the layout is `native/session/wire.h`. The bytes come from our own addon. */
import type { EndRecord, SessionRecord } from './records'

const HEADER_SIZE = 88

const KIND = {
  syscallEntry: 1,
  exec: 2,
  syscallExit: 3,
  breakpoint: 4,
  thread: 5,
  fork: 6,
  signal: 7,
  syscall: 8,
  state: 9,
  end: 10,
  detached: 11,
} as const

const FLAG = { crossed: 1, rejected: 2, unplanned: 4, atExit: 8, held: 16 } as const

const SECTION = {
  registers: 1,
  maps: 2,
  read: 3,
  auxv: 4,
  initialStack: 5,
  executable: 6,
  stack: 7,
  syscall: 8,
  descendant: 9,
  arguments: 10,
  argument: 11,
  lastHeld: 12,
} as const

const ENDS: EndRecord['how'][] = ['exited', 'signaled', 'detached', 'killed-by-us', 'exec-failed', 'launch-failed']

/** One batch from the tracer. */
export interface Batch {
  records: SessionRecord[]
  /** The target is held at the last record until told to resume. */
  held: boolean
}

const NOTHING = Buffer.alloc(0)
const NO_READS: (Buffer | null)[] = []
const NO_WORDS: bigint[] = []
const NO_DESCENDANTS: EndRecord['descendants'] = []
const NO_MEMORY = new Map<number, Buffer>()

interface Sections {
  registers: BigUint64Array | null
  maps: Buffer | null
  reads: (Buffer | null)[]
  auxv: Buffer
  initialStack: Buffer
  executable: string
  stack: Buffer | null
  syscall: string | null
  descendants: EndRecord['descendants']
  arguments: bigint[]
  memory: Map<number, Buffer>
  lastHeldNs: number | null
}

/** Decodes records as they come; keeps the last one so that its held time, known only at its resume, can be added. */
export class RecordDecoder {
  private last: SessionRecord | null = null

  /** All records of one batch, in order. */
  decode(bytes: Buffer): Batch {
    const records: SessionRecord[] = []
    let held = false
    const numbers = numbersOf(bytes)
    for (let at = 0; at < bytes.length; ) {
      const size = numbers.u32[at >> 2] as number
      const sections = size === HEADER_SIZE ? NO_SECTIONS : readSections(bytes, at + HEADER_SIZE, at + size)
      if (this.last !== null && sections.lastHeldNs !== null) this.last.heldNs = sections.lastHeldNs
      const record = readRecord(numbers, at, sections)
      this.last = record
      records.push(record)
      held = ((numbers.u16[(at + 6) >> 1] as number) & FLAG.held) !== 0
      at += size
    }
    return { records, held }
  }
}

const NO_SECTIONS: Readonly<Sections> = {
  registers: null,
  maps: null,
  reads: NO_READS,
  auxv: NOTHING,
  initialStack: NOTHING,
  executable: '',
  stack: null,
  syscall: null,
  descendants: NO_DESCENDANTS,
  arguments: NO_WORDS,
  memory: NO_MEMORY,
  lastHeldNs: null,
}

function readSections(bytes: Buffer, from: number, to: number): Sections {
  const out: Sections = { ...NO_SECTIONS }
  for (let at = from; at < to; ) {
    const length = bytes.readUInt32LE(at + 4)
    addSection(out, bytes.readUInt32LE(at), bytes.subarray(at + 8, at + 8 + length))
    at += 8 + ((length + 7) & ~7)
  }
  return out
}

function addSection(out: Sections, type: number, bytes: Buffer): void {
  switch (type) {
    case SECTION.registers:
      out.registers = words(bytes)
      break
    case SECTION.maps:
      out.maps = bytes
      break
    case SECTION.read:
      if (out.reads === NO_READS) out.reads = []
      out.reads.push(bytes.length > 0 ? bytes : null)
      break
    case SECTION.auxv:
      out.auxv = bytes
      break
    case SECTION.initialStack:
      out.initialStack = bytes
      break
    case SECTION.executable:
      out.executable = bytes.toString()
      break
    case SECTION.stack:
      out.stack = bytes
      break
    case SECTION.syscall:
      out.syscall = bytes.toString('latin1')
      break
    case SECTION.descendant:
      if (out.descendants === NO_DESCENDANTS) out.descendants = []
      out.descendants.push({
        pid: bytes.readInt32LE(0),
        parent: bytes.readInt32LE(4),
        killed: bytes.readUInt32LE(8) !== 0,
        exe: bytes.length > 16 ? bytes.toString('utf8', 16) : null,
      })
      break
    case SECTION.arguments:
      out.arguments = [...words(bytes)]
      break
    case SECTION.argument:
      if (out.memory === NO_MEMORY) out.memory = new Map()
      out.memory.set(Number(bytes.readBigUInt64LE(0)), bytes.subarray(8))
      break
    case SECTION.lastHeld:
      out.lastHeldNs = Number(bytes.readBigUInt64LE(0))
      break
  }
}

/** The same bytes as words; both sides are of one machine. A copy where they do not lie on word boundaries. */
function words(bytes: Buffer): BigUint64Array {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes)
  return new BigUint64Array(aligned.buffer, aligned.byteOffset, bytes.length >> 3)
}

/** A batch as numbers of each width it has, read without a call for each. */
interface Numbers {
  u16: Uint16Array
  u32: Uint32Array
  i32: Int32Array
  u64: BigUint64Array
  i64: BigInt64Array
}

/** The same bytes; both sides are of one machine. A copy where they do not lie on word boundaries. */
function numbersOf(bytes: Buffer): Numbers {
  const { buffer, byteOffset, length } = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes)
  return {
    u16: new Uint16Array(buffer, byteOffset, length >> 1),
    u32: new Uint32Array(buffer, byteOffset, length >> 2),
    i32: new Int32Array(buffer, byteOffset, length >> 2),
    u64: new BigUint64Array(buffer, byteOffset, length >> 3),
    i64: new BigInt64Array(buffer, byteOffset, length >> 3),
  }
}

function time({ u32 }: Numbers, at: number): number {
  return (u32[at >> 2] as number) + (u32[(at >> 2) + 1] as number) * 0x100000000
}

/** The two words whose meaning is the kind's. Each read makes a BigInt: only where it is wanted. */
function wordA({ i64 }: Numbers, at: number): bigint {
  return i64[(at + 72) >> 3] as bigint
}

function wordB({ i64 }: Numbers, at: number): bigint {
  return i64[(at + 80) >> 3] as bigint
}

function readRecord(numbers: Numbers, at: number, sections: Readonly<Sections>): SessionRecord {
  const flags = numbers.u16[(at + 6) >> 1] as number
  const base = {
    tid: numbers.i32[(at + 8) >> 2] as number,
    atNs: time(numbers, at + 16),
    heldNs: time(numbers, at + 24),
    cpuNs: time(numbers, at + 32),
    threadCpuNs: time(numbers, at + 40),
    minorFaults: time(numbers, at + 48),
    majorFaults: time(numbers, at + 56),
    crossedCores: (flags & FLAG.crossed) !== 0,
    address: numbers.u64[(at + 64) >> 3] as bigint,
    registers: sections.registers,
    maps: sections.maps,
    reads: sections.reads,
    stack: sections.stack,
  }
  const site = numbers.i32[(at + 12) >> 2] as number
  // Not `{ ...base, kind }`: what follows a spread takes V8 2.5 µs a record, fifty times as long.
  switch (numbers.u16[(at + 4) >> 1]) {
    case KIND.syscallEntry:
      // Time zero is its resume.
      return Object.assign(base, { kind: 'syscall-entry', atNs: -base.heldNs, realtimeNs: wordA(numbers, at) } as const)
    case KIND.exec:
      return Object.assign(base, {
        kind: 'exec',
        auxv: sections.auxv,
        initialStack: sections.initialStack,
        bias: BigInt.asUintN(64, wordA(numbers, at)),
        exe: sections.executable,
        planned: (flags & FLAG.unplanned) === 0,
        armNs: Number(wordB(numbers, at)),
      } as const)
    case KIND.syscallExit:
      return Object.assign(base, { kind: 'syscall-exit', result: Number(wordA(numbers, at)) } as const)
    case KIND.breakpoint:
      return Object.assign(base, { kind: 'breakpoint', site, accepted: (flags & FLAG.rejected) === 0 } as const)
    case KIND.thread:
      return Object.assign(base, {
        kind: 'thread',
        newTid: Number(wordA(numbers, at)),
        event: wordB(numbers, at) === 0n ? 'start' : 'exit',
      } as const)
    case KIND.fork:
      return Object.assign(base, {
        kind: 'fork',
        childPid: Number(wordA(numbers, at)),
        how: wordB(numbers, at) === 0n ? 'fork' : 'vfork',
      } as const)
    case KIND.signal:
      return Object.assign(base, { kind: 'signal', signal: Number(wordA(numbers, at)) } as const)
    case KIND.syscall:
      return Object.assign(base, {
        kind: 'syscall',
        phase: (flags & FLAG.atExit) === 0 ? 'entry' : 'exit',
        number: Number(wordA(numbers, at)),
        args: sections.arguments,
        result: wordB(numbers, at),
        memory: sections.memory,
      } as const)
    case KIND.state:
      return Object.assign(base, { kind: 'state' } as const)
    case KIND.detached:
      return Object.assign(base, { kind: 'detached' } as const)
    case KIND.end:
      return Object.assign(base, {
        kind: 'end',
        how: ENDS[Number(wordA(numbers, at))] as EndRecord['how'],
        status: Number(wordB(numbers, at)),
        syscall: sections.syscall,
        threads: site,
        descendants: sections.descendants,
      } as const)
    default:
      throw new Error('the addon and this library do not match: rebuild premain')
  }
}
