/** A program and a Go library that was loaded into it, as one image at the program's addresses. */
import type {
  FileAddress,
  FunctionInfo,
  GoImage,
  GoInfo,
  InitTask,
  Pclntab,
  ProgramImage,
  Segment,
  SourceFrame,
  SourceLine,
} from './types'

/** A Go library in a process. */
export interface LoadedLibrary {
  image: ProgramImage
  go: GoImage
  /** What is added to an address of the library's file, for the one of the program's that has the same load bias. */
  offset: number
  /** Distance of g's TLS slot from FS; null when not known. */
  tlsOffset: number | null
}

/**
 * The program as it is with the library in place: ELF header, entry point and segments are the program's, Go's runtime is
 * the library's; a function or an address is that of the file which holds it. Holds neither file open by itself.
 */
export function joinImages(program: ProgramImage, loaded: LoadedLibrary): ProgramImage {
  const { image: library, go, offset, tlsOffset } = loaded
  const map = new AddressMap(library.segments, offset)
  return {
    path: program.path,
    identity: program.identity,
    elf: program.elf,
    entry: program.entry,
    segments: program.segments,
    notes: [`Go’s runtime is in ${library.path}`],
    program,
    go: new JoinedGo(program.go, go, { map, tlsOffset }),
    read: (address, length) => map.pick(address, program, library, (image, local) => image.read(local, length)),
    readPointer: (address) =>
      map.holds(address) ? map.outOrNull(library.readPointer(map.into(address))) : program.readPointer(address),
    symbols: (names) => program.symbols(names),
    importedWord: () => program.importedWord(),
    namesDynamic: (name) => program.namesDynamic(name),
    nameAt: (pc) => map.pick(pc, program, library, (image, local) => image.nameAt(local)),
    close: () => {
      program.close()
      library.close()
    },
  }
}

/** The library's addresses among the program's. */
class AddressMap {
  private readonly low: number
  private readonly high: number

  constructor(
    segments: readonly Segment[],
    private readonly offset: number,
  ) {
    const loads = segments.filter(({ type, memSize }) => type === 'LOAD' && memSize > 0)
    this.low = Math.min(...loads.map(({ vaddr }) => Number(vaddr)))
    this.high = Math.max(...loads.map(({ vaddr, memSize }) => Number(vaddr) + memSize))
  }

  holds(address: FileAddress): boolean {
    const local = this.into(address)
    return local >= this.low && local < this.high
  }

  into(address: FileAddress): FileAddress {
    return (address - this.offset) as FileAddress
  }

  out(address: FileAddress): FileAddress {
    return (address + this.offset) as FileAddress
  }

  outOrNull(address: FileAddress | null): FileAddress | null {
    return address === null ? null : this.out(address)
  }

  outFunction<T extends FunctionInfo | null>(found: T): T {
    return found && { ...found, entry: this.out(found.entry), end: this.out(found.end) }
  }

  /** Asks the file that holds the address, at its own address there. */
  pick<P, L extends P, R>(address: FileAddress, program: P, library: L, ask: (from: P, local: FileAddress) => R): R {
    return this.holds(address) ? ask(library, this.into(address)) : ask(program, address)
  }
}

interface Joint {
  map: AddressMap
  tlsOffset: number | null
}

/** The library's runtime with what the program has of Go beside it: nothing, or its own packages. */
class JoinedGo implements GoImage {
  readonly version: GoImage['version']
  readonly minors: GoImage['minors']
  readonly info: GoInfo
  readonly pclntab: Pclntab
  readonly moduledata: GoImage['moduledata']
  readonly tlsOffset: number | null
  readonly tlsSlot: FileAddress | null

  constructor(
    private readonly program: GoImage | null,
    private readonly library: GoImage,
    private readonly joint: Joint,
  ) {
    const { map, tlsOffset } = joint
    const { moduledata } = library
    this.version = library.version
    this.minors = library.minors
    this.info = { ...(program ?? library).info, cgo: library.info.cgo }
    this.pclntab = new JoinedPclntab(program?.pclntab ?? null, library.pclntab, map)
    this.moduledata = moduledata && {
      address: map.out(moduledata.address),
      text: map.out(moduledata.text),
      etext: map.out(moduledata.etext),
    }
    this.tlsOffset = tlsOffset
    this.tlsSlot = map.outOrNull(library.tlsSlot)
  }

  /**
   * The library's first: the runtime runs the tasks of the module that it is in before those of later ones. A package
   * that the program has too runs from there: the dynamic linker resolves names to the program first.
   */
  get initTasks(): InitTask[] {
    const { map } = this.joint
    const own = this.program?.initTasks ?? []
    const packages = new Set(own.map((task) => task.package))
    const moved = this.library.initTasks
      .filter((task) => !packages.has(task.package))
      .map((task) => ({
        ...task,
        address: map.outOrNull(task.address),
        functions: task.functions.map((one) => map.outFunction(one)),
      }))
    return [...moved, ...own]
  }

  get statics(): GoImage['statics'] {
    const moved = Object.entries(this.library.statics).map(([name, at]) => [name, this.joint.map.outOrNull(at)])
    return Object.fromEntries(moved)
  }

  body(name: string): FunctionInfo | null {
    return this.program?.body(name) ?? this.joint.map.outFunction(this.library.body(name))
  }
}

class JoinedPclntab implements Pclntab {
  readonly magic: number
  readonly address: FileAddress
  readonly count: number

  constructor(
    private readonly program: Pclntab | null,
    private readonly library: Pclntab,
    private readonly map: AddressMap,
  ) {
    this.magic = library.magic
    this.address = map.out(library.address)
    this.count = library.count + (program?.count ?? 0)
  }

  find(names: readonly string[]): Map<string, FileAddress[]> {
    const found = new Map(this.program?.find(names))
    for (const [name, entries] of this.library.find(names)) {
      found.set(name, [...(found.get(name) ?? []), ...entries.map((entry) => this.map.out(entry))])
    }
    return found
  }

  *all(): Iterable<FunctionInfo> {
    if (this.program !== null) yield* this.program.all()
    for (const info of this.library.all()) yield this.map.outFunction(info)
  }

  functionAt(pc: FileAddress): FunctionInfo | null {
    if (this.map.holds(pc)) return this.map.outFunction(this.library.functionAt(this.map.into(pc)))
    return this.program?.functionAt(pc) ?? null
  }

  lineAt(pc: FileAddress): SourceLine | null {
    return this.ask(pc, (from, local) => from.lineAt(local))
  }

  ownLineAt(pc: FileAddress): SourceLine | null {
    return this.ask(pc, (from, local) => from.ownLineAt(local))
  }

  framesAt(pc: FileAddress): SourceFrame[] {
    return this.ask(pc, (from, local) => from.framesAt(local)) ?? []
  }

  startLine(entry: FileAddress): number | null {
    return this.ask(entry, (from, local) => from.startLine(local))
  }

  spDelta(pc: FileAddress): number | null {
    return this.ask(pc, (from, local) => from.spDelta(local))
  }

  private ask<R>(pc: FileAddress, question: (from: Pclntab, local: FileAddress) => R | null): R | null {
    return this.map.pick(pc, this.program, this.library, (from, local) => from && question(from, local))
  }
}
