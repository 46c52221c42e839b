/**
 * What the later stages may know of a program file: the public descriptions (plain data) and the live
 * {@link ProgramImage}, whose bytes are read on demand, never the whole file, and whose names are never all decoded.
 */
import type { Answers } from './answers'

/**
 * An address or a register's value, `0x` and lower-case hexadecimal digits.
 *
 * @pattern ^0x[0-9a-f]+$
 */
export type Hex = string

/** One program header of the file, as `readelf -l` shows it. Sizes in bytes. */
export interface Segment {
  /** `LOAD`, `INTERP`, `DYNAMIC`, `NOTE`, `TLS`, `GNU_STACK`, …, or the number in hexadecimal. */
  type: string
  offset: Hex
  vaddr: Hex
  fileSize: number
  memSize: number
  /** `r`, `w` and `x`, `-` for what is absent: `r-x`. */
  flags: string
  align: Hex
}

/** What the ELF headers say. */
export interface ElfInfo {
  type: 'EXEC' | 'DYN'
  /** `x86_64`, `aarch64`, or another machine's name. */
  machine: string
  /** e_entry, as in the file: without the load bias. */
  entry: Hex
  /** PT_INTERP, or null. */
  interpreter: string | null
  /** DT_NEEDED, in order. */
  needed: string[]
  /** No PT_INTERP: the kernel hands control to the program itself. */
  static: boolean
  /** A position-independent executable (ET_DYN with an entry point that is meant to be run). */
  pie: boolean
  /** The GNU build id in hexadecimal digits, or null. */
  buildId: string | null
  /** The Go build id, or null. */
  goBuildId: string | null
  has: {
    sectionHeaders: boolean
    symtab: boolean
    dwarf: boolean
    pclntab: boolean
    buildinfo: boolean
    gosymtab: boolean
  }
  segments: Segment[]
}

/** What the file says of the Go program in it. */
export interface GoInfo {
  /** `go1.26.4`, or null where the file does not say. */
  version: string | null
  /** Bounds found by fingerprint when the version is not stated: `>=1.22 <1.24`. */
  versionRange: string | null
  pclntab: { magic: Hex; address: Hex; functions: number }
  /** The main module's path, or null. */
  module: string | null
  /** The main package's path, or null. */
  main: string | null
  /** The modules that were linked in; of one that was replaced, its replacement. */
  deps: { path: string; version: string }[]
  /** The build settings: `GOARCH`, `-ldflags`, `vcs.revision`, … */
  settings: Record<string, string>
  /** The program was linked with cgo. */
  cgo: boolean
}

declare const fileAddress: unique symbol

/**
 * A virtual address as the file has it, before the load bias. Not to be mixed with an address in a process: those are
 * `bigint`. Fits a double: the parser refuses addresses of 2^53 and above.
 */
export type FileAddress = number & { readonly [fileAddress]: never }

/** Which file this is: a changed file has another identity. */
export interface FileIdentity {
  dev: bigint
  ino: bigint
  size: bigint
  mtimeNs: bigint
  ctimeNs: bigint
  /** Permission and type bits, owner. Source: stat(2). */
  mode: bigint
  uid: bigint
  gid: bigint
}

/** A function's extent. */
export interface FunctionInfo {
  name: string
  entry: FileAddress
  /** The next function's entry, or the end of the text. */
  end: FileAddress
}

/** A line of source, from the pclntab. */
export interface SourceLine {
  file: string
  line: number
}

/** A function at a program counter. */
export interface SourceFrame extends SourceLine {
  name: string
  /** It was inlined into the next frame's. */
  inlined: boolean
}

/** Go's function table (runtime.pclntab), read through its index; nothing is decoded before it is asked for. */
export interface Pclntab {
  /** 0xfffffff1 and so on. */
  readonly magic: number
  readonly address: FileAddress
  /** How many functions it lists. */
  readonly count: number
  /** Entries of all functions of exactly these names, ABI0 wrappers included, in address order. One pass over the index. */
  find(names: readonly string[]): Map<string, FileAddress[]>
  /** Every function, in address order; for the few callers that want them all. */
  all(): Iterable<FunctionInfo>
  /** The function that holds `pc`, or null. */
  functionAt(pc: FileAddress): FunctionInfo | null
  /** The source line of `pc`, or null: of the innermost function, where some were inlined there. */
  lineAt(pc: FileAddress): SourceLine | null
  /** The source line in the function that holds `pc`: of its call, where `pc` is of one that was inlined into it. */
  ownLineAt(pc: FileAddress): SourceLine | null
  /** The functions that were inlined at `pc`, innermost first, then the one that holds it; empty where lines are missing. */
  framesAt(pc: FileAddress): SourceFrame[]
  /** The line of the function's declaration, or null where the version does not record it. */
  startLine(entry: FileAddress): number | null
  /** SP delta at `pc` by the pcsp table: caller's SP = SP + delta + 8 on amd64. Null when unknown. */
  spDelta(pc: FileAddress): number | null
}

