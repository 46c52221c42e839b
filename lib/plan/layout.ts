/**
 * The runtime's structures by Go minor version, as far as the steps' evidence reads them. Offsets in bytes, linux/amd64.
 * From 1.10 on compared with Go's sources by `scripts/layouts-check.mjs`, from 1.21 on with the DWARF of built programs too.
 */
import { layoutOf, MAXMCOUNT, MODULEDATAS, NEWEST_MINOR } from '../image/go/layouts'
import type { GoImage } from '../image/types'

type Row = { minors: readonly [number, number] }

/** @go runtime.g.stack, in every version */
export const G_STACK = 0
/** @go runtime.g.m, in every version */
export const G_M = 0x30
/** @go runtime.m.g0, in every version */
export const M_G0 = 0

const G_GOID: readonly (Row & { offset: number })[] = [
  // @go runtime.g.goid go1.5
  { minors: [5, 5], offset: 0xb8 },
  // @go runtime.g.goid go1.6
  { minors: [6, 8], offset: 0xc0 },
  // @go runtime.g.goid go1.9
  { minors: [9, 22], offset: 0x98 },
  // @go runtime.g.goid go1.23
  { minors: [23, 24], offset: 0xa0 },
  // @go runtime.g.goid go1.25
  { minors: [25, NEWEST_MINOR], offset: 0x98 },
]

const G_SCHED: readonly (Row & { sp: number; pc: number })[] = [
  // @go runtime.g.sched go1.5
  { minors: [5, 8], sp: 0x40, pc: 0x48 },
  // @go runtime.g.sched go1.9
  { minors: [9, NEWEST_MINOR], sp: 0x38, pc: 0x40 },
]

/** @go runtime.m.vdsoSP go1.11; runtime.m.vdsoPC go1.11 follows */
const M_VDSO_SP: readonly (Row & { offset: number })[] = [
  // @go runtime.m.vdsoSP go1.11
  { minors: [11, 11], offset: 0x328 },
  // @go runtime.m.vdsoSP go1.12
  { minors: [12, 13], offset: 0x330 },
  // @go runtime.m.vdsoSP go1.14
  { minors: [14, 14], offset: 0x328 },
  // @go runtime.m.vdsoSP go1.15
  { minors: [15, 15], offset: 0x320 },
  // @go runtime.m.vdsoSP go1.16
  { minors: [16, 17], offset: 0x340 },
  // @go runtime.m.vdsoSP go1.18
  { minors: [18, 20], offset: 0x320 },
  // @go runtime.m.vdsoSP go1.21
  { minors: [21, 21], offset: 0x328 },
  // @go runtime.m.vdsoSP go1.22
  { minors: [22, 22], offset: 0x448 },
  // @go runtime.m.vdsoSP go1.23
  { minors: [23, 23], offset: 0x370 },
  // @go runtime.m.vdsoSP go1.24
  { minors: [24, NEWEST_MINOR], offset: 0x380 },
]

/** runtime.mheap: the list of span lists, and two fields that mallocinit leaves in a known state. */
export interface HeapLayout extends Row {
  central: number
  /** Bytes from one span list to the next: mcentral, padded to the cache line. */
  centralStride: number
  centralCount: number
  /** Where a span list keeps its class, which mcentral.init sets. */
  spanClass: number
  pagesInUse: number
  /** Null before 1.11, whose one arena has its place by constants. */
  arenaHints: number | null
}

const CENTRALS = { centralStride: 192, centralCount: 136, spanClass: 0 }
const OLD_CENTRALS = { centralStride: 64, centralCount: 134, spanClass: 8 }

