/** The program's memory as the file describes it before it runs: bytes by virtual address, without the load bias. */
import { PremainError } from '../errors'
import { Cursor, malformed } from './cursor'
import { PF_W, PF_X, type ProgramHeader, PT_LOAD } from './elf'
import type { ProgramFile } from './file'
import type { Relocations } from './relocations'
import type { FileAddress } from './types'

/** More than any caller wants at once; a request beyond it is a mistake, or a file that lies. */
const MAX_READ = 256 * 1024 * 1024

/** A part of a segment that has bytes in the file. */
export type Stretch = Pick<ProgramHeader, 'offset' | 'vaddr' | 'filesz'>

/** PT_LOAD segments over a file. */
export class Memory {
  private readonly loads: ProgramHeader[]

  /** `relocations` is asked for once a pointer is read, not before. */
  constructor(
    private readonly file: ProgramFile,
    programs: readonly ProgramHeader[],
    private readonly relocations: () => Relocations,
  ) {
    this.loads = programs.filter((program) => program.type === PT_LOAD && program.memsz > 0)
  }

  /** Segments with bytes in the file: writable data first, then read-only data, then code. */
  get searchOrder(): ProgramHeader[] {
    const rank = ({ flags }: ProgramHeader): number => (flags & PF_X ? 2 : flags & PF_W ? 0 : 1)
    return this.loads.filter((load) => load.filesz > 0).sort((a, b) => rank(a) - rank(b))
  }

  /** The segment that holds `address`, or null. */
  segmentAt(address: number): ProgramHeader | null {
    for (const load of this.loads) {
      if (address >= load.vaddr && address < load.vaddr + load.memsz) return load
    }
    return null
  }

  /** True where `address` lies in an executable segment. */
  isCode(address: number): boolean {
    const segment = this.segmentAt(address)
    return segment !== null && (segment.flags & PF_X) !== 0
  }

  /** How many bytes of the file lie at `address` up to its segment's end; 0 where none do. */
  available(address: number): number {
    const segment = this.segmentAt(address)
    return segment === null ? 0 : Math.max(0, segment.vaddr + segment.filesz - address)
  }

  /** Bytes at an address: zeros past the file's part of the segment, short at the segment's end. */
  read(address: number, length: number): Buffer {
    if (!(length >= 0 && length <= MAX_READ)) {
      throw new PremainError('INVALID_OPTION', `cannot read ${length} bytes at once`)
    }
    const segment = this.segmentAt(address)
    if (segment === null) return Buffer.alloc(0)
    const wanted = Math.min(length, segment.vaddr + segment.memsz - address)
    const filed = Math.min(wanted, Math.max(0, segment.vaddr + segment.filesz - address))
    const bytes = filed > 0 ? this.file.bytes(segment.offset + (address - segment.vaddr), filed) : Buffer.alloc(0)
    return filed === wanted ? bytes : Buffer.concat([bytes], wanted)
  }

  /** Exactly `length` bytes of the file at an address; `what` names them in the error. The bytes may be shared. */
  bytes(address: number, length: number, what: string): Buffer {
    const offset = this.offsetOf(address, length, what)
    return length <= 16384 ? this.file.cached(offset, length) : this.file.bytes(offset, length)
  }

  /** Fills `buffer` with the bytes of the file at an address. */
  fill(buffer: Uint8Array, address: number, what: string): void {
    this.file.fill(buffer, this.offsetOf(address, buffer.length, what))
  }

  /** {@link bytes} behind a cursor. */
  cursor(address: number, length: number, what: string): Cursor {
    return new Cursor(this.bytes(address, length, what), what)
  }

  /** The four bytes at an address as an unsigned number. */
  u32(address: number, what: string): number {
    return this.file.u32(this.offsetOf(address, 4, what))
  }

  /** A NUL-terminated string at an address, at most `max` bytes of it; null where it has no end or no bytes. */
  cstring(address: number, max = 4096): string | null {
    const length = Math.min(max, this.available(address))
    for (let size = Math.min(128, length); size > 0; size = Math.min(size * 8, length)) {
      const bytes = this.bytes(address, size, 'string')
      const end = bytes.indexOf(0)
      if (end >= 0) return bytes.toString('utf8', 0, end)
      if (size === length) return null
    }
    return null
  }

  /** The eight bytes at an address as the file has them; null where they are not a number below 2^53. */
  word(address: number): number | null {
    const segment = this.segmentAt(address)
    if (segment === null || address + 8 > segment.vaddr + segment.memsz) return null
    if (address + 8 > segment.vaddr + segment.filesz) return 0
    const [low, high] = this.file.word(segment.offset + (address - segment.vaddr))
    return high >= 0x200000 ? null : high * 0x1_0000_0000 + low
  }

  /** The pointer at an address as it will be at run time, less the load bias; null where nothing is mapped. */
  pointer(address: number): FileAddress | null {
    const relocated = this.relocations().at(address)
    return (relocated ?? this.word(address)) as FileAddress | null
  }

  /** `count` pointers in a row, relocated. */
  pointers(address: number, count: number, what: string): FileAddress[] {
    const cursor = this.cursor(address, count * 8, what)
    const relocations = this.relocations()
    return Array.from(
      { length: count },
      (_, i) => (relocations.at(address + i * 8) ?? cursor.u64(i * 8)) as FileAddress,
    )
  }

  /** Bytes of the file at an address, to be searched; null where a segment does not hold all of them. */
  stretch(address: number, length: number): Stretch | null {
    const segment = this.segmentAt(address)
    if (segment === null || length > this.available(address)) return null
    return { offset: segment.offset + (address - segment.vaddr), vaddr: address, filesz: length }
  }

  private offsetOf(address: number, length: number, what: string): number {
    const segment = this.segmentAt(address)
    if (segment === null || !(length >= 0) || address + length > segment.vaddr + segment.filesz) {
      throw malformed(`its ${what} (${length} bytes at 0x${address.toString(16)}) lies outside its segments`)
    }
    return segment.offset + (address - segment.vaddr)
  }

  /** Addresses of `needle` in the file bytes of a segment, or of a part of one, in order. */
  *search(needle: Buffer, segment: Stretch): Generator<FileAddress> {
    for (const offset of this.file.search(needle, segment.offset, segment.offset + segment.filesz)) {
      yield (segment.vaddr + (offset - segment.offset)) as FileAddress
    }
  }
}
