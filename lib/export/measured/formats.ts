/** The formats of measurements, comparisons and checks, one line each; what writes them is loaded when it is asked for. */
import type { ComparedPrograms } from '../../measure/interleave'
import type { CheckResult, Comparison, Measurement } from '../../measure/types'
import type { Sides } from '../ci/benchmarks'
import type { TextOptions } from '../style'

/** What only matters to people. */
export type ReportOptions = Pick<TextOptions, 'width' | 'color'>

/** One format of one kind of document. */
export interface MeasuredFormat<Document> {
  summary: string
  /** It has a place for an error: a failure is told in it too. */
  document?: true
  write(document: Document, options: ReportOptions): string
}

type Formats<Document> = Readonly<Record<string, MeasuredFormat<Document>>>

const text = () => require('./text') as typeof import('./text')
const benchmarks = () => require('../ci/benchmarks') as typeof import('../ci/benchmarks')

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

const JSON_FORMAT: MeasuredFormat<unknown> = { summary: 'one document', document: true, write: json }

const MARKDOWN: MeasuredFormat<Measurement | Comparison | CheckResult> = {
  summary: 'for a step summary',
  write: (document) => (require('../ci/summary') as typeof import('../ci/summary')).stepSummary(document),
}

const JUNIT: MeasuredFormat<Comparison | CheckResult> = {
  summary: 'JUnit XML',
  document: true,
  write: (document) => (require('../ci/junit') as typeof import('../ci/junit')).junit(document),
}

/** What other tools read: the measurements of a document, whatever was made of them. */
function toolFormats<Document>(sidesOf: (document: Document) => Sides): Formats<Document> {
  return {
    'go-bench': { summary: 'what benchstat reads', write: (document) => benchmarks().goBenchmark(sidesOf(document)) },
    'benchmark-action': {
      summary: 'github-action-benchmark, customSmallerIsBetter',
      write: (document) => json(benchmarks().actionBenchmark(sidesOf(document))),
    },
    hyperfine: {
      summary: 'as of --export-json',
      write: (document) => json(benchmarks().hyperfine(sidesOf(document))),
    },
  }
}

/** Formats of `premain measure`. */
export const MEASUREMENT_FORMATS: Formats<Measurement> = {
  text: { summary: 'tables for people', write: (document, options) => text().measurementText(document, options) },
  json: JSON_FORMAT,
  markdown: MARKDOWN,
  ...toolFormats((document) => ({ '': document })),
}

/** The same format of what was compared. */
function ofComparison({ write, ...format }: MeasuredFormat<Comparison>): MeasuredFormat<ComparedPrograms> {
  return { ...format, write: ({ comparison }, options) => write(comparison, options) }
}

/** Formats of `premain compare`. */
export const COMPARISON_FORMATS: Formats<ComparedPrograms> = {
  text: ofComparison({
    summary: 'a table for people',
    write: (document, options) => text().comparisonText(document, options),
  }),
  json: ofComparison(JSON_FORMAT),
  markdown: ofComparison(MARKDOWN),
  junit: ofComparison(JUNIT),
  ...toolFormats(({ before, after }) => ({ before, after })),
}

/** Formats of `premain check`. */
export const CHECK_FORMATS: Formats<CheckResult> = {
  text: { summary: 'lines for people', write: (document, options) => text().checkText(document, options) },
  json: JSON_FORMAT,
  markdown: MARKDOWN,
  junit: JUNIT,
  ...toolFormats(({ measurement }) => ({ '': measurement })),
}
