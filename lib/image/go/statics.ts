/**
 * Where the runtime keeps its variables: by .symtab, else read off the code that sets or uses them. Every pattern is tied
 * to a second fact (the function called, a second use of the same address), since a wrong address is worse than none.
 * Patterns hold for go1.5 to go1.27 on amd64; other machines get what .symtab says.
 */
import type { Memory } from '../memory'
import type { SymbolTable } from '../symbols'
import type { FileAddress, FunctionInfo, GoStatics, Pclntab } from '../types'
import { ANY, Code, type Pattern } from './code'
import { layoutOf, MAXMCOUNT } from './layouts'

/** What is known of the program when its variables are looked for. */
export interface StaticsSource {
  memory: Memory
  symbols: SymbolTable | null
  pclntab: Pclntab
  machine: string
  minors: { min: number; max: number }
  /** PT_TLS of an executable, or null. */
  tls: { memsz: number; align: number } | null
  body(name: string): FunctionInfo | null
}

const SYMBOLS: Record<keyof GoStatics, readonly string[]> = {
  g0: ['runtime.g0'],
  m0: ['runtime.m0'],
  ncpu: ['runtime.numCPUStartup', 'runtime.ncpu'],
  physPageSize: ['runtime.physPageSize'],
  physHugePageSize: ['runtime.physHugePageSize'],
  sched: ['runtime.sched'],
  mheap: ['runtime.mheap_'],
  mainPC: ['runtime.mainPC', 'runtime.mainPC.abi0'],
  gomaxprocs: ['runtime.gomaxprocs'],
}

const LEA_AX = [0x48, 0x8d, 0x05, 'rip'] as const
const STORE_ARGUMENT = [0x48, 0x89, 0x04, 0x24] as const
/** To go1.10 mheap.init has two arguments more, for the spans that it keeps in one place. */
const STORE_BOUNDS: Pattern = [
  ...[0x48, 0x89, [0x44, 0x4c, 0x54, 0x5c, 0x6c, 0x74, 0x7c], 0x24, 0x08],
  ...([0x48, 0xc7, 0x44, 0x24, 0x10, 'imm32'] as const),
]
const CALL = [0xe8, 'rip'] as const

/** The runtime's variables; each null where neither the symbols nor the code tell for certain. */
export function readStatics(source: StaticsSource): GoStatics {
  const symbols = source.symbols?.full ? source.symbols.find(Object.values(SYMBOLS).flat()) : new Map()
  const code = source.machine === 'x86_64' ? readCode(source) : {}
  const found = Object.entries(SYMBOLS).map(([key, names]) => {
    const name = names.find((name) => symbols.has(name))
    return [key, (name === undefined ? undefined : symbols.get(name)?.address) ?? code[key as keyof GoStatics] ?? null]
  })
  return Object.fromEntries(found) as GoStatics
}

function readCode(source: StaticsSource): Partial<GoStatics> {
  const finders: Record<keyof GoStatics, () => number | null> = {
    g0: () => g0(source),
    m0: () => first(source, 'runtime.rt0_go', [...LEA_AX, 0x48, 0x89, 0x08, 0x48, 0x89, 0x41, 0x30]),
    ncpu: () => ncpu(source),
    physPageSize: () => physPageSize(source),
    physHugePageSize: () => resultOf(source, [0x48, 0x89, 0x05, 'rip'], ['runtime.getHugePageSize']),
    sched: () => sched(source),
    mheap: () => mheap(source),
    mainPC: () => mainPC(source),
    gomaxprocs: () => gomaxprocs(source),
  }
  const found = Object.entries(finders).map(([key, find]) => [key, mapped(source, find())])
  return Object.fromEntries(found) as Partial<GoStatics>
}

function mapped({ memory }: StaticsSource, address: number | null): FileAddress | null {
  return address !== null && memory.segmentAt(address) !== null ? (address as FileAddress) : null
}

