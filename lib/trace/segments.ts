/** Where the program's PT_LOADs are in memory. */
import type { Hex, ProgramImage } from '../image/types'
import { type Addresses, hex } from './addresses'
import type { Region } from './maps'

/** A mapping that holds a part of a segment. */
export interface SegmentMapping {
  start: Hex
  end: Hex
  perms: string
  offset: Hex
  kind: 'file' | 'anonymous'
  sharing: 'private' | 'shared'
  /** The anonymous tail: memory beyond the file's bytes. */
  bss: boolean
}

/** One PT_LOAD and what holds it. */
export interface LoadedSegment {
  vaddr: Hex
  /** Its runtime address. */
  address: Hex
  fileSize: number
  memSize: number
  flags: string
  mappings: SegmentMapping[]
  /** Its pages are covered without a gap, the file's bytes by the right place of the file. */
  mapped: boolean
}

/** Each PT_LOAD with the mappings that hold it, as the exec stop's maps have them. */
export function loadSegments(
  image: ProgramImage,
  regions: readonly Region[],
  { addresses, pageSize }: { addresses: Addresses; pageSize: number },
): LoadedSegment[] {
  const page = BigInt(pageSize)
  return image.segments
    .filter((segment) => segment.type === 'LOAD')
    .map((segment) => {
      const address = addresses.runtime(Number(segment.vaddr))
      const low = address - (address % page)
      const high = address + BigInt(segment.memSize)
      const holding = regions.filter((region) => region.low < high && region.high > low)
      const fileLow = BigInt(segment.offset) - (address % page)
      return {
        vaddr: segment.vaddr,
        address: hex(address),
        fileSize: segment.fileSize,
        memSize: segment.memSize,
        flags: segment.flags,
        mappings: holding.map(describe),
        mapped: segment.memSize === 0 || (covers(holding, low, high) && fromFile(holding, { low, fileLow })),
      }
    })
}

function describe(region: Region): SegmentMapping {
  const { start, end, perms, offset, inode } = region
  const kind = inode === 0 ? 'anonymous' : 'file'
  const sharing = perms[3] === 's' ? 'shared' : 'private'
  return { start, end, perms, offset, kind, sharing, bss: kind === 'anonymous' }
}

function covers(holding: readonly Region[], low: bigint, high: bigint): boolean {
  let reached = low
  for (const region of holding) {
    if (region.low > reached) return false
    reached = region.high
  }
  return reached >= high
}

/** Neighbouring segments may share one mapping: each file mapping has the file's bytes of its own addresses. */
function fromFile(holding: readonly Region[], at: { low: bigint; fileLow: bigint }): boolean {
  const files = holding.filter((region) => region.inode !== 0)
  return files.every((region) => BigInt(region.offset) - at.fileLow === region.low - at.low)
}