/** One init task: the init functions of one package, in the order in which they run. */
export interface InitTask {
  /** Where the task's record lies, or null (Go to 1.12 has no records). */
  address: FileAddress | null
  package: string
  functions: FunctionInfo[]
}

/** A Go version as numbers; `patch` is 0 where unknown. */
export interface GoVersion {
  major: number
  minor: number
  patch: number
}

/**
 * Addresses of the runtime's variables, from .symtab or read off the code that uses them. Null where that is not certain.
 */
export interface GoStatics {
  /** runtime.g0, the first thread's scheduling goroutine. */
  g0: FileAddress | null
  /** runtime.m0. */
  m0: FileAddress | null
  /** runtime.ncpu, an int32; from 1.25 on runtime.numCPUStartup. */
  ncpu: FileAddress | null
  /** runtime.physPageSize, a uintptr. */
  physPageSize: FileAddress | null
  /** runtime.physHugePageSize, a uintptr; from 1.12 on. */
  physHugePageSize: FileAddress | null
  /** runtime.sched. */
  sched: FileAddress | null
  /** runtime.mheap_. */
  mheap: FileAddress | null
  /** runtime.mainPC, the funcval of runtime.main that newproc is given. */
  mainPC: FileAddress | null
  /** runtime.gomaxprocs, an int32. */
  gomaxprocs: FileAddress | null
}

/** What is known of the runtime's layout for this binary. */
export interface GoImage {
  /** Stated by buildinfo, or by the runtime.buildVersion string; null when bounded by fingerprint only. */
  readonly version: GoVersion | null
  /** The minor versions it can be, both included. Equal when `version` is stated. */
  readonly minors: { min: number; max: number }
  readonly info: GoInfo
  readonly pclntab: Pclntab
  /** Address of runtime.firstmoduledata with the fields that were verified, or null where it was not found. */
  readonly moduledata: null | {
    address: FileAddress
    text: FileAddress
    etext: FileAddress
  }
  /**
   * Every init task reachable from main, in run order as far as the file tells: 1.21 on, moduledata.inittasks; before,
   * depth first from the roots that runtime.main passes to doInit. Those of the runtime are included.
   */
  readonly initTasks: InitTask[]
  /**
   * The one body of a Go function: where an ABI0 wrapper has the same name, the wrapper is left out (it is the one
   * that calls the other). Null when there is no such function.
   */
  body(name: string): FunctionInfo | null
  /** Distance of g's TLS slot from FS on amd64: -8 in most, see `docs/architecture.md`; null when not known. */
  readonly tlsOffset: number | null
  /** Where the dynamic linker writes that distance, in a library; null where the code does not look it up. */
  readonly tlsSlot: FileAddress | null
  /** Where the runtime keeps what the steps' evidence shows. */
  readonly statics: GoStatics
}

/** A program file, opened and understood as far as asked. */
export interface ProgramImage {
  /** The program alone, where this is one together with a Go library that was loaded into it. */
  readonly program?: ProgramImage
  /** The path it was opened by. */
  readonly path: string
  readonly identity: FileIdentity
  readonly elf: ElfInfo
  /** e_entry as an address. */
  readonly entry: FileAddress
  /** Null when it is not a Go program (or nothing of Go was found in it). */
  readonly go: GoImage | null
  /** Why `go` is null, or why a Go program cannot be planned: UPX, 32 bits, garbled, c-shared. */
  readonly notes: string[]
  /** PT_LOAD and other program headers. */
  readonly segments: readonly Segment[]
  /** File-backed bytes at a virtual address; zeros past the file size within memSize; short at a segment's end. */
  read(address: FileAddress, length: number): Buffer
  /** A pointer at a virtual address with RELATIVE relocations applied (PIE), or null where nothing is mapped. */
  readPointer(address: FileAddress): FileAddress | null
  /** ELF symbols of exactly these names (.symtab, else .dynsym); empty where stripped. */
  symbols(names: readonly string[]): Map<string, { address: FileAddress; size: number }>
  /** A word that is 0 in the file, and which the dynamic linker fills with the address of another object’s symbol; or null. */
  importedWord(): FileAddress | null
  /** Whether its dynamic string table has this name: it defines a symbol of that name, or wants one. */
  namesDynamic(name: string): boolean
  /** The symbol or Go function that holds `pc`, by .symtab, .dynsym or pclntab. */
  nameAt(pc: FileAddress): string | null
  /** What was found out of it, where that is kept beyond this process. */
  readonly answers?: Answers
  /** Releases the descriptor. Reading afterwards opens the file again, and throws when it has changed. */
  close(): void
}
