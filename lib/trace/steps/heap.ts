/** Step 10: what mallocinit reserves. */
import type { Hex } from '../../image/types'
import { heapLayout } from '../../plan/layout'
import { hex } from '../addresses'
import type { Context, Hit } from '../context'
import type { Region } from '../maps'
import { hexOrNull, type Scene } from './scene'

/** Evidence of step 10. */
export interface MallocinitEvidence {
  /** Null when the maps were not taken. */
  reservedBytes: number | null
  mapped: AddedMapping[]
  centrals: number | null
  pagesInUse: number | null
  arenaHint: Hex | null
}

/** An address range that was not mapped before, or with other permissions. */
export interface AddedMapping {
  start: Hex
  end: Hex
  bytes: number
  perms: string
  /** The kernel's name for it, empty for most. */
  path: string
}

export function mallocinitEvidence({ context }: Scene): MallocinitEvidence {
  const entry = context.hit('runtime.mallocinit')
  const exit = context.hit('runtime.mallocinit (return)')
  const before = context.regions(entry?.record)
  const after = context.regions(exit?.record)
  const mapped = before && after ? addedMappings(before, after) : []
  const pages = context.word(exit, 'pagesInUse')
  return {
    reservedBytes: before && after ? sum(mapped.filter(({ perms }) => perms.startsWith('---'))) : null,
    mapped,
    centrals: countCentrals(context, exit),
    pagesInUse: pages === null ? null : Number(pages),
    arenaHint: hexOrNull(context.word(exit, 'arenaHint')),
  }
}

function sum(mappings: readonly AddedMapping[]): number {
  return mappings.reduce((total, { bytes }) => total + bytes, 0)
}

/** The parts of `after` that `before` does not hold with the same permissions. Both in address order. */
function addedMappings(before: readonly Region[], after: readonly Region[]): AddedMapping[] {
  const added: AddedMapping[] = []
  for (const region of after) {
    let low = region.low
    for (const old of before) {
      if (old.high <= low || old.low >= region.high || old.perms !== region.perms) continue
      if (old.low > low) added.push(part(region, low, old.low))
      low = old.high
    }
    if (low < region.high) added.push(part(region, low, region.high))
  }
  return added
}

function part({ perms, path }: Region, low: bigint, high: bigint): AddedMapping {
  return { start: hex(low), end: hex(high), bytes: Number(high - low), perms, path }
}

/** Each span list was initialised with its own class: counts as far as that goes. @go mcentral.init */
function countCentrals(context: Context, exit: Hit | null): number | null {
  const bytes = context.read(exit, 'centrals')
  const layout = context.go && heapLayout(context.go)
  if (!bytes || !layout) return null
  const { centralCount, centralStride, spanClass } = layout
  let count = 0
  while (count < centralCount && bytes[count * centralStride + spanClass] === count) count++
  return count
}
