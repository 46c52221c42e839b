/** Whether a document that was saved, or made by hand, is the measurement that it says it is. */
import { PremainError } from '../errors'
import { STEPS } from '../plan/catalogue'
import type { Measurement } from './types'

type Fields = Readonly<Record<string, unknown>>

/** The figures that other code reads without asking. */
const TOTALS = ['wallNs', 'cpuNs', 'minorFaults', 'majorFaults']
const CLOCKS = ['wallNs', 'cpuNs']

/**
 * Checks what `compare()` rests on; the whole form is what the JSON Schema says.
 *
 * @throws PremainError `INVALID_OPTION` by the document's `name`
 */
export function expectMeasurement(name: string, value: unknown): asserts value is Measurement {
  const problem = problemOf(value)
  if (problem === null) return
  throw new PremainError('INVALID_OPTION', `${name} is not a document of premain.measurement/1: ${problem}`, {
    hint: 'measure() makes one, and premain measure --json writes one.',
  })
}

function problemOf(value: unknown): string | null {
  if (!isObject(value)) return 'it is not an object'
  if (value.schema !== 'premain.measurement/1') return `its schema is ${JSON.stringify(value.schema) ?? 'missing'}`
  const { settings, counted, launches, totals, steps, packages, host, target } = value
  if (!isObject(settings) || !isObject(counted)) return 'settings or counted is missing'
  if (!isCount(counted.ok) || !isCount(counted.failed)) return 'counted has no numbers'
  if (!Array.isArray(launches) || !launches.every(isObject)) return 'launches is not a list'
  if (!isObject(totals) || !hasSeries(totals, TOTALS)) return 'totals has no series'
  if (!Array.isArray(steps) || steps.length !== STEPS.length) return `steps is not a list of ${STEPS.length}`
  if (!steps.every((step) => isObject(step) && hasSeries(step, CLOCKS))) return 'a step has no series'
  if (!Array.isArray(packages)) return 'packages is not a list'
  if (!packages.every((entry) => isObject(entry) && typeof entry.package === 'string' && hasSeries(entry, CLOCKS)))
    return 'a package has no name or no series'
  if (!Array.isArray(value.inits) || !value.inits.every(isObject)) return 'inits is not a list'
  return [host, target].every((entry) => entry === null || isObject(entry)) ? null : 'host or target is no object'
}

/** Neither null nor a list. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function hasSeries(of: Fields, keys: readonly string[]): boolean {
  return keys.every((key) => {
    const series = of[key]
    return isObject(series) && Array.isArray(series.samples) && isCount(series.count) && series.samples.every(isSample)
  })
}

function isSample(value: unknown): boolean {
  return value === null || Number.isFinite(value)
}
