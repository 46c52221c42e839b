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
 * JUnit XML, one test case for each budget, drift or compared total, step and init: what is broken or slower is a failure,
 * what is inconclusive is skipped. A failure of the whole is a case of its own, an error.
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
  const outcomes = { slower: 'fail', faster: 'pass', same: 'pass', inconclusive: 'inconclusive' } as const
  return comparison.differences.map((entry) => ({
    name: label(entry),
    outcome: outcomes[entry.verdict],
    message: entry.reason,
    file: null,
    line: null,
  }))
}

function testCase({ name, outcome, message, file, line }: Case, className: string): string {
  const place = file === null ? '' : ` file="${escapeXml(file)}"${line === null ? '' : ` line="${line}"`}`
  const head = `<testcase name="${escapeXml(name)}" classname="${className}" time="0"${place}`
  const text = escapeXml(message)
  if (outcome === 'error') return `${head}><error message="${text}">${text}</error></testcase>`
  if (outcome === 'fail') return `${head}><failure message="${text}">${text}</failure></testcase>`
  if (outcome === 'inconclusive') return `${head}><skipped message="inconclusive: ${text}"/></testcase>`
  return `${head}/>`
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
