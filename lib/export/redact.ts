/** `--redact`: what matches is replaced before anything is written. */

const MASK = '***'

/** Keys whose values are premain's own words, which readers depend on and which cannot hold a secret. */
const VOCABULARY = new Set(['schema', 'tool', 'outcome', 'status', 'kind', 'id', 'fate', 'code', 'errno', 'startedAt'])

/** The function that replaces every match by `***`. */
export function redactor(pattern: RegExp): (text: string) => string {
  const everywhere = new RegExp(pattern.source, pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`)
  // An empty match has nothing to hide.
  return (text) => text.replace(everywhere, (match) => (match === '' ? '' : MASK))
}

/** A copy of plain data with `redact` applied to every string in it but premain's own vocabulary. */
export function redactDocument<T>(document: T, redact: (text: string) => string): T {
  return visit(document, redact) as T
}

function visit(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map((one) => visit(one, redact))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, VOCABULARY.has(key) ? one : visit(one, redact)]),
  )
}
