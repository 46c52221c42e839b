/**
 * What differs between Go versions, as data. Every row names its source in the Go tree: `@go <what> <version>`; offsets
 * and sizes in bytes, for 64-bit machines.
 */

/** The oldest and newest Go minor versions whose layouts are known here. */
export const OLDEST_MINOR = 5
export const NEWEST_MINOR = 27

/** Where a pclntab's parts are found. `null`: the format has no such part. */
export interface PclntabLayout {
  magic: number
  /** First and last Go minor version that writes it. */
  minors: readonly [number, number]
  /** Offsets of header words; a null table begins at the header itself. */
  header: {
    count: number
    textStart: number | null
    names: number | null
    compileUnits: number | null
    files: number | null
    pcs: number | null
    funcs: number | null
    /** Where the function table begins, when it follows the header; null: at `funcs`. */
    functab: number | null
  }
  /** Width of one of the two words of a function table entry. */
  word: 4 | 8
  /** Offsets in the _func record. */
  func: {
    name: number
    pcsp: number
    pcfile: number
    pcln: number
    npcdata: number
    compileUnit: number | null
    startLine: number | null
    /** Its last byte is nfuncdata; pcdata and funcdata follow. */
    size: number
  }
}

/** Formats of runtime.pclntab by magic. */
export const PCLNTABS: readonly PclntabLayout[] = [
  // @go runtime._func go1.5; runtime.moduledataverify1 go1.5
  {
    magic: 0xfffffffb,
    minors: [5, 15],
    header: {
      count: 8,
      textStart: null,
      names: null,
      compileUnits: null,
      files: null,
      pcs: null,
      funcs: null,
      functab: 16,
    },
    word: 8,
    func: { name: 8, pcsp: 20, pcfile: 24, pcln: 28, npcdata: 32, compileUnit: null, startLine: null, size: 40 },
  },
  // @go runtime.pcHeader go1.16; runtime._func go1.16
  {
    magic: 0xfffffffa,
    minors: [16, 17],
    header: { count: 8, textStart: null, names: 24, compileUnits: 32, files: 40, pcs: 48, funcs: 56, functab: null },
    word: 8,
    func: { name: 8, pcsp: 20, pcfile: 24, pcln: 28, npcdata: 32, compileUnit: 36, startLine: null, size: 44 },
  },
  // @go runtime.pcHeader go1.18; runtime._func go1.18
  {
    magic: 0xfffffff0,
    minors: [18, 19],
    header: { count: 8, textStart: 24, names: 32, compileUnits: 40, files: 48, pcs: 56, funcs: 64, functab: null },
    word: 4,
    func: { name: 4, pcsp: 16, pcfile: 20, pcln: 24, npcdata: 28, compileUnit: 32, startLine: null, size: 40 },
  },
  // @go runtime.pcHeader go1.20; runtime._func go1.20; from go1.26 the textStart word is 0
  {
    magic: 0xfffffff1,
    minors: [20, NEWEST_MINOR],
    header: { count: 8, textStart: 24, names: 32, compileUnits: 40, files: 48, pcs: 56, funcs: 64, functab: null },
    word: 4,
    func: { name: 4, pcsp: 16, pcfile: 20, pcln: 24, npcdata: 28, compileUnit: 32, startLine: 36, size: 44 },
  },
]

/** Where runtime.moduledata has what is verified and used. */
export interface ModuledataLayout {
  minors: readonly [number, number]
  size: number
  /** The ftab slice. */
  ftab: number
  minpc: number
  text: number
  /** From 1.18 on what funcdata counts from; before, funcdata are pointers. */
  gofunc: number | null
  /** The inittasks slice, from 1.21. */
  inittasks: number | null
  next: number
}

