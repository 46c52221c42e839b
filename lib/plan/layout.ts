/**
 * The runtime's structures by Go minor version, as far as the steps' evidence reads them. Offsets in bytes, linux/amd64.
 *
 * Sources: @go runtime.g, runtime.m (src/runtime/runtime2.go), runtime.moduledata (src/runtime/symtab.go), runtime.schedt,
 * runtime.mheap (src/runtime/mheap.go); from 1.21 on compared with the DWARF of built programs.
 */
import type { GoImage } from '../image/types'

/** The field's offset in each range of minor versions, both ends included. The last range stays open. */
type ByMinor<T> = readonly { from: number; to: number; value: T }[]

/** g.stack.lo, in every version. */
export const G_STACK = 0
/** g.m, in every version. */
export const G_M = 0x30
/** m.g0, in every version. */
export const M_G0 = 0

const G_GOID: ByMinor<number> = [
  { from: 5, to: 5, value: 0xb8 },
  { from: 6, to: 8, value: 0xc0 },
  { from: 9, to: 22, value: 0x98 },
  { from: 23, to: 24, value: 0xa0 },
  { from: 25, to: 27, value: 0x98 },
]

const MODULEDATA: ByMinor<{ text: number; next: number }> = [
  { from: 5, to: 6, value: { text: 0x60, next: 0x128 } },
  { from: 7, to: 7, value: { text: 0x60, next: 0x158 } },
  { from: 8, to: 9, value: { text: 0x60, next: 0x1b0 } },
  { from: 10, to: 15, value: { text: 0x60, next: 0x1c0 } },
  { from: 16, to: 17, value: { text: 0xb0, next: 0x210 } },
  { from: 18, to: 19, value: { text: 0xb0, next: 0x220 } },
  { from: 20, to: 20, value: { text: 0xb0, next: 0x230 } },
  { from: 21, to: 22, value: { text: 0xb0, next: 0x248 } },
  { from: 23, to: 25, value: { text: 0xb0, next: 0x240 } },
  { from: 26, to: 26, value: { text: 0xb0, next: 0x248 } },
  { from: 27, to: 27, value: { text: 0xb0, next: 0x230 } },
]

/** runtime.mheap: the list of span lists, and two fields that mallocinit leaves in a known state. */
export interface HeapLayout {
  central: number
  /** Bytes from one span list to the next: mcentral, padded to the cache line. */
  centralStride: number
  centralCount: number
  pagesInUse: number
  arenaHints: number
}

const CENTRALS = { centralStride: 192, centralCount: 136 }

const MHEAP: ByMinor<HeapLayout> = [
  { from: 21, to: 21, value: { ...CENTRALS, central: 0x10248, pagesInUse: 0x10160, arenaHints: 0x101c8 } },
  { from: 22, to: 24, value: { ...CENTRALS, central: 0x10288, pagesInUse: 0x10160, arenaHints: 0x10208 } },
  { from: 25, to: 27, value: { ...CENTRALS, central: 0x102a0, pagesInUse: 0x10160, arenaHints: 0x10208 } },
]

const SCHED_MAXMCOUNT: ByMinor<number> = [
  { from: 5, to: 5, value: 0x24 },
  { from: 6, to: 9, value: 0x2c },
  { from: 10, to: 13, value: 0x30 },
  { from: 14, to: 24, value: 0x38 },
  { from: 25, to: 25, value: 0x40 },
  { from: 26, to: 27, value: 0x50 },
]

function valueAt<T>(table: ByMinor<T>, go: GoImage): T | null {
  const { min, max } = go.minors
  const last = table.at(-1)
  const rows = table.filter((row) => row.from <= max && (row.to >= min || row === last))
  const first = rows[0]
  if (!first || first.from > min) return null
  const same = rows.every((row) => JSON.stringify(row.value) === JSON.stringify(first.value))
  return same ? first.value : null
}

/** g.goid's offset; null where the version is not known well enough. */
export function goidOffset(go: GoImage): number | null {
  return valueAt(G_GOID, go)
}

/** Offsets of moduledata.text (etext follows) and moduledata.next; null where the version is not known well enough. */
export function moduledataLayout(go: GoImage): { text: number; next: number } | null {
  return valueAt(MODULEDATA, go)
}

/** sched.maxmcount's offset; null where the version is not known well enough. */
export function maxmcountOffset(go: GoImage): number | null {
  return valueAt(SCHED_MAXMCOUNT, go)
}

/** runtime.mheap's layout, where known. */
export function heapLayout(go: GoImage): HeapLayout | null {
  return valueAt(MHEAP, go)
}

/**
 * How Go passes arguments to a function's body: in registers from 1.17 on, above the return address before.
 * Null when the version may be either.
 */
export function callingConvention(go: GoImage): 'registers' | 'stack' | null {
  if (go.minors.min >= 17) return 'registers'
  return go.minors.max <= 16 ? 'stack' : null
}

/** Integer and pointer arguments of Go's register convention on amd64, in order. @go cmd/compile/abi-internal.md */
export const ARGUMENT_REGISTERS = ['rax', 'rbx', 'rcx', 'rdi', 'rsi', 'r8', 'r9', 'r10', 'r11'] as const
