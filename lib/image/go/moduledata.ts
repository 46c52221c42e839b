/** Finding runtime.firstmoduledata and verifying it against the function table. Source: go runtime/symtab.go. */
import type { Section } from '../elf'
import type { Memory, Stretch } from '../memory'
import type { Relocations } from '../relocations'
import type { FileAddress } from '../types'
import { MODULEDATAS } from './layouts'
import type { PclntabHeader } from './pclntab'

/** Places that hold the pclntab's address and are looked at; real files have a handful. */
const MAX_CANDIDATES = 4096

/** Where the module data is, and what was verified of it. */
export interface Moduledata {
  address: FileAddress
  text: FileAddress
  etext: FileAddress
}

/** What the search needs of the file. */
export interface ModuledataSource {
  memory: Memory
  sections: readonly Section[]
  relocations: () => Relocations
  pclntab: PclntabHeader
}

/**
 * The first place that holds the pclntab's address and whose fields agree with it: as many functions, the same first
 * entry, a text that holds all of them. From 1.26 on .go.module is tried first.
 */
export function locateModuledata(source: ModuledataSource): Moduledata | null {
  let tried = 0
  for (const address of candidates(source)) {
    const found = verify(source, address)
    if (found !== null) return found
    if (++tried > MAX_CANDIDATES) return null
  }
  return null
}

function* candidates(source: ModuledataSource): Generator<number> {
  const { memory, sections, relocations, pclntab } = source
  for (const section of sections) if (section.name === '.go.module') yield section.address
  yield* relocations().holding(pclntab.address)
  const needle = Buffer.alloc(8)
  needle.writeBigUInt64LE(BigInt(pclntab.address))
  for (const segment of [...writable(source), ...memory.searchOrder]) {
    for (const hit of memory.search(needle, segment)) if (hit % 8 === 0) yield hit
  }
}

/**
 * The sections in which it is up to 1.25, @go cmd/link/internal/ld/symtab.go: small ones in a segment that may hold tens of
 * megabytes of relocated read-only data.
 */
function writable({ memory, sections }: ModuledataSource): Stretch[] {
  return sections
    .filter(({ name }) => name === '.noptrdata' || name === '.data')
    .flatMap(({ address, size }) => memory.stretch(address, size) ?? [])
}

function verify({ memory, pclntab }: ModuledataSource, address: number): Moduledata | null {
  const layout = MODULEDATAS.find(({ minors }) => minors[1] >= pclntab.layout.minors[0])
  if (layout === undefined || memory.pointer(address) !== pclntab.address) return null
  if (memory.word(address + layout.ftab + 8) !== pclntab.count + 1) return null
  const [minpc, maxpc] = [memory.pointer(address + layout.minpc), memory.pointer(address + layout.minpc + 8)]
  const [text, etext] = [memory.pointer(address + layout.text), memory.pointer(address + layout.text + 8)]
  if (minpc === null || maxpc === null || text === null || etext === null) return null
  const first = (pclntab.textStart ?? text) + (pclntab.table[0] as number)
  const holds = minpc === first && text <= minpc && minpc < maxpc && maxpc <= etext && memory.isCode(minpc)
  return holds ? { address: address as FileAddress, text, etext } : null
}
