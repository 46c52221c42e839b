/** System calls: entries and exits paired, a thread at a time. */
import { systemErrorName } from '../session/errno'
import type { SessionRecord, SyscallRecord } from '../session/records'
import { hex } from './addresses'
import { describeArguments } from './syscall-arguments'
import { syscallName } from './syscall-names'
import type { SyscallInfo } from './types'

/** The greatest errno that a system call returns. Source: linux include/linux/err.h MAX_ERRNO. */
const MAX_ERRNO = 4095n

/** What was executed, for the call that begins the list. */
export interface Executed {
  path: string
  argv: readonly string[]
  envc: number | null
}

/** In the order of the entries, execve first. One that was under way at the end has the result `?`. */
export function listSyscalls(records: readonly SessionRecord[], executed: Executed): SyscallInfo[] {
  const calls: SyscallInfo[] = []
  const open = new Map<number, { call: SyscallInfo; since: number }>()
  for (const record of records) {
    if (record.kind === 'syscall-entry' || (record.kind === 'syscall' && record.phase === 'entry')) {
      const call = record.kind === 'syscall' ? begin(record) : beginExecve(record, executed)
      calls.push(call)
      // Time zero is the resume of execve's entry.
      open.set(record.tid, { call, since: record.kind === 'syscall' ? record.atNs + record.heldNs : 0 })
    } else if (record.kind === 'syscall' || record.kind === 'syscall-exit') {
      const begun = open.get(record.tid)
      if (!begun) continue
      open.delete(record.tid)
      begun.call.wallNs = Math.max(0, record.atNs - begun.since)
      begun.call.result = resultOf(begun.call.name, BigInt(record.result))
    }
  }
  return calls
}

function begin(record: SyscallRecord): SyscallInfo {
  const name = syscallName(record.number)
  const paths = new Map([...record.memory].flatMap(([index, bytes]) => pathIn(bytes, index)))
  const args = describeArguments(name, record.args, paths)
  return { tid: record.tid, name, args, result: '?', atNs: record.atNs, wallNs: 0 }
}

/** Of the environment only the number: values are secrets. */
function beginExecve({ tid, atNs }: SessionRecord, { path, argv, envc }: Executed): SyscallInfo {
  const list = argv.map((one) => JSON.stringify(one)).join(', ')
  const args = [JSON.stringify(path), `[${list}]`, envc === null ? '?' : `/* ${envc} vars */`]
  return { tid, name: 'execve', args, result: '?', atNs, wallNs: 0 }
}

/** A string that an argument points to, quoted; nothing for memory that is no whole string. */
function pathIn(bytes: Buffer, index: number): [index: number, path: string][] {
  const end = bytes.indexOf(0)
  return end < 0 ? [] : [[index, JSON.stringify(bytes.toString('utf8', 0, end))]]
}

/** Calls whose result is an address. */
const RETURN_ADDRESSES: ReadonlySet<string> = new Set(['brk', 'mmap', 'mremap', 'shmat'])

function resultOf(name: string, result: bigint): string {
  const value = BigInt.asIntN(64, result)
  if (value < 0n && value >= -MAX_ERRNO) return `-${systemErrorName(Number(-value))}`
  return value < 0n || RETURN_ADDRESSES.has(name) ? hex(value) : value.toString()
}
