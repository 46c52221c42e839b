/** `measure()`, `comparePrograms()` and `check()` of real programs: the public functions. */
import { programName } from '../image/classify'
import { checkNames, splitArguments } from '../session/options'
import { CHECK_OPTIONS, type CheckOptions, checkWith } from './check'
import { COMPARE_OPTIONS } from './compare'
import { type ComparedPrograms, type ComparePrograms, compareProgramsWith } from './interleave'
import { Launcher } from './launcher'
import { measureWith } from './measure'
import { type Machinery, MEASURE_OPTIONS, type MeasureOptions, type Program } from './options'
import type { CheckResult, Measurement } from './types'

const OF_MEASURE: ReadonlySet<string> = new Set(MEASURE_OPTIONS)
const OF_CHECK: ReadonlySet<string> = new Set([...MEASURE_OPTIONS, ...CHECK_OPTIONS])
const OF_COMPARE: ReadonlySet<string> = new Set([...MEASURE_OPTIONS, ...COMPARE_OPTIONS, 'seed'])

async function launching<T>(work: (machinery: Machinery) => Promise<T>): Promise<T> {
  const launcher = new Launcher()
  try {
    return await work(launcher)
  } finally {
    launcher.close()
  }
}

/**
 * Launches a program many times and describes what each step, each package init and the whole took: medians with
 * confidence intervals, wall and CPU time, faults.
 *
 * Launches that fail by themselves (`EXITED_BEFORE_MAIN`, `TIMEOUT`, `EXEC_FAILED`) are kept by their outcome, and the
 * measurement is returned even when all did.
 *
 * @param file a path, or a name that is looked up in PATH
 * @param args the program's arguments, without its name
 * @throws PremainError `INVALID_OPTION`, `ABORTED`, and those of `trace()` that would befall every launch; what was measured
 *   until then is its `measurement`
 */
export function measure(file: string, options?: MeasureOptions): Promise<Measurement>
export function measure(file: string, args?: readonly string[], options?: MeasureOptions): Promise<Measurement>
export function measure(
  file: string,
  args?: readonly string[] | MeasureOptions,
  options?: MeasureOptions,
): Promise<Measurement> {
  return launching(async (machinery) => {
    const given = splitArguments(file, args, options)
    checkNames(given.options, OF_MEASURE)
    return measureWith(machinery, given, given.options)
  })
}

/**
 * Launches two programs in turns, in random order under one seed, and compares them.
 *
 * @throws PremainError those of `measure()` and `compare()`
 */
export function comparePrograms(before: Program, after: Program, options?: ComparePrograms): Promise<ComparedPrograms> {
  return launching(async (machinery) => {
    programName(before?.file, 'before.file')
    programName(after?.file, 'after.file')
    checkNames(options ?? {}, OF_COMPARE)
    return compareProgramsWith(machinery, [before, after], options)
  })
}

/**
 * Measures a program and judges it by budgets and by its baseline.
 *
 * @throws PremainError `INVALID_OPTION` for a budget, baseline or option without meaning; `EXITED_BEFORE_MAIN`, `TIMEOUT`
 *   or `EXEC_FAILED` when every launch failed; `UNSUPPORTED` for a program that is not Go's, unless the launches are to end
 *   at its entry point; those of `trace()`
 */
export function check(file: string, options?: CheckOptions): Promise<CheckResult>
export function check(file: string, args?: readonly string[], options?: CheckOptions): Promise<CheckResult>
export function check(
  file: string,
  args?: readonly string[] | CheckOptions,
  options?: CheckOptions,
): Promise<CheckResult> {
  return launching(async (machinery) => {
    const given = splitArguments(file, args, options)
    checkNames(given.options, OF_CHECK)
    return checkWith(machinery, given, given.options)
  })
}
