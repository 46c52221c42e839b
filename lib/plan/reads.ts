/** Which memory is taken at which stop, for the evidence of the steps. Linux/amd64. */
import type { FileAddress, GoImage, ProgramImage } from '../image/types'
import {
  ARGUMENT_REGISTERS,
  callingConvention,
  G_M,
  G_STACK,
  goidOffset,
  heapLayout,
  M_G0,
  maxmcountOffset,
  moduledataNext,
  moduledataText,
} from './layout'
import type { StepStop } from './stops'
import { stopName } from './stops'
import type { MemoryRead, ReadBase } from './types'

/** The reads of one stop, being put together: later ones may start from earlier ones, by name. */
class ReadList {
  readonly reads: MemoryRead[] = []

  add(name: string, base: ReadBase | string, extent: { offset?: number; length: number }): this {
    const from = typeof base === 'string' ? { read: this.reads.findIndex((read) => read.name === base) } : base
    this.reads.push({ name, base: from, offset: extent.offset ?? 0, length: extent.length })
    return this
  }

  /** An integer argument: nothing to read when it is in a register. */
  argument(go: GoImage, index: number): this {
    if (callingConvention(go) !== 'stack') return this
    return this.add(`arg${index}`, { register: 'rsp' }, { offset: 8 + 8 * index, length: 8 })
  }

  /** What an argument of pointer type points to. */
  pointee(go: GoImage, index: number, read: { name: string; offset?: number; length: number }): this {
    const convention = callingConvention(go)
    if (convention === null) return this
    if (convention === 'stack') return this.argument(go, index).add(read.name, `arg${index}`, read)
    return this.add(read.name, { register: ARGUMENT_REGISTERS[index] as string }, read)
  }

  file(name: string, address: FileAddress | null | undefined, extent: { offset?: number; length: number }): this {
    return address === null || address === undefined ? this : this.add(name, { file: address }, extent)
  }
}

const WORD = { length: 8 }

function threadLocal(list: ReadList, go: GoImage): boolean {
  if (go.tlsOffset === null) return false
  list.add('tls', { register: 'fs_base' }, { offset: go.tlsOffset, length: 8 })
  return true
}

function goroutine(list: ReadList, go: GoImage): boolean {
  if (!threadLocal(list, go)) return false
  list.add('g.stack', 'tls', { offset: G_STACK, length: 16 })
  return true
}

/** newproc is (siz int32, fn *funcval) up to 1.17, (fn *funcval) after. Null where it may be either. */
export function newprocArgument(go: GoImage): number | null {
  if (go.minors.max <= 17) return 1
  return go.minors.min >= 18 ? 0 : null
}

function heap(list: ReadList, go: GoImage): void {
  const layout = heapLayout(go)
  const address = go.statics.mheap
  if (!layout || address === null) return
  list
    .file('centrals', address, { offset: layout.central, length: layout.centralStride * layout.centralCount })
    .file('pagesInUse', address, { offset: layout.pagesInUse, length: 8 })
  if (layout.arenaHints === null) return
  list.file('arenaHints', address, { offset: layout.arenaHints, length: 8 }).add('arenaHint', 'arenaHints', WORD)
}

function moduleChain(list: ReadList, go: GoImage): void {
  const offset = moduledataNext(go)
  if (offset === null || !go.moduledata) return
  const next = { offset, length: 8 }
  list.file('next1', go.moduledata.address, next).add('next2', 'next1', next).add('next3', 'next2', next)
}

function sizes(list: ReadList, go: GoImage): void {
  list
    .file('ncpu', go.statics.ncpu, { length: 4 })
    .file('physPageSize', go.statics.physPageSize, WORD)
    .file('physHugePageSize', go.statics.physHugePageSize, WORD)
}

function moduledata(list: ReadList, go: GoImage): void {
  const text = moduledataText(go)
  if (text !== null) list.pointee(go, 0, { name: 'text', offset: text, length: 16 })
  const offset = maxmcountOffset(go)
  if (offset !== null) list.file('maxmcount', go.statics.sched, { offset, length: 4 })
}

const BY_STOP: Readonly<Record<string, (list: ReadList, go: GoImage) => void>> = {
  'runtime.check': (list, go) => {
    if (goroutine(list, go))
      list.add('g.m', 'tls', { offset: G_M, length: 8 }).add('m.g0', 'g.m', { offset: M_G0, length: 8 })
  },
  'runtime.args': (list, go) => list.argument(go, 0).argument(go, 1),
  'runtime.schedinit': sizes,
  'runtime.moduledataverify1': moduledata,
  'runtime.mallocinit (return)': heap,
  'runtime.modulesinit': moduleChain,
  'runtime.procresize': (list, go) => list.argument(go, 0),
  'runtime.newproc': (list, go) => {
    const argument = newprocArgument(go)
    if (argument !== null) list.pointee(go, argument, { name: 'fn', length: 8 })
  },
  'runtime.execute': (list, go) => {
    threadLocal(list, go)
  },
  'runtime.main': (list, go) => {
    const goid = goidOffset(go)
    if (goroutine(list, go) && goid !== null) list.add('g.goid', 'tls', { offset: goid, length: 8 })
  },
  'runtime.newm': (list, go) => list.pointee(go, 0, { name: 'fn', length: 8 }),
  'main.main': (list) => list.add('return', { register: 'rsp' }, WORD),
}

/** The reads for the evidence of one stop of the catalogue; none on machines other than x86-64. */
export function readsAt(stop: Pick<StepStop, 'symbol' | 'at'>, image: ProgramImage): MemoryRead[] {
  if (!image.go || image.elf.machine !== 'x86_64') return []
  const list = new ReadList()
  BY_STOP[stopName(stop)]?.(list, image.go)
  return list.reads
}

/**
 * At the entry point of a program that was relocated by a dynamic linker: the first word of the module data, a pointer
 * that is right only when its relocation was applied. Where the program lies at its own addresses, no pointer of its own
 * has one; Go's linker, which leaves out PT_GNU_RELRO, still has words for symbols of libraries.
 */
export function entryReads(image: ProgramImage): MemoryRead[] {
  const { elf, go, segments } = image
  if (!elf.interpreter) return []
  if (elf.type === 'DYN') return new ReadList().file('relocated', go?.moduledata?.address, WORD).reads
  if (segments.some(({ type }) => type === 'GNU_RELRO')) return []
  return new ReadList().file('imported', image.importedWord(), WORD).reads
}
