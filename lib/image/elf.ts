/**
 * ELF headers, program headers and section headers of 64-bit little-endian files. Nothing here looks into their contents.
 * Source: the gABI's elf.h; linux fs/binfmt_elf.c for what must hold of a file that runs.
 */
import { PremainError } from '../errors'
import { Cursor, malformed } from './cursor'
import type { ProgramFile } from './file'

export const PT_LOAD = 1
export const PT_DYNAMIC = 2
export const PT_INTERP = 3
export const PT_NOTE = 4
export const PT_TLS = 7
export const SHT_SYMTAB = 2
export const SHT_NOTE = 7
export const SHT_DYNSYM = 11
export const PF_X = 1
export const PF_W = 2

const ET_EXEC = 2
const ET_DYN = 3
const PN_XNUM = 0xffff
const SHN_XINDEX = 0xffff
const HEADER = 64
const PHENTSIZE = 56
const SHENTSIZE = 64

/** More sections, and more bytes of their names, than any program has; both are held in memory. */
const MAX_SECTIONS = 65536
const MAX_SECTION_NAMES = 16 * 1024 * 1024
const MAX_SECTION_NAME = 256

/** The kernel reads at most 64 KB of program headers (linux fs/binfmt_elf.c load_elf_phdrs). */
const MAX_PHDRS = Math.floor(65536 / PHENTSIZE)

/** A program header, as numbers. */
export interface ProgramHeader {
  type: number
  flags: number
  offset: number
  vaddr: number
  filesz: number
  memsz: number
  align: number
}

/** A section header, as numbers. */
export interface Section {
  name: string
  type: number
  flags: number
  address: number
  offset: number
  size: number
  link: number
  entsize: number
}

/** The headers of an ELF file that the kernel reads. */
export interface KernelHeaders {
  type: 'EXEC' | 'DYN'
  machine: string
  entry: number
  programs: ProgramHeader[]
}

/** The headers of an ELF file. */
export interface ElfHeaders extends KernelHeaders {
  /** Empty where the file has none, or none that can be believed: the kernel does not read them. */
  sections: Section[]
  /** Why the section headers were left aside, or null. */
  sectionsRefused: string | null
}

const MACHINES: Record<number, string> = {
  3: 'i386',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv',
  258: 'loongarch',
}

/** The name of an e_machine value. */
export function machineName(machine: number): string {
  return MACHINES[machine] ?? `machine-${machine}`
}

/** What the first 20 bytes of an ELF file say, whatever its class. */
export interface ElfIdent {
  bits: 32 | 64
  littleEndian: boolean
  machine: string
}

/** Reads e_ident and e_machine; null when the bytes do not begin an ELF file. `head` may be any length. */
export function readIdent(head: Buffer): ElfIdent | null {
  if (head.length < 4 || head.readUInt32BE(0) !== 0x7f454c46) return null
  if (head.length < 20) throw malformed(`it ends after ${head.length} bytes, inside its header`)
  const [bits, data] = [head[4], head[5]]
  if (bits !== 1 && bits !== 2) throw malformed(`class ${bits} in its header`)
  if (data !== 1 && data !== 2) throw malformed(`byte order ${data} in its header`)
  const machine = data === 1 ? head.readUInt16LE(18) : head.readUInt16BE(18)
  return { bits: bits === 1 ? 32 : 64, littleEndian: data === 1, machine: machineName(machine) }
}

/**
 * Reads the headers of a 64-bit little-endian executable or shared object.
 * @throws PremainError as {@link readKernelHeaders} does
 */
export function readHeaders(file: ProgramFile): ElfHeaders {
  const header = readHeader(file)
  return { ...readKernelHeaders(file, header), ...readSections(file, header) }
}

/**
 * Reads what the kernel reads of those headers.
 * @throws PremainError `NOT_ELF`, `WRONG_ARCH` (32 bits, big endian), `MALFORMED_ELF`, `UNSUPPORTED` (object, core)
 */
export function readKernelHeaders(file: ProgramFile, header = readHeader(file)): KernelHeaders {
  return {
    type: header.u16(16) === ET_EXEC ? 'EXEC' : 'DYN',
    machine: machineName(header.u16(18)),
    entry: header.u64(24),
    programs: readPrograms(file, header),
  }
}

/** The ELF header, of a kind that is read. */
function readHeader(file: ProgramFile): Cursor {
  const head = file.bytes(0, Math.min(HEADER, file.size))
  const ident = readIdent(head)
  if (ident === null) throw new PremainError('NOT_ELF', `${file.path} is not an ELF file`)
  if (ident.bits === 32 || !ident.littleEndian) {
    const kind = ident.bits === 32 ? '32-bit' : 'big-endian'
    throw new PremainError('WRONG_ARCH', `${file.path} is a ${kind} ELF file for ${ident.machine}`, {
      hint: 'premain reads 64-bit little-endian programs.',
    })
  }
  const header = new Cursor(head, 'ELF header')
  const type = header.u16(16)
  if (type !== ET_EXEC && type !== ET_DYN) {
    const kind = { 1: 'an object file', 4: 'a core dump' }[type] ?? `an ELF file of type ${type}`
    throw new PremainError('UNSUPPORTED', `${file.path} is ${kind}, not a program`)
  }
  return header
}

