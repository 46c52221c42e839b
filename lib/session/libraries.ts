/** What the dynamic linker has brought into a target, by its memory maps. */
import { openImage } from '../image/image'
import type { GoImage, ProgramImage } from '../image/types'

/** A library with Go's runtime in it. */
export interface FoundLibrary {
  image: ProgramImage
  go: GoImage
  /** Runtime address less address of the file. */
  bias: bigint
}

/** As the kernel writes a mapped file: range, permissions, offset, device, inode, path. */
const LINE = /^([0-9a-f]+)-[0-9a-f]+ (\S+) [0-9a-f]+ \S+ [1-9]\d* +(\/.*)$/gm

/** The libraries of one target; each is looked at once. */
export class Libraries {
  /** Those that the program needs are there. The linker reports twice: before it maps them (not musl's), and after. */
  ready = false
  /** A library can still come, as far as the files say: one of them calls `dlopen`. */
  mayLoad: boolean
  private looks = 0
  private readonly seen: Set<string>

  constructor(program: ProgramImage) {
    this.seen = new Set([program.path])
    this.mayLoad = callsDlopen(program)
  }

  /** The first library with Go's runtime among those that came since the last look. Null when none did. */
  look(maps: Buffer): FoundLibrary | null {
    this.ready ||= this.looks++ > 0
    for (const [path, start] of mappedFiles(maps)) {
      if (this.seen.has(path)) continue
      this.seen.add(path)
      const image = openOrNull(path)
      if (image === null) continue
      // a libc: any library needs one, and musl's is the dynamic linker itself
      this.ready ||= image.elf.needed.length > 0 || definesDlopen(image)
      this.mayLoad ||= callsDlopen(image)
      const { go } = image
      if (go?.body('runtime.rt0_go')) return { image, go, bias: start - lowest(image) }
      image.close()
    }
    return null
  }
}

/** Path → address of the lowest mapping, of each file that has an executable one. */
function mappedFiles(maps: Buffer): Map<string, bigint> {
  const starts = new Map<string, bigint>()
  const executable = new Set<string>()
  for (const [, start, perms, path] of maps.toString().matchAll(LINE) as Iterable<string[]>) {
    if (!starts.has(path as string)) starts.set(path as string, BigInt(`0x${start}`))
    if (perms?.[2] === 'x') executable.add(path as string)
  }
  return new Map([...starts].filter(([path]) => executable.has(path)))
}

/** Null for what is no ELF file, or is gone: nothing can be planned in it. */
function openOrNull(path: string): ProgramImage | null {
  try {
    return openImage(path)
  } catch {
    return null
  }
}

/** Where the file's first page lies by itself. */
function lowest({ segments }: ProgramImage): bigint {
  const first = segments.find(({ type, memSize }) => type === 'LOAD' && memSize > 0)
  return first === undefined ? 0n : BigInt(first.vaddr) - BigInt(first.offset)
}

function definesDlopen(image: ProgramImage): boolean {
  return image.symbols(['dlopen']).size > 0
}

function callsDlopen(image: ProgramImage): boolean {
  return image.namesDynamic('dlopen') && !definesDlopen(image)
}
