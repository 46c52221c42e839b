/** A program file on disk: bytes by offset, read when asked for, small reads through a bounded cache. */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { named, PremainError } from '../errors'
import { malformed } from './cursor'
import type { FileIdentity } from './types'

const BLOCK = 8 * 1024
const MAX_BLOCKS = 512

/** Bytes that a search reads at a time. */
const SEARCH_CHUNK = 256 * 1024

/** Places that a search returns; what has more of them was made so. */
const MAX_HITS = 65536

/**
 * Bytes that all searches of one file may go through, half a second from a disk: far more than a program without section
 * headers has where premain looks. Segments may overlap, so that the file's size is no bound.
 */
const MAX_SEARCHED = 256 * 1024 * 1024

/** More than any table of a real program. */
const MAX_TABLE = 1024 * 1024 * 1024

/** A program file. The descriptor is held until {@link ProgramFile.close}. */
export class ProgramFile {
  readonly size: number
  readonly identity: FileIdentity
  private readonly blocks = new Map<number, Buffer>()
  private fd: number
  private searchLeft = MAX_SEARCHED

  /**
   * Opens a regular file for reading.
   * @param known refuses a file that is not, or no longer, that one
   * @throws PremainError `NOT_FOUND`, `NOT_EXECUTABLE` (not a regular file), `UNSUPPORTED` (may not be read, has changed)
   */
  constructor(
    readonly path: string,
    known?: FileIdentity,
  ) {
    this.fd = openForReading(path)
    const stat = fstatSync(this.fd, { bigint: true })
    if (!stat.isFile()) {
      this.close()
      throw new PremainError(
        'NOT_EXECUTABLE',
        `${path} is ${stat.isDirectory() ? 'a directory' : 'not a regular file'}`,
      )
    }
    this.size = Number(stat.size)
    this.identity = identityOf(stat)
    if (known) this.requireIdentity(known)
  }

  /** Exactly `length` bytes at `offset`, in memory of their own. */
  bytes(offset: number, length: number): Buffer {
    this.check(offset, length)
    if (length > MAX_TABLE) throw malformed(`a table of ${length} bytes`)
    const buffer = Buffer.allocUnsafeSlow(length)
    this.fill(buffer, offset)
    return buffer
  }

  /** Fills `buffer` with the bytes at `offset`. */
  fill(buffer: Uint8Array, offset: number): void {
    this.check(offset, buffer.length)
    for (let done = 0; done < buffer.length; ) {
      const got = readSync(this.fd, buffer, done, buffer.length - done, offset + done)
      if (got === 0) throw malformed('the file became shorter while it was read')
      done += got
    }
  }

  /** Like {@link bytes}, through the cache where `length` is small; the result may be shared and must not be changed. */
  cached(offset: number, length: number): Buffer {
    const index = Math.floor(offset / BLOCK)
    const from = offset - index * BLOCK
    if (from + length > BLOCK) return this.bytes(offset, length)
    const block = this.block(index)
    if (from + length > block.length) return this.bytes(offset, length)
    return block.subarray(from, from + length)
  }

  /** The unsigned 32-bit number at `offset`. */
  u32(offset: number): number {
    const from = offset % BLOCK
    const block = from + 4 <= BLOCK && offset >= 0 ? this.block((offset - from) / BLOCK) : null
    return block !== null && from + 4 <= block.length ? block.readUInt32LE(from) : this.bytes(offset, 4).readUInt32LE(0)
  }

  /** The unsigned 64-bit word at `offset` as two halves: `[low, high]`. */
  word(offset: number): readonly [number, number] {
    const bytes = this.cached(offset, 8)
    return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
  }

  /**
   * Offsets in `[start, end)` at which `needle` begins, in order, by bounded chunks; the first {@link MAX_HITS}, and none
   * once all searches have gone through {@link MAX_SEARCHED} bytes.
   */
  *search(needle: Buffer, start: number, end: number): Generator<number> {
    if (this.searchLeft <= 0) return
    const overlap = needle.length - 1
    let hits = 0
    const buffer = Buffer.allocUnsafeSlow(Math.max(0, Math.min(SEARCH_CHUNK + overlap, end - start)))
    for (let at = start; at + needle.length <= end; at += SEARCH_CHUNK) {
      const chunk = buffer.subarray(0, Math.min(buffer.length, end - at))
      this.searchLeft -= chunk.length
      if (this.searchLeft < 0) return
      this.fill(chunk, at)
      for (let hit = chunk.indexOf(needle); hit >= 0; hit = chunk.indexOf(needle, hit + 1)) {
        if (++hits > MAX_HITS) return
        yield at + hit
      }
    }
  }

  /** Releases the descriptor and the cache; a second call does nothing. Reading afterwards opens the file anew. */
  close(): void {
    if (this.fd >= 0) closeSync(this.fd)
    this.fd = -1
    this.blocks.clear()
  }

  private reopen(): void {
    this.fd = openForReading(this.path)
    this.requireIdentity(identityOf(fstatSync(this.fd, { bigint: true })))
  }

  private requireIdentity(other: FileIdentity): void {
    if (Object.entries(other).every(([key, value]) => this.identity[key as keyof FileIdentity] === value)) return
    this.close()
    throw new PremainError('UNSUPPORTED', `${this.path} has changed since it was opened`, {
      hint: 'Start again, once nothing writes to the file any more.',
    })
  }

  private check(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) {
      throw malformed(`${length} bytes at offset ${offset} lie outside the file of ${this.size} bytes`)
    }
    if (this.fd < 0) this.reopen()
  }

  private block(index: number): Buffer {
    const known = this.blocks.get(index)
    if (known !== undefined) return known
    if (this.blocks.size >= MAX_BLOCKS) this.blocks.clear()
    const block = this.bytes(index * BLOCK, Math.max(0, Math.min(BLOCK, this.size - index * BLOCK)))
    this.blocks.set(index, block)
    return block
  }
}

function identityOf({ dev, ino, size, mtimeNs, ctimeNs, mode, uid, gid }: BigIntStats): FileIdentity {
  return { dev, ino, size, mtimeNs, ctimeNs, mode, uid, gid }
}

function openForReading(path: string): number {
  try {
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const known = named(error)
    if (known !== error) throw known
    const errno = (error as NodeJS.ErrnoException).code ?? null
    if (errno === 'ENOENT' || errno === 'ENOTDIR') {
      throw new PremainError('NOT_FOUND', `${path} does not exist`, { errno, syscall: 'open', cause: error })
    }
    throw new PremainError('UNSUPPORTED', `${path} cannot be read`, {
      hint: 'premain must read the program file to know where to stop: give yourself read permission.',
      errno,
      syscall: 'open',
      cause: error,
    })
  }
}
