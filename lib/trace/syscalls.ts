/** System calls: entries and exits paired, a thread at a time. */
import { systemErrorName } from '../session/errno'
import type { SessionRecord, SyscallRecord } from '../session/records'
import { hex } from './addresses'
import { syscallName } from './syscall-names'
import type { SyscallInfo } from './types'

/** The greatest errno that a system call returns. Source: linux include/linux/err.h MAX_ERRNO. */
const MAX_ERRNO = 4095n

/** In the order of the entries. One that was under way at the end has the result `?`. */
export function listSyscalls(records: readonly SessionRecord[]): SyscallInfo[] {
  const calls: SyscallInfo[] = []
  const open = new Map<number, { call: SyscallInfo; since: number }>()
  for (const record of records) {
    if (record.kind !== 'syscall') continue
    if (record.phase === 'entry') {
      const call = begin(record)
      calls.push(call)
      open.set(record.tid, { call, since: record.atNs + record.heldNs })
      continue
    }
    const begun = open.get(record.tid)
    if (!begun) continue
    open.delete(record.tid)
    begun.call.wallNs = Math.max(0, record.atNs - begun.since)
    begun.call.result = resultOf(record.result)
  }
  return calls
}

function begin(record: SyscallRecord): SyscallInfo {
  const args = record.args.map((arg, index) => textAt(record, index) ?? hex(arg))
  return { tid: record.tid, name: syscallName(record.number), args, result: '?', atNs: record.atNs, wallNs: 0 }
}

/** A string that an argument points to, quoted; null for memory that is no whole string. */
function textAt(record: SyscallRecord, index: number): string | null {
  const bytes = record.memory.get(index)
  const end = bytes?.indexOf(0) ?? -1
  return bytes && end >= 0 ? JSON.stringify(bytes.toString('utf8', 0, end)) : null
}

function resultOf(result: bigint): string {
  const value = BigInt.asIntN(64, result)
  if (value < 0n && value >= -MAX_ERRNO) return `-${systemErrorName(Number(-value))}`
  return value >= 0n && value < 1n << 31n ? value.toString() : hex(value)
}
