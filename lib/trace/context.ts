/** What the assembly of one trace works on: the records of the final image, found by site and by name. */
import type { FileAddress, GoImage, ProgramImage } from '../image/types'
import { hostsGoLibrary, sharesRuntime } from '../plan/host'
import { ARGUMENT_REGISTERS, callingConvention } from '../plan/layout'
import { UNNAMED_ENTRY } from '../plan/plan'
import type { Site, StepId, StopPlan } from '../plan/types'
import type { BreakpointRecord, ExecExitRecord, ExecRecord, SessionRecord } from '../session/records'
import { REGISTERS, type RegisterName } from '../session/registers'
import { Addresses } from './addresses'
import { type Auxv, parseAuxv } from './auxv'
import { type Code, codeOf } from './code'
import { MapsParser, type Region } from './maps'
import { type InitialStack, parseInitialStack } from './stack'
import { Clock } from './times'

/** A planned site that was reached, its caller being the right one. */
export interface Hit {
  site: Site
  record: BreakpointRecord
  /** Place among all records of the trace. */
  at: number
}

const REGISTER_INDEX = new Map<string, number>(REGISTERS.map((name, index) => [name, index]))

/** One register of a record, or null when registers were not taken. */
export function register(record: SessionRecord, name: RegisterName): bigint | null {
  return record.registers?.[REGISTER_INDEX.get(name) as number] ?? null
}

/** What a context is made from; see `Assembly`. */
export interface Material {
  image: ProgramImage
  plan: StopPlan
  laterPlans?: readonly StopPlan[] | undefined
  records: readonly SessionRecord[]
}

/** The symbol that a site stands at; null for an entry point that no table names. */
export function symbolOf(site: Site | null | undefined): string | null {
  return !site || site.symbol === UNNAMED_ENTRY ? null : site.symbol
}

/** One run, indexed. */
export class Context {
  readonly image: ProgramImage
  readonly code: Code
  readonly records: readonly SessionRecord[]
  /** All sites, as records number them. */
  readonly sites: readonly Site[]
  /** Those of the image. */
  readonly ownSites: readonly Site[]
  readonly go: GoImage | null
  /** The program is not Go, but holds a Go library. */
  readonly host: boolean
  /** Go’s runtime is not in the program’s file. */
  readonly shared: boolean
  readonly clock: Clock
  /** The exec that brought the image (the last such one, when it executed itself again), and its place. */
  readonly exec: ExecRecord | null
  readonly execAt: number
  readonly addresses: Addresses
  readonly stack: InitialStack | null
  readonly auxv: Auxv
  /** In the order in which they were reached, once each. */
  readonly hits: Hit[] = []
  /** The stop at which the trace was to end, if it was reached. */
  last: Hit | null = null
  readonly maps: MapsParser
  private readonly byName = new Map<string, Hit>()
  private readonly byStep = new Map<StepId, Hit[]>()
  /** The first site of each step. */
  private readonly mains = new Map<StepId, Site>()
  /** Places of the sites that were reached. */
  private readonly reached = new Set<number>()
  /** Records before this place have been looked at for hits. */
  private followed: number
  /** Records before this place are no execs but those that this context knows. */
  private known: number

  /** `records` may be added to: {@link follow}. */
  constructor({ image, plan, laterPlans = [], records }: Material) {
    const plans = [plan, ...laterPlans]
    this.image = image
    this.code = codeOf(image)
    this.records = records
    this.go = image.go
    this.host = hostsGoLibrary(image)
    this.shared = sharesRuntime(image)
    this.clock = new Clock(records)
    this.sites = sitesOf(plans)
    const program = image.program ?? image
    const own = plans.filter((one) => (one.image.program ?? one.image) === program)
    this.ownSites = own.length === plans.length ? this.sites : sitesOf(own)
    for (const site of this.ownSites) {
      if (site.step !== null && site.role === 'step' && !this.mains.has(site.step)) this.mains.set(site.step, site)
    }
    this.execAt = finalExec(records, plan.image === program)
    const exec = records[this.execAt]
    this.exec = exec?.kind === 'exec' ? exec : null
    this.auxv = parseAuxv(this.exec?.auxv ?? Buffer.alloc(0))
    this.addresses = new Addresses((this.auxv.get('AT_ENTRY') ?? BigInt(image.entry)) - BigInt(image.entry))
    this.stack = this.exec && parseInitialStack(this.exec.initialStack, register(this.exec, 'rsp') ?? 0n)
    this.maps = new MapsParser({
      segments: loadRanges(image, this.addresses),
      interpreterBase: image.elf.interpreter ? (this.auxv.get('AT_BASE') ?? null) : null,
      arenaHint: () => this.arenaHint(),
    })
    this.followed = this.execAt + 1
    this.known = this.followed
    this.follow()
  }