/** Layouts of runtime.moduledata; `maxpc` follows `minpc`, `etext` follows `text`. */
export const MODULEDATAS: readonly ModuledataLayout[] = [
  // @go runtime.moduledata go1.5
  { minors: [5, 6], size: 0x130, ftab: 0x18, minpc: 0x50, text: 0x60, gofunc: null, inittasks: null, next: 0x128 },
  // @go runtime.moduledata go1.7
  { minors: [7, 7], size: 0x160, ftab: 0x18, minpc: 0x50, text: 0x60, gofunc: null, inittasks: null, next: 0x158 },
  // @go runtime.moduledata go1.8
  { minors: [8, 9], size: 0x1b8, ftab: 0x18, minpc: 0x50, text: 0x60, gofunc: null, inittasks: null, next: 0x1b0 },
  // @go runtime.moduledata go1.10
  { minors: [10, 15], size: 0x1c8, ftab: 0x18, minpc: 0x50, text: 0x60, gofunc: null, inittasks: null, next: 0x1c0 },
  // @go runtime.moduledata go1.16
  { minors: [16, 17], size: 0x218, ftab: 0x80, minpc: 0xa0, text: 0xb0, gofunc: null, inittasks: null, next: 0x210 },
  // @go runtime.moduledata go1.18
  { minors: [18, 19], size: 0x228, ftab: 0x80, minpc: 0xa0, text: 0xb0, gofunc: 0x130, inittasks: null, next: 0x220 },
  // @go runtime.moduledata go1.20
  { minors: [20, 20], size: 0x238, ftab: 0x80, minpc: 0xa0, text: 0xb0, gofunc: 0x140, inittasks: null, next: 0x230 },
  // @go runtime.moduledata.inittasks go1.21
  { minors: [21, 22], size: 0x250, ftab: 0x80, minpc: 0xa0, text: 0xb0, gofunc: 0x140, inittasks: 0x1d0, next: 0x248 },
  // @go runtime.moduledata.inittasks go1.23
  { minors: [23, 25], size: 0x248, ftab: 0x80, minpc: 0xa0, text: 0xb0, gofunc: 0x140, inittasks: 0x1d0, next: 0x240 },
  // @go runtime.moduledata.inittasks go1.26
  { minors: [26, 26], size: 0x250, ftab: 0x80, minpc: 0xa0, text: 0xb0, gofunc: 0x140, inittasks: 0x1d8, next: 0x248 },
  // @go runtime.moduledata.inittasks go1.27
  {
    minors: [27, NEWEST_MINOR],
    size: 0x238,
    ftab: 0x80,
    minpc: 0xa0,
    text: 0xb0,
    gofunc: 0x158,
    inittasks: 0x1c0,
    next: 0x230,
  },
]

/** Where a function's inlined calls are found. */
export interface InlineLayout {
  minors: readonly [number, number]
  /** Which pcdata table has the index into the tree, which funcdata is the tree. */
  pcdata: number
  funcdata: number
  /** Offsets in runtime.inlinedCall: the function's name, and an instruction at whose source position it was called. */
  name: number
  parentPc: number
  size: number
}

/** Layouts of the trees of inlined calls. */
export const INLINE_TREES: readonly InlineLayout[] = [
  // @go runtime._PCDATA_InlTreeIndex go1.12; runtime._FUNCDATA_InlTree go1.12; runtime.inlinedCall go1.12
  { minors: [12, 12], pcdata: 1, funcdata: 2, name: 12, parentPc: 16, size: 20 },
  // @go runtime._PCDATA_InlTreeIndex go1.13; runtime._FUNCDATA_InlTree go1.13; runtime.inlinedCall go1.13
  { minors: [13, 15], pcdata: 2, funcdata: 4, name: 12, parentPc: 16, size: 20 },
  // @go runtime._PCDATA_InlTreeIndex go1.16; runtime._FUNCDATA_InlTree go1.16; runtime.inlinedCall go1.16
  { minors: [16, 19], pcdata: 2, funcdata: 3, name: 12, parentPc: 16, size: 20 },
  // @go runtime._PCDATA_InlTreeIndex go1.20; runtime._FUNCDATA_InlTree go1.20; runtime.inlinedCall go1.20
  { minors: [20, NEWEST_MINOR], pcdata: 2, funcdata: 3, name: 4, parentPc: 8, size: 16 },
]

