/** Programs that do not hold both main and runtime of Go: what they are, by which functions of Go’s runtime they have. */
import type { ProgramImage } from '../image/types'

/** Why the steps of Go’s runtime are not those of such a program. */
export const HOST_REASON =
  'a program of another language with a Go library in it (c-archive, c-shared): the library’s runtime starts on a thread of its ' +
  'own, and its main.main never runs'

/**
 * Whether the program is another language's, with a Go library linked in. Where Go itself is started by C, its function
 * `main` takes over from crt1; a library is entered by `_rt0_…_lib`, from .init_array. @go runtime.libpreinit go1.12
 */
export function hostsGoLibrary(image: ProgramImage): boolean {
  const { go } = image
  if (!go || image.nameAt(image.entry)?.startsWith('_rt0_')) return false
  const found = go.pclntab.find(['main', '_rt0_amd64_linux_lib', '_rt0_arm64_linux_lib'])
  return !found.has('main') && found.size > 0
}

/** Why the steps of the runtime were not stopped at in a program of `-linkshared`: its library was not met. */
export const SHARED_REASON =
  'the runtime lies in a shared library (-linkshared) that was not found when the program was loaded: the file holds the ' +
  'program’s own code'

/** Whether the program was linked against a shared library that holds Go’s runtime. */
export function sharesRuntime({ go, elf }: ProgramImage): boolean {
  return go !== null && elf.needed.length > 0 && !go.pclntab.find(['runtime.rt0_go']).has('runtime.rt0_go')
}
