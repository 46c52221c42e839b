/** The documents of failures of `measure`, `compare` and `check`: without figures, with the error. */
import { PremainError } from '../errors'
import { judge } from '../measure/check'
import { compare } from '../measure/compare'
import type { ComparedPrograms } from '../measure/interleave'
import { settingsOf } from '../measure/options'
import { summarize } from '../measure/summary'
import type { CheckResult, Comparison, Measurement } from '../measure/types'
import { TOOL } from '../tool'
import { infoOf } from './failure-trace'

export function failedMeasurement(error: unknown): Measurement {
  const empty = summarize({
    tool: TOOL,
    target: null,
    host: null,
    startedAt: new Date().toISOString(),
    settings: settingsOf({}),
    launches: [],
    samples: { run: [], oneStop: [], allocs: [] },
  })
  return { ...(measurementOf(error) ?? empty), error: infoOf(error) }
}

/** What was measured before the failure. */
function measurementOf(error: unknown): Measurement | undefined {
  return error instanceof PremainError ? (error.measurement as Measurement | undefined) : undefined
}

export function failedCompared(error: unknown): ComparedPrograms {
  const empty = failedMeasurement(error)
  const comparison: Comparison = {
    ...compare(empty, empty),
    reason: 'nothing was compared',
    notes: [],
    error: infoOf(error),
  }
  return { comparison, before: empty, after: empty }
}

export function failedCheck(error: unknown): CheckResult {
  return { ...judge(failedMeasurement(error), [], { baseline: null }), outcome: 'inconclusive', error: infoOf(error) }
}