function codeOf({ memory, body }: StaticsSource, name: string): Code | null {
  const of = body(name)
  return of === null ? null : new Code(memory, of)
}

function first(source: StaticsSource, name: string, wanted: Pattern): number | null {
  return codeOf(source, name)?.first(wanted)?.[0] ?? null
}

/** rt0_go names g0 twice: into DI when it sets the stack's bounds, into CX when it fills the TLS slot. */
function g0(source: StaticsSource): number | null {
  const inDi = first(source, 'runtime.rt0_go', [0x48, 0x8d, 0x3d, 'rip'])
  const code = codeOf(source, 'runtime.rt0_go')
  if (inDi === null || code === null) return null
  const inCx = [...code.matches([0x48, 0x8d, 0x0d, 'rip'])].map(({ operands }) => operands[0])
  return inCx.includes(inDi) ? inDi : null
}

/** osinit keeps what getproccount, from 1.25 getCPUCount, returns. */
function ncpu(source: StaticsSource): number | null {
  return resultOf(source, [0x89, 0x05, 'rip'], ['runtime.getproccount', 'runtime.getCPUCount'])
}

/** Where osinit stores the result of a call, returned in AX (from 1.17) or on the stack. */
function resultOf(source: StaticsSource, store: readonly (number | 'rip')[], callees: string[]): number | null {
  const code = codeOf(source, 'runtime.osinit')
  const wide = store[0] === 0x48 ? [0x48] : []
  for (const load of [[], [...wide, 0x8b, 0x04, 0x24]]) {
    for (const { operands } of code?.matches([...CALL, ...load, ...store]) ?? []) {
      if (calls(source, operands[0], callees)) return operands[1] as number
    }
  }
  return null
}

function calls({ pclntab }: StaticsSource, target: number | undefined, callees: string[]): boolean {
  const callee = target === undefined ? null : pclntab.functionAt(target as FileAddress)
  return callee !== null && callee.entry === target && callees.includes(callee.name)
}

/** mallocinit loads it first, to see that it is set, then again for each bound that it checks. */
function physPageSize(source: StaticsSource): number | null {
  const loads = [...(codeOf(source, 'runtime.mallocinit')?.matches([[0x48, 0x4c], 0x8b, ANY, 'rip']) ?? [])]
  const address = loads[0]?.operands[0]
  return loads.filter(({ operands }) => operands[0] === address).length >= 3 ? (address as number) : null
}

/** schedinit: `sched.maxmcount = 10000`. RIP counts from the end, after the four bytes of the value. */
function sched(source: StaticsSource): number | null {
  const offsets = new Set<number | undefined>()
  for (let minor = source.minors.min; minor <= source.minors.max; minor++) {
    offsets.add(layoutOf(MAXMCOUNT, minor)?.offset)
  }
  const [offset] = offsets
  if (offset === undefined || offsets.size !== 1) return null
  const address = first(source, 'runtime.schedinit', [0xc7, 0x05, 'rip', 0x10, 0x27, 0, 0])
  return address === null ? null : address + 4 - offset
}

/** mallocinit: `mheap_.init()`. */
function mheap(source: StaticsSource): number | null {
  const code = codeOf(source, 'runtime.mallocinit')
  for (const pass of [[], STORE_ARGUMENT, [...STORE_ARGUMENT, ...STORE_BOUNDS]]) {
    for (const { operands } of code?.matches([...LEA_AX, ...pass, 'pad', ...CALL]) ?? []) {
      if (calls(source, operands.at(-1), ['runtime.(*mheap).init', 'runtime.mHeap_Init'])) return operands[0] as number
    }
  }
  return null
}

/** rt0_go pushes the address of the funcval whose first word is runtime.main. */
function mainPC(source: StaticsSource): number | null {
  const main = source.body('runtime.main')
  for (const { operands } of codeOf(source, 'runtime.rt0_go')?.matches([...LEA_AX, 0x50]) ?? []) {
    const funcval = operands[0] as number
    const target = source.memory.pointer(funcval)
    if (main !== null && target !== null && (target === main.entry || isMain(source, target))) return funcval
  }
  return null
}

