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
  const size = HEADER_SIZE + plan.sites.length * SITE_SIZE + reads.length * READ_SIZE
  const out = new DataView(new ArrayBuffer(size))
  out.setUint32(0, MAGIC, true)
  out.setUint32(4, flagsOf(walk, PLAN_FLAGS), true)
  out.setUint32(8, plan.sites.length, true)
  out.setUint32(12, reads.length, true)
  out.setBigUint64(16, BigInt(plan.image.entry), true)
  out.setBigUint64(24, plan.image.identity.dev, true)
  out.setBigUint64(32, plan.image.identity.ino, true)
  const text = executableSegment(plan.image)
  out.setBigUint64(40, BigInt(text?.vaddr ?? 0), true)
  out.setBigUint64(48, BigInt(text?.offset ?? 0), true)
  out.setBigUint64(56, BigInt(text?.fileSize ?? 0), true)
  out.setUint32(64, walk.stackBytes, true)
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
  return Buffer.from(out.buffer)
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

function writeSite(out: DataView, at: number, { site, firstRead }: { site: Site; firstRead: number }): void {
  out.setBigUint64(at, site.address === null ? NO_ADDRESS : BigInt(site.address), true)
  out.setBigUint64(at + 8, BigInt(site.callerWithin?.low ?? 0), true)
  out.setBigUint64(at + 16, BigInt(site.callerWithin?.high ?? 0), true)
  out.setUint32(at + 24, flagsOf(site, SITE_FLAGS) | (site.role === 'loader' ? LOADER_FLAG : 0), true)
  out.setUint32(at + 28, firstRead, true)
  out.setUint32(at + 32, site.reads.length, true)
  out.setInt32(at + 36, site.armReturn ?? -1, true)
}

function writeRead(out: DataView, at: number, read: MemoryRead): void {
  const [base, value] = baseOf(read)
  out.setBigUint64(at, value, true)
  out.setBigInt64(at + 8, BigInt(read.offset), true)
  out.setUint32(at + 16, base, true)
  out.setUint32(at + 20, read.length, true)
}

function baseOf({ base }: MemoryRead): [kind: number, value: bigint] {
  if ('register' in base) return [0, BigInt((REGISTERS as readonly string[]).indexOf(base.register))]
  if ('file' in base) return [1, BigInt(base.file)]
  return [2, BigInt(base.read)]
}
