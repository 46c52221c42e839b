/** Programs whose Go runtime, if they have one, is brought by the dynamic linker: where to wait for it. */
import { openImage } from '../image/image'
import type { FileAddress, ProgramImage } from '../image/types'
import { ENTRY_STEPS, endsAtMain } from './catalogue'
import { sharesRuntime } from './host'
import type { PlanOptions } from './plan'
import { siteOf } from './sites'
import type { StopPlan } from './types'

/**
 * The function that a dynamic linker calls for debuggers before and after it has mapped objects, their initialisers not
 * yet run. Source: glibc elf/dl-debug.c, musl ldso/dynlink.c.
 */
export const RENDEZVOUS = '_dl_debug_state'

/**
 * For a program whose Go runtime lies in a library, the plan until the libraries are there: one site in the dynamic
 * linker, at which the target is held whenever objects have come or gone. Null where everything can be planned at once:
 * the runtime is in the file, or the trace ends at the entry point.
 */
export function planLoader(image: ProgramImage, options: PlanOptions): StopPlan | null {
  if (!mayLoadRuntime(image, options.until ?? 'main')) return null
  const address = rendezvous(image.elf.interpreter as string)
  if (address === null) return null
  const site = siteOf({ symbol: RENDEZVOUS, step: 'interp', role: 'loader', registers: false, maps: false }, address)
  return { image, sites: [site] }
}

function mayLoadRuntime(image: ProgramImage, until: string): boolean {
  const { elf, go } = image
  if (elf.interpreter === null || elf.needed.length === 0 || ENTRY_STEPS.has(until)) return false
  if (go !== null) return sharesRuntime(image)
  // a Go program that cannot be read has its runtime in itself
  const unreadable = elf.has.buildinfo || elf.goBuildId !== null
  return !unreadable && !endsAtMain(until)
}

function rendezvous(interpreter: string): FileAddress | null {
  try {
    const linker = openImage(interpreter)
    try {
      return linker.symbols([RENDEZVOUS]).get(RENDEZVOUS)?.address ?? null
    } finally {
      linker.close()
    }
  } catch {
    // execve will say what is wrong with it
    return null
  }
}
