/** The documents of failures of `measure`, `compare` and `check`: without figures, with the error. */
import { judge } from '../measure/check'
import { compare } from '../measure/compare'
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
  return { ...empty, error: infoOf(error) }
}

export function failedComparison(error: unknown): Comparison {
  const empty = failedMeasurement(error)
  return { ...compare(empty, empty), reason: 'nothing was compared', notes: [], error: infoOf(error) }
}

export function failedCheck(error: unknown): CheckResult {
  return { ...judge(failedMeasurement(error), [], null), outcome: 'inconclusive', error: infoOf(error) }
}