function isMain({ pclntab }: StaticsSource, target: FileAddress): boolean {
  const function_ = pclntab.functionAt(target)
  return function_?.entry === target && function_.name === 'runtime.main'
}

/** procresize reads the old value first, and at its end stores the new one by XCHG through the address. */
function gomaxprocs(source: StaticsSource): number | null {
  const code = codeOf(source, 'runtime.procresize')
  const address = code?.first([0x8b, ANY, 'rip'])?.[0]
  if (code === null || address === undefined) return null
  for (const { end, operands } of code.matches([[0x48, 0x4c], 0x8d, ANY, 'rip'])) {
    if (operands[0] === address && code.bytes.subarray(end, end + 24).includes(0x87)) return address
  }
  return null
}

/** rt0_go loads _cgo_init and tests it: linked with cgo, it is set in the file. */
export function isCgo(source: StaticsSource): boolean {
  if (source.machine === 'x86_64') {
    const address = first(source, 'runtime.rt0_go', [0x48, 0x8b, 0x05, 'rip', 'pad', 0x48, 0x85, 0xc0, [0x74, 0x0f]])
    if (address !== null) return source.memory.pointer(address) !== 0
  }
  return source.pclntab.find(['_cgo_topofstack', 'runtime/cgo._cgo_sys_thread_start', 'x_cgo_init']).size > 0
}

/** How gogo stores g into its TLS slot: by a constant, or through CX which was given the constant. */
const SLOT_DIRECT: Pattern = [0x64, 0x48, 0x89, 0x14, 0x25, 'imm32']
const SLOT_IN_CX: Pattern = [0x48, 0xc7, 0xc1, 'imm32', 0x64, 0x48, 0x89, 0x11]
const SLOT_BY_GOT: Pattern = [0x48, 0x8b, 0x0d, 'rip', 0x64, 0x48, 0x89, 0x11]

/** Distance of g's TLS slot from FS, or null. */
export function readTlsOffset(source: StaticsSource): number | null {
  if (source.machine !== 'x86_64') return null
  for (const name of ['gogo', 'runtime.gogo']) {
    const code = codeOf(source, name)
    const constant = code?.first(SLOT_DIRECT) ?? code?.first(SLOT_IN_CX)
    if (constant) return constant[0] as number
    const slot = code?.first(SLOT_BY_GOT)?.[0]
    if (slot !== undefined) return gotOffset(source, slot) ?? tlsgOffset(source)
  }
  return tlsgOffset(source)
}

/** The GOT's word for the slot's distance from FS, which the dynamic linker of a shared library fills in; or null. */
export function readTlsSlot(source: StaticsSource): FileAddress | null {
  if (source.machine !== 'x86_64') return null
  return (first(source, 'gogo', SLOT_BY_GOT) ?? first(source, 'runtime.gogo', SLOT_BY_GOT)) as FileAddress | null
}

/** What the file has in the GOT; it is 0 where the dynamic linker fills it in. */
function gotOffset({ memory }: StaticsSource, slot: number): number | null {
  if (memory.available(slot) < 8) return null
  const entry = memory.cursor(slot, 8, 'GOT')
  return entry.i32(0) < 0 && entry.i32(4) === -1 ? entry.i32(0) : null
}

/** The slot's place in an executable's PT_TLS, counted from its aligned end; a PT_TLS of one word holds nothing else. */
function tlsgOffset({ symbols, tls }: StaticsSource): number | null {
  if (tls === null) return null
  const size = Math.ceil(tls.memsz / (tls.align || 1)) * (tls.align || 1)
  if (tls.memsz === 8) return -size
  const slot = symbols?.full ? symbols.find(['runtime.tlsg']).get('runtime.tlsg') : undefined
  return slot === undefined || slot.address >= size ? null : slot.address - size
}
