import { medianAbsoluteDeviation } from 'simple-statistics'
import type { Baseline } from './baseline'
import { median } from './statistics'
import { parseKey, unitOfKey, valuesOf } from './subject'
import type { DriftResult, Measurement } from './types'
import { formatPercent, formatValue } from './units'

/** What history is compared with: its oldest entries, up to this many and at least {@link LEAST_REFERENCE}. */
const REFERENCE = 10
const LEAST_REFERENCE = 6

/** The newest entries, this run among them: their median ignores one run that is off. */
const RECENT = 3

/** Robust standard deviations that the recent median may lie above the reference. */
const DEVIATIONS = 4

/** MAD × this estimates a normal distribution's standard deviation. */
const MAD_TO_SIGMA = 1.4826

/** However quiet the history: less than 3 % or 2 µs (one fault) is no drift. */
const LEAST_PART = 0.03
const LEAST_NS = 2000

/**
 * Looks for slow creep: the median of the newest medians against that of the oldest. Each step of a creep may be too small
 * for any comparison of neighbours; against the oldest entries they add up. One noisy run does not move a median
 * of three. Null where the history is too short.
 */
export function judgeDrift(key: string, measurement: Measurement, baseline: Baseline): DriftResult | null {
  const subject = parseKey(key)
  const unit = unitOfKey(subject)
  const values = valuesOf(measurement, subject)
  if (values.length === 0) return null
  const current = median(values)
  const history = baseline.like(measurement).flatMap((entry) => entry.values[key]?.median ?? [])
  if (history.length < LEAST_REFERENCE + RECENT - 1) return null
  const medians = [...history, current]
  const oldest = medians.slice(0, Math.min(REFERENCE, medians.length - RECENT))
  const reference = median(oldest)
  const recent = median(medians.slice(-RECENT))
  const allowance = Math.max(
    DEVIATIONS * MAD_TO_SIGMA * medianAbsoluteDeviation(oldest),
    LEAST_PART * reference,
    unit === 'ns' ? LEAST_NS : 1,
  )
  const part = reference > 0 ? ` (${formatPercent(recent / reference - 1)})` : ''
  const words = `${formatValue(unit, reference)} at first, ${formatValue(unit, recent)} of late${part}`
  return {
    key,
    unit,
    outcome: recent > reference + allowance ? 'fail' : 'pass',
    reference,
    recent,
    allowance,
    entries: medians.length,
    message: `${key}: ${words}, ${formatValue(unit, allowance)} allowed, over ${medians.length} entries`,
  }
}
