/** What is said of a program in words: its segments by name, and notes on what stands in the way of tracing it. */
import { type ElfHeaders, PF_W, PF_X, type ProgramHeader, type Section } from './elf'
import type { ProgramFile } from './file'
import type { GoFinding } from './go/image'
import type { Memory } from './memory'
import type { ElfInfo, Segment } from './types'

const PF_R = 4

const SEGMENT_TYPES: Record<number, string> = {
  0: 'NULL',
  1: 'LOAD',
  2: 'DYNAMIC',
  3: 'INTERP',
  4: 'NOTE',
  5: 'SHLIB',
  6: 'PHDR',
  7: 'TLS',
  1685382480: 'GNU_EH_FRAME',
  1685382481: 'GNU_STACK',
  1685382482: 'GNU_RELRO',
  1685382483: 'GNU_PROPERTY',
}

/** Program headers as `readelf -l` names them. */
export function describeSegments(programs: readonly ProgramHeader[]): Segment[] {
  return programs.map(({ type, offset, vaddr, filesz, memsz, flags, align }) => ({
    type: SEGMENT_TYPES[type] ?? `0x${type.toString(16)}`,
    offset: `0x${offset.toString(16)}`,
    vaddr: `0x${vaddr.toString(16)}`,
    fileSize: filesz,
    memSize: memsz,
    flags: `${flags & PF_R ? 'r' : '-'}${flags & PF_W ? 'w' : '-'}${flags & PF_X ? 'x' : '-'}`,
    align: `0x${align.toString(16)}`,
  }))
}

/**
 * UPX writes its magic into a program's first bytes, behind the program headers, and into the last 36 of every file.
 * Source: upx src/stub/src/include/linux.h l_info; src/packhead.cpp PackHeader, an overlay's offset behind it.
 */
const UPX = Buffer.from('UPX!')
const UPX_WITHIN = 512
const UPX_TRAILER = 36

/** True where a file's first or last bytes are those of one packed by UPX. */
export function isUpx(file: ProgramFile): boolean {
  if (file.bytes(0, Math.min(UPX_WITHIN, file.size)).includes(UPX)) return true
  return file.size >= UPX_TRAILER && file.bytes(file.size - UPX_TRAILER, UPX.length).equals(UPX)
}

/** What the notes are made from. */
export interface Noted {
  file: ProgramFile
  headers: ElfHeaders
  elf: ElfInfo
  found: GoFinding
  memory: Memory
}

/** {@link import('./types').ProgramImage.notes}. */
export function programNotes({ file, headers, elf, found }: Noted): string[] {
  const notes: string[] = []
  if (headers.sectionsRefused !== null) notes.push(`section headers left aside: ${headers.sectionsRefused}`)
  if (found.image === null) notes.push(notGo(file, { sections: headers.sections, elf, found }))
  else if (elf.type === 'DYN' && !elf.pie)
    notes.push('a Go shared library (c-shared or plugin): its main.main never runs')
  if (found.image !== null && found.image.moduledata === null) notes.push('runtime.firstmoduledata was not found')
  return notes
}

function notGo(
  file: ProgramFile,
  { sections, elf, found }: Pick<Noted, 'elf' | 'found'> & { sections: readonly Section[] },
): string {
  if (isUpx(file)) {
    return 'packed by UPX: the program inside is not visible; unpack it with `upx -d`'
  }
  // gccgo leaves its packages' export data in the program, and strip leaves that there
  if (sections.some(({ name }) => name === '.go_export') || elf.needed.some((name) => name.startsWith('libgo.so'))) {
    return 'a Go program built by gccgo: its runtime is libgo, which has none of these functions and no function table'
  }
  const isGo =
    found.buildInfo !== null || sections.some(({ name }) => name === '.gopclntab' || name === '.note.go.buildid')
  if (!isGo) return 'not a Go program: it has neither a function table nor build information of Go'
  return 'a Go program whose function table cannot be read: obfuscated (garble), or built by another compiler'
}
