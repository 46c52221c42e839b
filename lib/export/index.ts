/** The formats of a trace, one line each; what writes them is loaded when it is asked for. */
import type { Trace } from '../trace/types'
import type { TextOptions } from './text'

export type { TextOptions } from './text'

/** One format. */
export interface Format {
  summary: string
  /** For machines: with `--run` it wants a file of its own. */
  document: boolean
  /** A failure is told in it too, even where nothing was traced. */
  failures: boolean
  /** Writes a trace. `text` holds what only matters to people: width, colours, language. */
  write(trace: Trace, text: TextOptions): string
}

/** All formats by name. */
export const FORMATS: Readonly<Record<string, Format>> = {
  text: {
    summary: 'a table for people',
    document: false,
    failures: false,
    write: (trace, text) => (require('./text') as typeof import('./text')).toText(trace, text),
  },
  json: {
    summary: 'one document, premain.trace/1',
    document: true,
    failures: true,
    write: (trace) => (require('./json') as typeof import('./json')).toJson(trace),
  },
  jsonl: {
    summary: 'a record a line',
    document: true,
    failures: true,
    write: (trace) => (require('./jsonl') as typeof import('./jsonl')).toJsonLines(trace),
  },
  markdown: {
    summary: 'for pull requests and step summaries',
    document: false,
    failures: false,
    write: (trace) => (require('./markdown') as typeof import('./markdown')).toMarkdown(trace),
  },
  openmetrics: {
    summary: 'for Prometheus',
    document: true,
    failures: false,
    write: (trace) => (require('./openmetrics') as typeof import('./openmetrics')).toOpenMetrics(trace),
  },
  perfetto: {
    summary: 'Chrome trace events, for ui.perfetto.dev',
    document: true,
    failures: false,
    write: (trace) => (require('./perfetto') as typeof import('./perfetto')).toPerfetto(trace),
  },
  'otlp-json': {
    summary: 'OpenTelemetry spans',
    document: true,
    failures: false,
    write: (trace) => (require('./otlp-json') as typeof import('./otlp-json')).toOtlpJson(trace),
  },
}
