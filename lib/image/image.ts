/** Opening a program file: ELF headers at once, everything else when it is asked for. */
import { type Dynamic, importedWord, readBuildIds, readDynamic, readRelocations } from './dynamic'
import { type ElfHeaders, PT_TLS, readHeaders, readInterpreter, SHT_SYMTAB } from './elf'
import { ProgramFile } from './file'
import { type GoFinding, readGo } from './go/image'
import { Memory } from './memory'
import { describeSegments, programNotes } from './program'
import type { Relocations } from './relocations'
import { SymbolTable } from './symbols'
import type { ElfInfo, FileAddress, FileIdentity, GoImage, ProgramImage, Segment } from './types'

/**
 * Opens a 64-bit little-endian ELF program. The descriptor is held until `close()`.
 * @param known refuses a file that is not, or no longer, that one
 * @throws PremainError `NOT_FOUND`, `NOT_EXECUTABLE` (not a regular file), `NOT_ELF`, `WRONG_ARCH` (32 bits, big endian),
 * `MALFORMED_ELF`, `UNSUPPORTED` (an object file or a core; a file that may not be read, or has changed)
 */
export function openImage(path: string, known?: FileIdentity): ProgramImage {
  const file = new ProgramFile(path, known)
  try {
    return new OpenImage(file, readHeaders(file))
  } catch (error) {
    file.close()
    throw error
  }
}

class OpenImage implements ProgramImage {
  readonly path: string
  readonly identity: FileIdentity
  readonly elf: ElfInfo
  readonly entry: FileAddress
  readonly go: GoImage | null
  readonly notes: string[]
  readonly segments: readonly Segment[]
  private readonly memory: Memory
  private readonly symbolTable: SymbolTable | null
  private readonly dynamic: Dynamic

  constructor(
    private readonly file: ProgramFile,
    headers: ElfHeaders,
  ) {
    this.path = file.path
    this.identity = file.identity
    this.entry = headers.entry as FileAddress
    let relocations: Relocations | null = null
    const load = (): Relocations => (relocations ??= readRelocations(this.memory, dynamic))
    this.memory = new Memory(file, headers.programs, load)
    const dynamic = readDynamic(file, this.memory, headers.programs)
    this.dynamic = dynamic
    this.symbolTable = SymbolTable.open(file, headers.sections)
    this.segments = describeSegments(headers.programs)
    const interpreter = readInterpreter(file, headers)
    const pie = headers.type === 'DYN' && headers.entry !== 0 && (interpreter !== null || dynamic.pie)
    const executable = pie || headers.type === 'EXEC'
    const tls = (executable && headers.programs.find(({ type }) => type === PT_TLS)) || null
    const { memory, symbolTable: symbols, entry } = this
    const found = readGo({ ...headers, memory, symbols, entry, tls, relocations: load })
    this.go = found.image
    this.elf = describeElf({ file, headers, dynamic, found, interpreter, pie, segments: this.segments })
    this.notes = programNotes({ file, headers, elf: this.elf, found, memory })
  }

  read(address: FileAddress, length: number): Buffer {
    return this.memory.read(address, length)
  }

  readPointer(address: FileAddress): FileAddress | null {
    return this.memory.pointer(address)
  }

  symbols(names: readonly string[]): Map<string, { address: FileAddress; size: number }> {
    return this.symbolTable?.find(names) ?? new Map()
  }

  importedWord(): FileAddress | null {
    return importedWord(this.memory, this.dynamic) as FileAddress | null
  }

  namesDynamic(name: string): boolean {
    const { strings } = this.dynamic
    if (strings === null) return false
    return this.memory.bytes(strings.address, strings.size, 'dynamic strings').includes(`\0${name}\0`)
  }

  nameAt(pc: FileAddress): string | null {
    return this.go?.pclntab.functionAt(pc)?.name ?? this.symbolTable?.at(pc)?.name ?? null
  }

  close(): void {
    this.file.close()
  }
}

interface Described {
  file: ProgramFile
  headers: ElfHeaders
  dynamic: Dynamic
  found: GoFinding
  interpreter: string | null
  pie: boolean
  segments: readonly Segment[]
}

function describeElf({ file, headers, dynamic, found, interpreter, pie, segments }: Described): ElfInfo {
  const { sections } = headers
  const ids = readBuildIds(file, headers)
  const named = (...names: string[]): boolean => sections.some(({ name }) => names.includes(name))
  return {
    type: headers.type,
    machine: headers.machine,
    entry: `0x${headers.entry.toString(16)}`,
    interpreter,
    needed: dynamic.needed,
    static: interpreter === null,
    pie,
    buildId: ids.gnu,
    goBuildId: ids.go,
    has: {
      sectionHeaders: sections.length > 0,
      symtab: sections.some(({ type, size }) => type === SHT_SYMTAB && size > 0),
      dwarf: named('.debug_info', '.zdebug_info'),
      pclntab: found.image !== null,
      buildinfo: found.buildInfo !== null,
      gosymtab: named('.gosymtab', '.data.rel.ro.gosymtab'),
    },
    segments: [...segments],
  }
}
