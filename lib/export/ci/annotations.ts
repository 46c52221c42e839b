import { existsSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { label } from '../../measure/judge'
import type { CheckResult, Comparison } from '../../measure/types'
import type { ErrorInfo } from '../../trace/types'
import { escapeControls } from '../escape'

/** GitHub shows ten annotations of a kind for each step; the last line then tells how many more there are. */
const MOST = 10

interface Annotation {
  level: 'error' | 'warning'
  title: string
  message: string
  file: string | null
  line: number | null
}

/**
 * GitHub workflow commands (`::error file=…,line=…,title=…::message`), one a line, at the source of an init where the
 * binary tells it. Broken budgets and drift are errors, what is inconclusive is a warning; what failed as a whole, one error.
 *
 * @param root the checkout's folder; files below it are named relative to it, as GitHub wants them, and no others
 * @param exists whether a file is there: where a program's module is in the checkout, it does not tell
 */
export function annotations(document: CheckResult | Comparison, root: string, exists = existsSync): string {
  const all = document.error
    ? [ofError(document.error)]
    : document.schema === 'premain.check/1'
      ? ofCheck(document)
      : ofComparison(document)
  const module = document.schema === 'premain.check/1' ? document.measurement.target?.go?.module : document.after.module
  const lines = (['error', 'warning'] as const).flatMap((level) => {
    const own = all.filter((entry) => entry.level === level)
    if (own.length <= MOST) return own
    const rest = own.slice(MOST - 1)
    const message = `and ${rest.length} more: ${rest.map((entry) => entry.title).join(', ')}`
    return [...own.slice(0, MOST - 1), { level, title: 'premain', message, file: null, line: null }]
  })
  return lines.map((entry) => `${command(entry, { root, module: module ?? null, exists })}\n`).join('')
}

function ofError({ message, hint }: ErrorInfo): Annotation {
  return {
    level: 'error',
    title: 'premain',
    message: [message, hint].filter(Boolean).join('\n'),
    file: null,
    line: null,
  }
}

function ofCheck(result: CheckResult): Annotation[] {
  const budgets = result.budgets.flatMap(({ outcome, budget, message, file, line }): Annotation[] =>
    outcome === 'pass' ? [] : [{ level: outcome === 'fail' ? 'error' : 'warning', title: budget, message, file, line }],
  )
  const drift = result.drift.flatMap(({ outcome, key, message }): Annotation[] =>
    outcome === 'pass' ? [] : [{ level: 'error', title: `drift of ${key}`, message, file: null, line: null }],
  )
  return [...budgets, ...drift]
}

function ofComparison(comparison: Comparison): Annotation[] {
  const place = { file: null, line: null }
  if (comparison.verdict === 'inconclusive') {
    return [{ level: 'warning', title: 'inconclusive', message: comparison.reason, ...place }]
  }
  return comparison.differences
    .filter((entry) => entry.verdict === 'slower')
    .map((entry) => ({
      level: entry.scope === 'total' ? 'error' : 'warning',
      title: `${label(entry)}: slower`,
      message: entry.reason,
      file: entry.file,
      line: entry.line,
    }))
}

/** Where a checkout is, and the module in it. */
interface Checkout {
  root: string
  module: string | null
  exists(path: string): boolean
}

function command({ level, title, message, file: source, line }: Annotation, checkout: Checkout): string {
  const file = source === null ? null : below(source, checkout)
  const properties = [
    ...(file === null ? [] : [`file=${property(file)}`]),
    ...(file === null || line === null ? [] : [`line=${line}`]),
    `title=${property(title)}`,
  ]
  return `::${level} ${properties.join(',')}::${data(message)}`
}

/** The file in the checkout, or null. With -trimpath a program names its files by their module. */
function below(file: string, { root, module, exists }: Checkout): string | null {
  if (!isAbsolute(file)) {
    const path = module !== null && file.startsWith(`${module}/`) ? file.slice(module.length + 1) : null
    return path !== null && exists(join(root, path)) ? path : null
  }
  const path = relative(root, file)
  return path.startsWith('..') ? null : path
}

function data(text: string): string {
  return escapeControls(text, { lines: true }).replace(/%/g, '%25').replace(/\n/g, '%0A')
}

function property(text: string): string {
  return data(text).replace(/:/g, '%3A').replace(/,/g, '%2C')
}
