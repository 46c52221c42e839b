/** A program file of which much is known already: it is opened when something else is asked. */
import type { Answers } from './answers'
import { openImage } from './image'
import type {
  ElfInfo,
  FileAddress,
  FileIdentity,
  FunctionInfo,
  GoImage,
  GoStatics,
  InitTask,
  Pclntab,
  ProgramImage,
  Segment,
  SourceFrame,
  SourceLine,
} from './types'

/** The file that an image is of. */
export interface KnownFile {
  path: string
  identity: FileIdentity
}

/** {@link ProgramImage} by what is known of the file; each question is put to the file itself once. */
export class KeptImage implements ProgramImage {
  readonly path: string
  readonly identity: FileIdentity
  readonly go: GoImage | null
  private opened: ProgramImage | null = null

  /**
   * @param answers of that very file
   * @throws PremainError as `openImage()` does, where nothing is known
   */
  constructor(
    { path, identity }: KnownFile,
    readonly answers: Answers,
  ) {
    this.path = path
    this.identity = identity
    const facts = answers.of('go', () => factsOf(this.image.go))
    this.go = facts && new KeptGo(facts, answers, () => this.image.go as GoImage)
  }

  get elf(): ElfInfo {
    return this.answers.of('elf', () => this.image.elf)
  }

  get entry(): FileAddress {
    return Number(this.elf.entry) as FileAddress
  }

  get notes(): string[] {
    return this.answers.of('notes', () => this.image.notes)
  }

  get segments(): readonly Segment[] {
    return this.elf.segments
  }

  read(address: FileAddress, length: number): Buffer {
    return this.image.read(address, length)
  }

  readPointer(address: FileAddress): FileAddress | null {
    return this.answers.of(`pointer ${address}`, () => this.image.readPointer(address))
  }

  symbols(names: readonly string[]): Map<string, { address: FileAddress; size: number }> {
    return new Map(this.answers.of(`symbols ${JSON.stringify(names)}`, () => [...this.image.symbols(names)]))
  }

  importedWord(): FileAddress | null {
    return this.answers.of('imported', () => this.image.importedWord())
  }

  namesDynamic(name: string): boolean {
    return this.answers.of(`dynamic ${name}`, () => this.image.namesDynamic(name))
  }

  nameAt(pc: FileAddress): string | null {
    return this.answers.of(`name ${pc}`, () => this.image.nameAt(pc))
  }

  close(): void {
    this.opened?.close()
  }

  /** The file, read. */
  private get image(): ProgramImage {
    this.opened ??= openImage(this.path, this.identity)
    return this.opened
  }
}

type Facts = Pick<GoImage, 'version' | 'minors' | 'info' | 'moduledata'> & {
  pclntab: Pick<Pclntab, 'magic' | 'address' | 'count'>
}

function factsOf(go: GoImage | null): Facts | null {
  if (go === null) return null
  const { version, minors, info, moduledata, pclntab } = go
  const { magic, address, count } = pclntab
  return {
    version,
    minors,
    info,
    moduledata: moduledata && { address: moduledata.address, text: moduledata.text, etext: moduledata.etext },
    pclntab: { magic, address, count },
  }
}

class KeptGo implements GoImage {
  readonly version: GoImage['version']
  readonly minors: GoImage['minors']
  readonly info: GoImage['info']
  readonly moduledata: GoImage['moduledata']
  readonly pclntab: Pclntab

  constructor(
    facts: Facts,
    private readonly answers: Answers,
    private readonly read: () => GoImage,
  ) {
    this.version = facts.version
    this.minors = facts.minors
    this.info = facts.info
    this.moduledata = facts.moduledata
    this.pclntab = new KeptPclntab(facts.pclntab, answers, () => read().pclntab)
  }

  get initTasks(): InitTask[] {
    return this.answers.of('inits', () => this.read().initTasks)
  }

  get tlsOffset(): number | null {
    return this.answers.of('tls', () => this.read().tlsOffset)
  }

  get tlsSlot(): FileAddress | null {
    return this.answers.of('tls slot', () => this.read().tlsSlot)
  }

  get statics(): GoStatics {
    return this.answers.of('statics', () => this.read().statics)
  }

  body(name: string): FunctionInfo | null {
    return this.answers.of(`body ${name}`, () => this.read().body(name))
  }
}

class KeptPclntab implements Pclntab {
  readonly magic: number
  readonly address: FileAddress
  readonly count: number

  constructor(
    { magic, address, count }: Facts['pclntab'],
    private readonly answers: Answers,
    private readonly table: () => Pclntab,
  ) {
    this.magic = magic
    this.address = address
    this.count = count
  }

  find(names: readonly string[]): Map<string, FileAddress[]> {
    return new Map(this.answers.of(`find ${JSON.stringify(names)}`, () => [...this.table().find(names)]))
  }

  all(): Iterable<FunctionInfo> {
    return this.table().all()
  }

  functionAt(pc: FileAddress): FunctionInfo | null {
    return this.answers.of(`function ${pc}`, () => this.table().functionAt(pc))
  }

  lineAt(pc: FileAddress): SourceLine | null {
    return this.answers.of(`line ${pc}`, () => this.table().lineAt(pc))
  }

  ownLineAt(pc: FileAddress): SourceLine | null {
    return this.answers.of(`own line ${pc}`, () => this.table().ownLineAt(pc))
  }

  framesAt(pc: FileAddress): SourceFrame[] {
    return this.answers.of(`frames ${pc}`, () => this.table().framesAt(pc))
  }

  startLine(entry: FileAddress): number | null {
    return this.answers.of(`start ${entry}`, () => this.table().startLine(entry))
  }

  spDelta(pc: FileAddress): number | null {
    return this.answers.of(`delta ${pc}`, () => this.table().spDelta(pc))
  }
}
