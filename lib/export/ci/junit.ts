import { label } from '../../measure/judge'
import type { CheckResult, Comparison } from '../../measure/types'

interface Case {
  name: string
  outcome: 'pass' | 'fail' | 'inconclusive' | 'error'
  message: string
  /** Shown with the case: where an init is. */
  file: string | null
  line: number | null
}

/**
 * JUnit XML, one test case for each budget, drift or compared total, step and init. What is broken is a failure, and so is what
 * `--fail-on slower` ends with 1 for: a slower total, or launches that fail more often. A slower step or init of a total that is
 * not is told with its case, and what is inconclusive is skipped. A failure of the whole is a case of its own, an error.
 */
export function junit(document: CheckResult | Comparison): string {
  const check = document.schema === 'premain.check/1'
  const cases = [...ofError(document), ...(check ? ofCheck(document) : ofComparison(document))]
  const count = (outcome: Case['outcome']) => cases.filter((entry) => entry.outcome === outcome).length
  const name = check ? `premain check ${document.measurement.target?.path ?? ''}`.trim() : 'premain compare'
  const started = (check ? document.measurement.startedAt : document.after.startedAt).replace(/\.\d+Z$/, '')
  const counts = `tests="${cases.length}" failures="${count('fail')}" errors="${count('error')}" skipped="${count('inconclusive')}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${escapeXml(name)}" ${counts} time="0" timestamp="${escapeXml(started)}">`,
    ...cases.map((entry) => `    ${testCase(entry, check ? 'premain.check' : 'premain.compare')}`),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function ofError({ error }: CheckResult | Comparison): Case[] {
  return error ? [{ name: 'launches', outcome: 'error', message: error.message, file: null, line: null }] : []
}

function ofCheck(result: CheckResult): Case[] {
  return [
    ...result.budgets.map((entry) => ({ ...entry, name: entry.budget })),
    ...result.drift.map((entry) => ({ ...entry, name: `drift of ${entry.key}`, file: null, line: null })),
  ]
}

function ofComparison(comparison: Comparison): Case[] {
  const place = { file: null, line: null }
  const { before, after, verdict } = comparison.failures
  const rates = `${before.failed} of ${before.launches} launches failed before, ${after.failed} of ${after.launches} after`
  const failed: Case = {
    name: 'failed launches',
    outcome: verdict === 'more' ? 'fail' : 'pass',
    message: rates,
    ...place,
  }
  return [
    ...comparison.differences.map((entry): Case => {
      const { scope, metric, reason } = entry
      const name = label(entry)
      if (entry.verdict === 'inconclusive') return { name, outcome: 'inconclusive', message: reason, ...place }
      const fails = entry.verdict === 'slower' && scope === 'total' && metric.endsWith('Ns')
      return { name, outcome: fails ? 'fail' : 'pass', message: `${entry.verdict}: ${reason}`, ...place }
    }),
    ...(before.launches + after.launches > 0 ? [failed] : []),
  ]
}

function testCase({ name, outcome, message, file, line }: Case, className: string): string {
  const place = file === null ? '' : ` file="${escapeXml(file)}"${line === null ? '' : ` line="${line}"`}`
  const head = `<testcase name="${escapeXml(name)}" classname="${className}" time="0"${place}`
  const text = escapeXml(message)
  if (outcome === 'error') return `${head}><error message="${text}">${text}</error></testcase>`
  if (outcome === 'fail') return `${head}><failure message="${text}">${text}</failure></testcase>`
  if (outcome === 'inconclusive') return `${head}><skipped message="inconclusive: ${text}"/></testcase>`
  return `${head}><system-out>${text}</system-out></testcase>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
}

/** Text for content and attributes. XML 1.0 has no form for most control characters and for lone surrogates. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"\n]/g, (character) => ENTITIES[character]!)
}
