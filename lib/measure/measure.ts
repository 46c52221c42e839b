import { PremainError } from '../errors'
import { type Machinery, type MeasureOptions, type Program, settingsOf } from './options'
import { launchKinds, Sampler } from './sampler'
import type { Measurement } from './types'

/**
 * Launches a program many times and describes what each step, each package init and the whole took.
 *
 * Launches that fail by themselves (`EXITED_BEFORE_MAIN`, `TIMEOUT`, `EXEC_FAILED`) are kept by their outcome, and the
 * measurement is returned even when all did. What would befall every launch (`NOT_FOUND`, `PTRACE_DENIED`, …) rejects.
 *
 * @throws PremainError `INVALID_OPTION`, `ABORTED`, and those of `trace()`; the launches until then are its `measurement`
 */
export async function measureWith(
  machinery: Machinery,
  program: Program,
  options: MeasureOptions = {},
): Promise<Measurement> {
  const settings = settingsOf(options)
  const sampler = new Sampler(program, settings, { machinery, options })
  const kinds = launchKinds(settings)
  for (const [index, kind] of kinds.entries()) {
    try {
      const launch = await sampler.launch(kind, index)
      options.onProgress?.({ done: index + 1, total: kinds.length, launch })
    } catch (error) {
      if (error instanceof PremainError && index > 0) error.measurement = sampler.measurement()
      throw error
    }
  }
  return sampler.measurement()
}