/** The record of an init task. */
export interface InitTaskLayout {
  minors: readonly [number, number]
  /** Offset of the dependency count; null where the linker has sorted the tasks and the record has none. */
  dependencyCount: number | null
  functionCount: number
  /** Width of the counts. */
  word: 4 | 8
  /** Where the pointers begin: dependencies, then functions. */
  pointers: number
}

/** Layouts of runtime.initTask. */
export const INIT_TASKS: readonly InitTaskLayout[] = [
  // @go runtime.initTask go1.13
  { minors: [13, 20], dependencyCount: 8, functionCount: 16, word: 8, pointers: 24 },
  // @go runtime.initTask go1.21
  { minors: [21, NEWEST_MINOR], dependencyCount: null, functionCount: 4, word: 4, pointers: 8 },
]

/** Where schedt.maxmcount, set to 10000 in schedinit, lies in runtime.sched. */
export const MAXMCOUNT: readonly { minors: readonly [number, number]; offset: number }[] = [
  // @go runtime.schedt.maxmcount go1.5
  { minors: [5, 5], offset: 0x24 },
  // @go runtime.schedt.maxmcount go1.6
  { minors: [6, 9], offset: 0x2c },
  // @go runtime.schedt.maxmcount go1.10
  { minors: [10, 13], offset: 0x30 },
  // @go runtime.schedt.maxmcount go1.14
  { minors: [14, 24], offset: 0x38 },
  // @go runtime.schedt.maxmcount go1.25
  { minors: [25, 25], offset: 0x40 },
  // @go runtime.schedt.maxmcount go1.26
  { minors: [26, NEWEST_MINOR], offset: 0x50 },
]

/** A function whose presence bounds the version from below, or above where `absent` since. */
export interface Fingerprint {
  name: string
  /** The first minor version that has it. */
  since: number
  /** The last that has it, where it went away. */
  until: number | null
}

/** Functions that survive inlining, and every way of linking, in every version that has them. */
export const FINGERPRINTS: readonly Fingerprint[] = [
  // @go runtime.modulesinit go1.8
  { name: 'runtime.modulesinit', since: 8, until: null },
  // @go runtime.wbBufFlush go1.10; called by every write barrier
  { name: 'runtime.wbBufFlush', since: 10, until: null },
  // @go runtime.doInit go1.13; inlined from go1.21
  { name: 'runtime.doInit', since: 13, until: 20 },
  // @go runtime.mstart0 go1.17
  { name: 'runtime.mstart0', since: 17, until: null },
  // @go runtime.findrunnable; renamed in go1.19
  { name: 'runtime.findrunnable', since: 5, until: 18 },
  // @go runtime.findRunnable go1.19
  { name: 'runtime.findRunnable', since: 19, until: null },
  // @go runtime.doInit1 go1.21
  { name: 'runtime.doInit1', since: 21, until: null },
  // @go runtime.randinit go1.22
  { name: 'runtime.randinit', since: 22, until: null },
  // @go runtime.vgetrandomInit go1.24
  { name: 'runtime.vgetrandomInit', since: 24, until: null },
  // @go runtime.parseRuntimeDebugVars go1.25
  { name: 'runtime.parseRuntimeDebugVars', since: 25, until: null },
  // @go internal/runtime/maps.AlgInit go1.27
  { name: 'internal/runtime/maps.AlgInit', since: 27, until: null },
]

/**
 * The row for a minor version; a version newer than all rows takes the newest, which whoever uses it must verify.
 * Null for versions older than the table.
 */
export function layoutOf<Row extends { minors: readonly [number, number] }>(
  rows: readonly Row[],
  minor: number,
): Row | null {
  const within = Math.min(minor, NEWEST_MINOR)
  return rows.find(({ minors: [from, to] }) => within >= from && within <= to) ?? null
}
