/** Everything of Go in one program file, put together from the parts of this folder. */
import type { Section } from '../elf'
import type { Memory } from '../memory'
import type { Relocations } from '../relocations'
import type { SymbolTable } from '../symbols'
import type { FileAddress, FunctionInfo, GoImage, GoInfo, GoStatics, GoVersion, InitTask } from '../types'
import { type BuildInfo, readBuildInfo } from './buildinfo'
import { Code } from './code'
import { readInitTasks } from './inittasks'
import { InlineTrees } from './inline'
import { INLINE_TREES, layoutOf, MODULEDATAS } from './layouts'
import { locatePclntab } from './locate'
import { locateModuledata, type Moduledata } from './moduledata'
import { GoPclntab, type PclntabHeader } from './pclntab'
import { isCgo, readStatics, readTlsOffset, readTlsSlot } from './statics'
import { boundMinors, parseVersion, rangeText, readBuildVersion } from './version'

/** What the Go part needs of the file. */
export interface GoSource {
  memory: Memory
  sections: readonly Section[]
  relocations: () => Relocations
  symbols: SymbolTable | null
  machine: string
  entry: FileAddress
  /** PT_TLS of an executable; null where there is none, or where the file is a library, whose place is not known. */
  tls: { memsz: number; align: number } | null
}

/** What was found: an image, or at least that it is Go. */
export interface GoFinding {
  image: GoProgram | null
  buildInfo: BuildInfo | null
}

/** Looks for a Go program. The image is null without a function table that can be used. */
export function readGo(source: GoSource): GoFinding {
  const buildInfo = readBuildInfo(source.memory, source.sections)
  const header = locatePclntab(source)
  if (header === null) return { image: null, buildInfo }
  const moduledata = locateModuledata({ ...source, pclntab: header })
  const text = moduledata?.text ?? header.textStart ?? textByEntry(source, header)
  if (text === null) return { image: null, buildInfo }
  // Up to 1.17 the table holds whole addresses, brought to count from the first entry.
  const base = header.layout.word === 8 ? header.textStart : text
  return { image: new GoProgram(source, { header, moduledata, buildInfo, base: base ?? text }), buildInfo }
}

/** Without module data: e_entry is _rt0_amd64_linux or its sibling, whose offset from the text the table has. */
function textByEntry(source: GoSource, header: PclntabHeader): number | null {
  const name = `_rt0_${source.machine === 'aarch64' ? 'arm64' : 'amd64'}_linux`
  const offset = new GoPclntab(source.memory, header, 0).find([name]).get(name)?.[0]
  return offset === undefined || offset > source.entry ? null : source.entry - offset
}

interface Parts {
  header: PclntabHeader
  moduledata: Moduledata | null
  buildInfo: BuildInfo | null
  base: number
}

/** Functions of one name that are looked at; a body and its wrappers are two or three. */
const MAX_HOMONYMS = 8

/** {@link GoImage} over one file. What takes a walk is done when it is first asked for. */
export class GoProgram implements GoImage {
  readonly version: GoVersion | null
  readonly minors: { min: number; max: number }
  readonly info: GoInfo
  readonly pclntab: GoPclntab
  readonly moduledata: Moduledata | null
  private readonly bodies = new Map<string, FunctionInfo | null>()
  private tasks: InitTask[] | null = null
  private tls: number | null | undefined
  private foundStatics: GoStatics | null = null

  constructor(
    private readonly source: GoSource,
    parts: Parts,
  ) {
    const { header, buildInfo } = parts
    this.pclntab = new GoPclntab(source.memory, header, parts.base)
    this.moduledata = parts.moduledata
    const stated = buildInfo?.version ?? this.statedElsewhere(header)
    this.version = stated === null ? null : parseVersion(stated)
    this.minors =
      this.version === null
        ? boundMinors(header.layout, header.textStart === null, this.pclntab)
        : { min: this.version.minor, max: this.version.minor }
    this.pclntab.inlined = this.inlineTrees(header)
    this.info = {
      version: this.version === null ? null : stated,
      versionRange: this.version === null ? rangeText(this.minors) : null,
      pclntab: { magic: hex(this.pclntab.magic), address: hex(this.pclntab.address), functions: this.pclntab.count },
      module: buildInfo?.module ?? null,
      main: buildInfo?.main ?? null,
      deps: buildInfo?.deps ?? [],
      settings: buildInfo?.settings ?? {},
      cgo: isCgo(this.facts),
    }
  }

  get initTasks(): InitTask[] {
    this.tasks ??= readInitTasks(this.facts)
    return this.tasks
  }

  get tlsOffset(): number | null {
    if (this.tls === undefined) this.tls = readTlsOffset(this.facts)
    return this.tls
  }

  get tlsSlot(): FileAddress | null {
    return readTlsSlot(this.facts)
  }

  get statics(): GoStatics {
    this.foundStatics ??= readStatics(this.facts)
    return this.foundStatics
  }

  body(name: string): FunctionInfo | null {
    const known = this.bodies.get(name)
    if (known !== undefined) return known
    const entries = this.pclntab.find([name]).get(name) ?? []
    const entry = entries.length > 1 ? this.unwrapped(entries.slice(0, MAX_HOMONYMS)) : entries[0]
    const body = entry === undefined ? null : this.pclntab.functionAt(entry)
    this.bodies.set(name, body)
    return body
  }

  /** Null where the version is not known well enough. */
  private inlineTrees(header: PclntabHeader): InlineTrees | null {
    const { min, max } = this.minors
    const { memory } = this.source
    const layout = layoutOf(INLINE_TREES, min)
    if (layout === null || layout !== layoutOf(INLINE_TREES, max)) return null
    const field = layoutOf(MODULEDATAS, min)?.gofunc ?? null
    if (field !== (layoutOf(MODULEDATAS, max)?.gofunc ?? null)) return null
    if (field === null) return new InlineTrees(memory, header, layout, null)
    const gofunc = this.moduledata && memory.pointer(this.moduledata.address + field)
    return gofunc === null ? null : new InlineTrees(memory, header, layout, gofunc)
  }

  /** Of functions with one name, the one that branches to none of the others: a wrapper's work is that branch. */
  private unwrapped(entries: FileAddress[]): FileAddress | undefined {
    const { memory, machine } = this.source
    const plain = entries.filter((entry) => {
      const of = this.pclntab.functionAt(entry)
      if (of === null) return false
      for (const { target } of new Code(memory, of, machine === 'aarch64').branches()) {
        if (target !== entry && entries.includes(target)) return false
      }
      return true
    })
    return plain[0] ?? entries[0]
  }

  private statedElsewhere(header: PclntabHeader): string | null {
    const { memory, symbols, machine } = this.source
    const symbol = symbols?.full ? symbols.find(['runtime.buildVersion']).get('runtime.buildVersion') : undefined
    const bounds = boundMinors(header.layout, header.textStart === null, this.pclntab)
    const schedinit = machine === 'x86_64' ? this.body('runtime.schedinit') : null
    return readBuildVersion({ memory, bounds, address: symbol?.address ?? null, schedinit })
  }

  /** What the readers of this folder are given of the program. */
  private get facts() {
    const { pclntab, moduledata, minors } = this
    return { ...this.source, pclntab, moduledata, minors, body: (name: string) => this.body(name) }
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}