  /** Takes in the records that came since. */
  follow(): void {
    for (; this.exec && this.followed < this.records.length; this.followed++) {
      const at = this.followed
      const record = this.records[at]
      if (record?.kind !== 'breakpoint' || !record.accepted || this.reached.has(record.site)) continue
      const site = this.sites[record.site]
      if (!site) continue
      this.reached.add(record.site)
      const hit = { site, record, at }
      this.hits.push(hit)
      if (site.last) this.last ??= hit
      const { step, role } = site
      if (step !== null && role === 'step') {
        const own = this.byStep.get(step)
        if (own) own.push(hit)
        else this.byStep.set(step, [hit])
      }
      if (!this.byName.has(site.name)) this.byName.set(site.name, hit)
    }
  }

  /** Whether the target went on to execute something after the exec that this context knows. */
  get outrun(): boolean {
    const { records } = this
    while (this.known < records.length && records[this.known]?.kind !== 'exec') this.known++
    return this.known < records.length
  }

  /** execve's return. */
  get execExit(): ExecExitRecord | null {
    return this.records.find((record) => record.kind === 'syscall-exit') ?? null
  }

  /** The stop of that name, if it was reached. */
  hit(name: string): Hit | null {
    return this.byName.get(name) ?? null
  }

  /** The step's main stop, as it was planned. */
  mainSite(step: StepId): Site | null {
    return this.mains.get(step) ?? null
  }

  /** The step's own stops that were reached, in order. */
  stepHits(step: StepId): readonly Hit[] {
    return this.byStep.get(step) ?? []
  }

  /** A planned read by its name; null unless all of it was there. */
  read(hit: Hit | null, name: string): Buffer | null {
    if (!hit) return null
    const index = hit.site.reads.findIndex((read) => read.name === name)
    const bytes = hit.record.reads[index]
    return bytes && bytes.length === hit.site.reads[index]?.length ? bytes : null
  }

  /** Eight bytes of a planned read. */
  word(hit: Hit | null, name: string, offset = 0): bigint | null {
    return this.read(hit, name)?.readBigUInt64LE(offset) ?? null
  }

  /** An integer or pointer argument of the Go function whose body was entered. */
  argument(hit: Hit | null, index: number): bigint | null {
    if (!hit || !this.go) return null
    const convention = callingConvention(this.go)
    if (convention === 'stack') return this.word(hit, `arg${index}`)
    return convention && register(hit.record, ARGUMENT_REGISTERS[index] as RegisterName)
  }

  /** The maps at a stop; null where they were not taken. */
  regions(record: SessionRecord | null | undefined): Region[] | null {
    return record?.maps ? this.maps.regions(record.maps) : null
  }

  /** The function at a runtime address, by the image's names. */
  nameAt(address: bigint): string | null {
    const file = this.addresses.file(address)
    return file === null ? null : this.code.nameAt(file)
  }

  /** Where a runtime address stands in the function that holds it, as the function table has it. */
  lineAt(address: bigint): { file: string; line: number } | null {
    const file = this.addresses.file(address)
    return file === null ? null : this.code.lineAt(file)
  }

  /** Where a variable of the runtime lies in the process. */
  runtimeAddress(address: FileAddress | null): bigint | null {
    return address === null ? null : this.addresses.runtime(address)
  }

  /** Threads alive when a record was made. */
  threadsAt(recordIndex: number): number {
    let alive = 1
    for (let at = this.execAt + 1; at < recordIndex; at++) {
      const record = this.records[at]
      if (record?.kind === 'thread') alive += record.event === 'start' ? 1 : -1
    }
    return alive
  }

  /** The address that the first arena is to have: read from the heap; before 1.26 it is fixed. @go runtime.mallocinit */
  private arenaHint(): bigint | null {
    const read = this.word(this.hit('runtime.mallocinit (return)'), 'arenaHint')
    if (read !== null && read !== 0n) return read
    if (!this.go || this.go.minors.min < 11 || this.go.minors.max > 25) return null
    return 0xc000000000n
  }
}

function sitesOf(plans: readonly StopPlan[]): readonly Site[] {
  const [first] = plans
  return first && plans.length === 1 ? first.sites : plans.flatMap(({ sites }) => sites)
}

/** An image that was planned in mid-run came with the last exec; only the first plan's image is known as `planned`. */
function finalExec(records: readonly SessionRecord[], firstImage: boolean): number {
  return records.findLastIndex((record) => record.kind === 'exec' && (record.planned || !firstImage))
}

function loadRanges(image: ProgramImage, addresses: Addresses): { low: bigint; high: bigint; flags: string }[] {
  return image.segments
    .filter((segment) => segment.type === 'LOAD' && segment.memSize > 0)
    .map((segment) => {
      const low = addresses.runtime(Number(segment.vaddr))
      return { low, high: low + BigInt(segment.memSize), flags: segment.flags }
    })
}
