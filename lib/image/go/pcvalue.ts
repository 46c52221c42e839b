/**
 * The pc-value tables of a pclntab: pairs of varints, value delta (zigzag) and pc delta, that say which value holds at
 * which program counter. Source: go runtime/symtab.go pcvalue and step.
 */
import type { Memory } from '../memory'

const FIRST_READ = 256
const MAX_READ = 4 * 1024 * 1024

/** Where a table lies and which pc is asked for. */
export interface PcValueQuery {
  /** Address of the table's first byte. */
  table: number
  /** The function's entry, at which the table begins to count. */
  entry: number
  pc: number
  /** The machine's instruction quantum: 1 on amd64, 4 on arm64. */
  quantum: number
}

/** The value at `pc`, or null where the table ends before it, or has no end. */
export function pcValue(memory: Memory, query: PcValueQuery): number | null {
  const available = Math.min(memory.available(query.table), MAX_READ)
  for (let size = Math.min(FIRST_READ, available); size > 0; size = Math.min(size * 8, available)) {
    const result = decode(memory.bytes(query.table, size, 'pc-value table'), query)
    if (result !== 'more') return result
    if (size === available) return null
  }
  return null
}

function decode(bytes: Buffer, { entry, pc, quantum }: PcValueQuery): number | null | 'more' {
  let at = 0
  let value = -1
  let reached = entry
  const varint = (): number => {
    let result = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) return -1
      result += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return result
    }
    return -1
  }
  for (let first = true; ; first = false) {
    const delta = varint()
    if (delta === 0 && !first) return null
    const advance = varint()
    if (delta < 0 || advance < 0) return at >= bytes.length ? 'more' : null
    // The linker never writes a step of 0; refusing it bounds the walk by the function's size.
    if (advance === 0) return null
    value += delta % 2 === 1 ? -((delta + 1) / 2) : delta / 2
    reached += advance * quantum
    if (pc < reached) return value | 0
  }
}
