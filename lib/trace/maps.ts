/** /proc/pid/maps, parsed, with what each mapping is for. */
import type { Hex } from '../image/types'
import { hex } from './addresses'
import type { Mapping } from './types'

/** What gives a mapping its role. Runtime addresses; `high` is exclusive. */
export interface MapContext {
  /** The program's PT_LOADs. */
  segments: readonly { low: bigint; high: bigint; flags: string }[]
  /** Where the dynamic linker is mapped, or null. */
  interpreterBase: bigint | null
  /** The address at which Go's heap was told to begin, or null where it is not known. */
  arenaHint: () => bigint | null
}

/** One line, numbers as numbers. */
export interface Region extends Mapping {
  low: bigint
  high: bigint
}

/** Go may place arenas anywhere from its first hint up to the next, 1 TB on. @go runtime.mallocinit */
const ARENA_SPAN = 1n << 40n

/** Far more lines than vm.max_map_count allows by default; a longer text is cut there. */
const MOST_LINES = 1 << 18

const LINE = /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][ps]) ([0-9a-f]{1,16}) ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/

/**
 * Parses the texts of one process. Texts that equal the one before give the same array, lines that occurred before the
 * same objects: nobody may change them.
 */
export class MapsParser {
  private readonly lines = new Map<string, Region | null>()
  private lastText: Buffer | null = null
  private lastRegions: Region[] = []
  private linkerInode: number | null = null

  constructor(private readonly context: MapContext) {}

  /** The regions in address order. Lines that are not of the kernel's form are left out. */
  regions(text: Buffer): Region[] {
    if (this.lastText?.equals(text)) return this.lastRegions
    this.lastText = text
    this.lastRegions = text
      .toString('utf8')
      .split('\n', MOST_LINES)
      .map((line) => this.line(line))
      .filter((region) => region !== null)
    return this.lastRegions
  }

  private line(line: string): Region | null {
    const known = this.lines.get(line)
    if (known !== undefined) return known
    const region = parseLine(line)
    if (region) region.role = this.roleOf(region)
    this.lines.set(line, region)
    return region
  }

  private roleOf(region: Region): string {
    const { path, perms, inode, low } = region
    const named = /^\[(stack|vdso|vvar|vsyscall|heap|uprobes)/.exec(path)?.[1]
    if (named !== undefined) return named === 'heap' ? 'brk' : named
    const segment = this.context.segments.find((one) => low < one.high && region.high > one.low)
    if (segment) return programRole(region, segment.flags)
    if (inode !== 0) return this.fileRole(region)
    const hint = this.context.arenaHint()
    if (hint !== null && low >= hint && low < hint + ARENA_SPAN) return 'heap-arena'
    if (path.startsWith('[anon: Go: heap')) return 'heap-arena'
    return perms.startsWith('---') ? 'reserved' : 'anon'
  }

  /** The linker's first mapping comes first in the text, so that its other ones are known by its inode. */
  private fileRole({ low, inode, path }: Region): string {
    if (low === this.context.interpreterBase) this.linkerInode = inode
    if (inode === this.linkerInode) return 'ld.so'
    return /\.so(\.|$)|\.so-/.test(path) ? 'library' : 'file'
  }
}

function programRole({ inode, perms }: Region, flags: string): string {
  if (inode === 0) return perms[1] === 'w' || flags.includes('w') ? 'bss' : 'anon'
  if (perms[2] === 'x') return 'text'
  if (perms[1] === 'w') return 'data'
  return flags.includes('w') ? 'relro' : 'rodata'
}

function parseLine(line: string): Region | null {
  const match = LINE.exec(line)
  if (!match) return null
  const [, start = '', end = '', perms = '', offset = '', dev = '', inode = '', path = ''] = match
  const low = BigInt(`0x${start}`)
  const high = BigInt(`0x${end}`)
  if (high <= low) return null
  return {
    start: hex(low),
    end: hex(high),
    perms,
    offset: `0x${offset.replace(/^0+(?=.)/, '')}` as Hex,
    dev,
    inode: Number(inode),
    path: unescapePath(path),
    role: 'anon',
    low,
    high,
  }
}

/** The kernel writes newlines, and nothing else, as octal. Source: linux fs/proc/task_mmu.c, seq_path(m, "\n"). */
function unescapePath(path: string): string {
  return path.replaceAll('\\012', '\n')
}

const publicForms = new WeakMap<Region[], Mapping[]>()

/** The public form of regions; the same array for the same array. */
export function mappingsOf(regions: Region[]): Mapping[] {
  const known = publicForms.get(regions)
  if (known) return known
  const made = regions.map(publicForm)
  publicForms.set(regions, made)
  return made
}

const publicRegions = new WeakMap<Region, Mapping>()

function publicForm(region: Region): Mapping {
  const known = publicRegions.get(region)
  if (known) return known
  const { low: _low, high: _high, ...mapping } = region
  publicRegions.set(region, mapping)
  return mapping
}
