/** Steps 1 to 4: what the kernel and the dynamic linker do before the program's first instruction. */
import type { Hex } from '../../image/types'
import { hex } from '../addresses'
import type { Context } from '../context'
import type { Region } from '../maps'
import { type LoadedSegment, loadSegments } from '../segments'
import { type Asserted, Checks } from './checks'
import { hexOrNull, type Scene } from './scene'

const PAGE_SIZE = 4096n

/** Evidence of step 1. */
export interface ExecveEvidence {
  path: string
  argc: number
  envc: number | null
  result: number | null
  kernelNs: number | null
}

export function execveEvidence({ context, target }: Scene): ExecveEvidence {
  const exec = context.records.find((record) => record.kind === 'exec')
  return {
    path: target.path,
    argc: target.argv.length,
    envc: context.stack?.envc ?? null,
    result: context.execExit?.result ?? null,
    kernelNs: exec ? context.clock.effectiveNs(exec.atNs) : null,
  }
}

/** Evidence of step 2. */
export interface ImageEvidence extends Asserted {
  type: 'EXEC' | 'DYN'
  bias: Hex
  segments: LoadedSegment[]
}

export function imageEvidence({ context }: Scene): ImageEvidence {
  const { image, addresses, auxv, exec } = context
  const regions = context.regions(exec)
  const pageSize = Number(auxv.get('AT_PAGESZ') ?? PAGE_SIZE)
  const segments = loadSegments(image, regions ?? [], { addresses, pageSize })
  const checks = new Checks()
  if (regions) for (const one of segments) checks.holds(`PT_LOAD ${one.vaddr} is mapped`, one.mapped)
  checks.equal('AT_ENTRY = e_entry + bias', auxv.get('AT_ENTRY'), addresses.runtime(image.entry))
  return { type: image.elf.type, bias: hex(addresses.bias), segments, ...checks.result() }
}

/** Evidence of step 3. */
export interface StackEvidence extends Asserted {
  sp: Hex | null
  argc: number | null
  argv: (string | null)[] | null
  envc: number | null
  auxv: Record<string, Hex>
}

export function stackEvidence({ context }: Scene): StackEvidence {
  const { stack, auxv } = context
  const checks = new Checks().holds('the initial stack is well-formed', stack !== null)
  if (stack) {
    const same = stack.auxv.size === auxv.size && [...auxv].every(([name, value]) => stack.auxv.get(name) === value)
    checks.holds('auxv on the stack = /proc/pid/auxv', same, same ? '' : JSON.stringify(entries(auxv)))
    checks.holds('every argv string lies on the stack', !stack.argv.includes(null))
    checks.holds('the stack pointer is aligned to 16', stack.sp % 16n === 0n, hex(stack.sp))
  }
  return {
    sp: hexOrNull(stack?.sp),
    argc: stack?.argc ?? null,
    argv: stack?.argv ?? null,
    envc: stack?.envc ?? null,
    auxv: entries(stack?.auxv ?? auxv),
    ...checks.result(),
  }
}

function entries(auxv: ReadonlyMap<string, bigint>): Record<string, Hex> {
  return Object.fromEntries([...auxv].map(([name, value]) => [name, hex(value)]))
}

/** Evidence of step 4. */
export interface InterpEvidence {
  path: string | null
  base: Hex | null
  libraries: { path: string; base: Hex }[]
  relocated: boolean | null
  /** AT_BASE: zero when the kernel mapped no dynamic linker. */
  atBase: Hex | null
}

export function interpEvidence({ context }: Scene): InterpEvidence {
  const { image, auxv } = context
  const base = auxv.get('AT_BASE')
  const path = image.elf.interpreter
  if (path === null) return { path, base: null, libraries: [], relocated: null, atBase: hexOrNull(base) }
  const entry = context.stepHits('entry')[0] ?? null
  const regions = context.regions(entry?.record)
  return {
    path,
    base: hexOrNull(base),
    libraries: regions ? libraries(regions) : [],
    relocated: relocated(context, regions),
    atBase: hexOrNull(base),
  }
}

/** Each library once, where its lowest mapping begins. */
function libraries(regions: readonly Region[]): { path: string; base: Hex }[] {
  const bases = new Map<string, Hex>()
  for (const { role, path, start } of regions) if (role === 'library' && !bases.has(path)) bases.set(path, start)
  return [...bases].map(([path, base]) => ({ path, base }))
}

/**
 * A pointer that needs a relocation holds its relocated value; a word for a symbol of a library, an address in one. Without
 * either at hand, the linker's last act on the image, PT_GNU_RELRO made read-only, tells it.
 */
function relocated(context: Context, regions: readonly Region[] | null): boolean | null {
  const { image, addresses } = context
  const pointer = image.go?.moduledata ? image.readPointer(image.go.moduledata.address) : null
  const entry = context.stepHits('entry')[0] ?? null
  const found = context.word(entry, 'relocated')
  if (pointer !== null && found !== null) return found === addresses.runtime(pointer)
  const imported = context.word(entry, 'imported')
  if (imported !== null && regions) {
    const holder = regions.find(({ low, high }) => low <= imported && imported < high)
    return holder?.role === 'library' || holder?.role === 'ld.so'
  }
  const relro = image.segments.find((segment) => segment.type === 'GNU_RELRO')
  if (!relro || !regions) return null
  const address = addresses.runtime(Number(relro.vaddr))
  const holder = regions.find((region) => region.low <= address && address < region.high)
  return holder ? holder.perms[1] === '-' : null
}
