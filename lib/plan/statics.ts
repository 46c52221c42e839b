import type { FileAddress, GoImage } from '../image/types'

type Name = 'g0' | 'm0' | 'ncpu' | 'physPageSize' | 'physHugePageSize' | 'sched' | 'mheap'

/** Where one of the runtime's variables lies; null where it was not found. */
export function staticAddress(go: GoImage, name: Name): FileAddress | null {
  const { statics } = go as GoImage & { statics?: Partial<Record<Name, FileAddress | null>> }
  return statics?.[name] ?? null
}
