/** The target's environment in its trace: values are secrets. */
import type { Trace } from '../trace/types'

/**
 * Adds `env` to the evidence of the step `stack`: the variables' names in their order, or with `values` the whole
 * entries, `NAME=value`. A program that was not started has none.
 */
export function addEnvironment(trace: Trace, env: Record<string, string | undefined>, values: boolean): Trace {
  const entries = Object.entries(env).filter(([, value]) => value !== undefined)
  const shown = entries.map(([name, value]) => (values ? `${name}=${value}` : name))
  const steps = trace.steps.map((step) =>
    step.id === 'stack' && typeof step.evidence.envc === 'number'
      ? { ...step, evidence: { ...step.evidence, env: shown } }
      : step,
  )
  return { ...trace, steps }
}
