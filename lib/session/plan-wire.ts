/** A stop plan as the bytes that the tracer thread takes; the layout is `native/session/wire.h`. */
import type { ProgramImage, Segment } from '../image/types'
import type { MemoryRead, Site, StopPlan } from '../plan/types'
import { REGISTERS } from './registers'

const MAGIC = 0x314e4d50
const HEADER_SIZE = 72
const SITE_SIZE = 40
const READ_SIZE = 24
const NO_ADDRESS = 0xffffffffffffffffn

const PLAN_FLAGS = { allStop: 1, run: 2, syscalls: 4 } as const
const SITE_FLAGS = { registers: 1, maps: 2, last: 4, callerWithin: 8, keepMask: 16 } as const
const LOADER_FLAG = 64

/** How the tracer is to walk through the plan. */
export interface WalkOptions {
  /** Hold the whole target at every stop until told to resume. */
  allStop: boolean
  /** Set the target free at the last stop instead of ending it. */
  run: boolean
  /** Report every system call. */
  syscalls: boolean
  /** Bytes of the stack to take at each stop, for backtraces. */
  stackBytes: number
}

/** Plans that were encoded before, by how they are walked through. */
const encoded = new WeakMap<StopPlan, Map<string, Buffer>>()

/** The plan's bytes; not to be changed. */
export function encodePlan(plan: StopPlan, walk: WalkOptions): Buffer {
  const key = `${walk.allStop} ${walk.run} ${walk.syscalls} ${walk.stackBytes}`
  const known = encoded.get(plan)?.get(key)
  if (known !== undefined) return known
  const bytes = encode(plan, walk)
  encoded.set(plan, (encoded.get(plan) ?? new Map<string, Buffer>()).set(key, bytes))
  return bytes
}

function encode(plan: StopPlan, walk: WalkOptions): Buffer {
  const reads = plan.sites.flatMap((site) => site.reads)
  const out = Buffer.alloc(HEADER_SIZE + plan.sites.length * SITE_SIZE + reads.length * READ_SIZE)
  out.writeUInt32LE(MAGIC, 0)
  out.writeUInt32LE(flagsOf(walk, PLAN_FLAGS), 4)
  out.writeUInt32LE(plan.sites.length, 8)
  out.writeUInt32LE(reads.length, 12)
  out.writeBigUInt64LE(BigInt(plan.image.entry), 16)
  out.writeBigUInt64LE(plan.image.identity.dev, 24)
  out.writeBigUInt64LE(plan.image.identity.ino, 32)
  const text = executableSegment(plan.image)
  out.writeBigUInt64LE(BigInt(text?.vaddr ?? 0), 40)
  out.writeBigUInt64LE(BigInt(text?.offset ?? 0), 48)
  out.writeBigUInt64LE(BigInt(text?.fileSize ?? 0), 56)
  out.writeUInt32LE(walk.stackBytes, 64)
  let at = HEADER_SIZE
  let firstRead = 0
  for (const site of plan.sites) {
    writeSite(out, at, { site, firstRead })
    at += SITE_SIZE
    firstRead += site.reads.length
  }
  for (const read of reads) {
    writeRead(out, at, read)
    at += READ_SIZE
  }
  return out
}

/** The segment that holds the entry point: its bytes are taken from the file before it is first touched in memory. */
function executableSegment(image: ProgramImage): Segment | undefined {
  return image.segments.find(
    ({ type, flags, vaddr, fileSize }) =>
      type === 'LOAD' && flags.includes('x') && image.entry >= Number(vaddr) && image.entry < Number(vaddr) + fileSize,
  )
}

function flagsOf<K extends string>(values: Record<K, unknown>, bits: Partial<Record<K, number>>): number {
  let flags = 0
  for (const key in bits) if (values[key]) flags |= bits[key] as number
  return flags
}

function writeSite(out: Buffer, at: number, { site, firstRead }: { site: Site; firstRead: number }): void {
  out.writeBigUInt64LE(site.address === null ? NO_ADDRESS : BigInt.asUintN(64, BigInt(site.address)), at)
  out.writeBigUInt64LE(BigInt.asUintN(64, BigInt(site.callerWithin?.low ?? 0)), at + 8)
  out.writeBigUInt64LE(BigInt.asUintN(64, BigInt(site.callerWithin?.high ?? 0)), at + 16)
  out.writeUInt32LE(flagsOf(site, SITE_FLAGS) | (site.role === 'loader' ? LOADER_FLAG : 0), at + 24)
  out.writeUInt32LE(firstRead, at + 28)
  out.writeUInt32LE(site.reads.length, at + 32)
  out.writeInt32LE(site.armReturn ?? -1, at + 36)
}

function writeRead(out: Buffer, at: number, read: MemoryRead): void {
  const [base, value] = baseOf(read)
  out.writeBigUInt64LE(value, at)
  out.writeBigInt64LE(BigInt(read.offset), at + 8)
  out.writeUInt32LE(base, at + 16)
  out.writeUInt32LE(read.length, at + 20)
}

function baseOf({ base }: MemoryRead): [kind: number, value: bigint] {
  if ('register' in base) return [0, BigInt((REGISTERS as readonly string[]).indexOf(base.register))]
  if ('file' in base) return [1, BigInt.asUintN(64, BigInt(base.file))]
  return [2, BigInt(base.read)]
}