function readPrograms(file: ProgramFile, header: Cursor): ProgramHeader[] {
  let count = header.u16(56)
  if (count === PN_XNUM) count = new Cursor(file.bytes(header.u64(40), SHENTSIZE), 'first section header').u32(44)
  if (count === 0) throw malformed('no program headers')
  if (header.u16(54) !== PHENTSIZE) throw malformed(`program headers of ${header.u16(54)} bytes`)
  if (count > MAX_PHDRS) throw malformed(`${count} program headers`)
  const table = new Cursor(file.bytes(header.u64(32), count * PHENTSIZE), 'program header table')
  const programs: ProgramHeader[] = []
  for (let at = 0; at < table.length; at += PHENTSIZE) {
    const program = readProgram(table, at)
    if (program !== null) programs.push(checked(program, file.size))
  }
  return programs
}

/** Null for a header that the kernel would not act on and whose numbers make no sense. */
function readProgram(table: Cursor, at: number): ProgramHeader | null {
  const type = table.u32(at)
  const numbers = [8, 16, 32, 40, 48].map((field) => table.u64OrNull(at + field))
  if (numbers.includes(null)) {
    if (type === PT_LOAD || type === PT_INTERP) throw malformed('a value of 2^53 or more in a program header')
    return null
  }
  const [offset, vaddr, filesz, memsz, align] = numbers as [number, number, number, number, number]
  return { type, flags: table.u32(at + 4), offset, vaddr, filesz, memsz, align }
}

function checked(program: ProgramHeader, size: number): ProgramHeader {
  if (program.type !== PT_LOAD && program.type !== PT_INTERP) return program
  const what = program.type === PT_LOAD ? 'a PT_LOAD segment' : 'PT_INTERP'
  if (program.offset + program.filesz > size) {
    throw malformed(`${what} ends at offset ${program.offset + program.filesz} of a file of ${size} bytes`)
  }
  if (program.type === PT_LOAD && program.filesz > program.memsz) {
    throw malformed(`${what} has more bytes in the file than in memory`)
  }
  if (program.vaddr + program.memsz >= Number.MAX_SAFE_INTEGER) throw malformed(`${what} wraps around`)
  return program
}

/**
 * The dynamic linker's path that PT_INTERP has, or null. Source: linux fs/binfmt_elf.c load_elf_binary: 2 to PATH_MAX bytes,
 * the last of them NUL.
 */
export function readInterpreter(file: ProgramFile, { programs }: KernelHeaders): string | null {
  const program = programs.find(({ type }) => type === PT_INTERP)
  if (program === undefined) return null
  if (program.filesz < 2 || program.filesz > 4096) throw malformed(`PT_INTERP of ${program.filesz} bytes`)
  return new Cursor(file.bytes(program.offset, program.filesz), 'PT_INTERP').cstring(0)
}

/** A section table that lies is left aside with the reason: a file runs without it, so it must not hide the program. */
function readSections(file: ProgramFile, header: Cursor): Pick<ElfHeaders, 'sections' | 'sectionsRefused'> {
  const offset = header.u64OrNull(40)
  if (offset === 0) return { sections: [], sectionsRefused: null }
  try {
    return { sections: sectionTable(file, header, offset ?? file.size), sectionsRefused: null }
  } catch (error) {
    if (!(error instanceof PremainError) || error.code !== 'MALFORMED_ELF') throw error
    return { sections: [], sectionsRefused: error.message.replace('malformed ELF file: ', '') }
  }
}

function sectionTable(file: ProgramFile, header: Cursor, offset: number): Section[] {
  if (header.u16(58) !== SHENTSIZE) throw malformed(`section headers of ${header.u16(58)} bytes`)
  const first = new Cursor(file.bytes(offset, SHENTSIZE), 'first section header')
  const count = header.u16(60) || first.u64(32)
  const names = header.u16(62) === SHN_XINDEX ? first.u32(40) : header.u16(62)
  if (count > MAX_SECTIONS) throw malformed(`${count} section headers`)
  const table = new Cursor(file.bytes(offset, count * SHENTSIZE), 'section header table')
  if (names >= count) throw malformed(`its section names are in section ${names} of ${count}`)
  const size = table.u64(names * SHENTSIZE + 32)
  if (size > MAX_SECTION_NAMES) throw malformed(`${size} bytes of section names`)
  const strings = new Cursor(file.bytes(table.u64(names * SHENTSIZE + 24), size), 'section names')
  const sections: Section[] = []
  for (let at = 0; at < table.length; at += SHENTSIZE) sections.push(readSection(table, at, strings))
  return sections
}

function readSection(table: Cursor, at: number, strings: Cursor): Section {
  return {
    name: table.u32(at) === 0 ? '' : strings.cstring(table.u32(at), MAX_SECTION_NAME),
    type: table.u32(at + 4),
    flags: table.u32(at + 8),
    address: table.u64(at + 16),
    offset: table.u64(at + 24),
    size: table.u64(at + 32),
    link: table.u32(at + 40),
    entsize: table.u64(at + 56),
  }
}