const MHEAP: readonly HeapLayout[] = [
  // @go runtime.mheap go1.10
  { minors: [10, 10], ...OLD_CENTRALS, central: 0x1350, pagesInUse: 0x10b8, arenaHints: null },
  // @go runtime.mheap go1.11
  { minors: [11, 11], ...OLD_CENTRALS, central: 0x1338, pagesInUse: 0x1098, arenaHints: 0x1318 },
  // @go runtime.mheap go1.12
  { minors: [12, 12], ...OLD_CENTRALS, central: 0x380, pagesInUse: 0x98, arenaHints: 0x330 },
  // @go runtime.mheap go1.13
  { minors: [13, 13], ...OLD_CENTRALS, central: 0x3b8, pagesInUse: 0x98, arenaHints: 0x350 },
  // @go runtime.mheap go1.14
  { minors: [14, 14], ...OLD_CENTRALS, central: 0x10458, pagesInUse: 0x10158, arenaHints: 0x103f0 },
  // @go runtime.mheap go1.15
  { minors: [15, 15], ...OLD_CENTRALS, centralStride: 256, central: 0x104b8, pagesInUse: 0x101a8, arenaHints: 0x10440 },
  // @go runtime.mheap go1.16
  { minors: [16, 16], ...CENTRALS, central: 0x10238, pagesInUse: 0x10158, arenaHints: 0x101b8 },
  // @go runtime.mheap go1.17
  { minors: [17, 17], ...CENTRALS, central: 0x10248, pagesInUse: 0x10158, arenaHints: 0x101c0 },
  // @go runtime.mheap go1.18
  { minors: [18, 18], ...CENTRALS, central: 0x10240, pagesInUse: 0x10150, arenaHints: 0x101b8 },
  // @go runtime.mheap go1.19
  { minors: [19, 19], ...CENTRALS, central: 0x10240, pagesInUse: 0x10158, arenaHints: 0x101b8 },
  // @go runtime.mheap go1.20
  { minors: [20, 20], ...CENTRALS, central: 0x10218, pagesInUse: 0x10138, arenaHints: 0x10198 },
  // @go runtime.mheap go1.21
  { minors: [21, 21], ...CENTRALS, central: 0x10248, pagesInUse: 0x10160, arenaHints: 0x101c8 },
  // @go runtime.mheap go1.22
  { minors: [22, 24], ...CENTRALS, central: 0x10288, pagesInUse: 0x10160, arenaHints: 0x10208 },
  // @go runtime.mheap go1.25
  { minors: [25, NEWEST_MINOR], ...CENTRALS, central: 0x102a0, pagesInUse: 0x10160, arenaHints: 0x10208 },
]

/** What all the versions that the program can be agree on; null where they do not, or where none is in the table. */
function agreed<R extends Row, T>(rows: readonly R[], go: GoImage, pick: (row: R) => T): T | null {
  let value: T | null = null
  for (let minor = go.minors.min; minor <= go.minors.max; minor++) {
    const row = layoutOf(rows, minor)
    if (!row || (value !== null && pick(row) !== value)) return null
    value = pick(row)
  }
  return value
}

/** g.goid's offset; null where the version is not known well enough. */
export function goidOffset(go: GoImage): number | null {
  return agreed(G_GOID, go, (row) => row.offset)
}

/** Where g.sched keeps SP and PC of a goroutine that does not run; null where the version is not known well enough. */
export function schedOffsets(go: GoImage): { sp: number; pc: number } | null {
  const sp = agreed(G_SCHED, go, (row) => row.sp)
  const pc = agreed(G_SCHED, go, (row) => row.pc)
  return sp === null || pc === null ? null : { sp, pc }
}

/**
 * Where m keeps SP and, 8 bytes on, the return address of the function that went on to g0's stack to call the vDSO, 0 when
 * none did; null where not known.
 */
export function vdsoOffset(go: GoImage): number | null {
  return agreed(M_VDSO_SP, go, (row) => row.offset)
}

/** moduledata.text's offset (etext follows); null where the version is not known well enough. */
export function moduledataText(go: GoImage): number | null {
  return agreed(MODULEDATAS, go, (row) => row.text)
}

/** moduledata.next's offset; null where the version is not known well enough. */
export function moduledataNext(go: GoImage): number | null {
  return agreed(MODULEDATAS, go, (row) => row.next)
}

/** sched.maxmcount's offset; null where the version is not known well enough. */
export function maxmcountOffset(go: GoImage): number | null {
  return agreed(MAXMCOUNT, go, (row) => row.offset)
}

/** runtime.mheap's layout, where known. */
export function heapLayout(go: GoImage): HeapLayout | null {
  return agreed(MHEAP, go, (row) => row)
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
