import { PremainError } from '../errors'
import { findStep, STEPS } from '../plan/catalogue'
import type { Measurement, Series } from './types'

/** What a budget or a baseline is about: `total.cpu`, `step:inits.wall`, `init:net/http.cpu`. */
export interface SubjectKey {
  /** As written. */
  key: string
  scope: 'total' | 'step' | 'init'
  /** `total`, the step's id, or the package. */
  subject: string
  figure: 'wall' | 'cpu' | 'minorFaults' | 'majorFaults'
}

const FIGURES = ['wall', 'cpu', 'minorFaults', 'majorFaults'] as const

const HINT =
  'Write total.cpu, total.wall, total.minorFaults, total.majorFaults, step:ID.cpu|wall or init:PACKAGE.cpu|wall.'

/**
 * Reads a key. A package may have dots of its own: the figure stands after the last.
 *
 * @throws PremainError `INVALID_OPTION` for a malformed key or an unknown step
 */
export function parseKey(key: string): SubjectKey {
  const match = /^(?:(total)|(step|init):(.+))\.([a-zA-Z]+)$/.exec(key)
  const figure = FIGURES.find((name) => name === match?.[4])
  const scope = (match?.[1] ?? match?.[2]) as SubjectKey['scope'] | undefined
  const timed = figure === 'wall' || figure === 'cpu'
  if (!scope || !figure || (scope !== 'total' && !timed)) {
    throw new PremainError('INVALID_OPTION', `not a figure: ${JSON.stringify(key)}`, { hint: HINT })
  }
  const subject = match?.[3] ?? 'total'
  if (scope === 'step' && !findStep(subject)) {
    const known = STEPS.map((step) => step.id).join(', ')
    throw new PremainError('INVALID_OPTION', `no such step: ${JSON.stringify(subject)}`, {
      hint: `The steps: ${known}.`,
    })
  }
  return { key, scope, subject, figure }
}

/** The unit of a key's values. */
export function unitOfKey({ figure }: SubjectKey): 'ns' | 'count' {
  return figure === 'wall' || figure === 'cpu' ? 'ns' : 'count'
}

/** A key's samples, with the place in the source where it has one; null for an init that did not run. */
export function seriesOf(
  measurement: Measurement,
  { scope, subject, figure }: SubjectKey,
): { series: Series; file: string | null; line: number | null } | null {
  const metric = figure === 'wall' || figure === 'cpu' ? (`${figure}Ns` as const) : figure
  if (scope === 'total') return { series: measurement.totals[metric], file: null, line: null }
  const time = metric === 'cpuNs' ? 'cpuNs' : 'wallNs'
  if (scope === 'step') {
    const step = measurement.steps.find((entry) => entry.id === subject)
    return step ? { series: step[time], file: null, line: null } : null
  }
  const found = measurement.packages.find((entry) => entry.package === subject)
  const place = measurement.inits.find((entry) => entry.package === subject && entry.file !== null)
  return found ? { series: found[time], file: place?.file ?? null, line: place?.line ?? null } : null
}
