/** The formats of a trace, one line each; what writes them is loaded when it is asked for. */
import type { Trace } from '../trace/types'
import type { TextOptions } from './text'

export type { TextOptions } from './text'

/** One format. */
export interface Format {
  summary: string
  /** It is one JSON document, or a stream of them: a failure is told in it too. */
  document: boolean
  /** Writes a trace. `text` holds what only matters to people: width, colours, language. */
  write(trace: Trace, text: TextOptions): string
}

/** All formats by name. */
export const FORMATS: Readonly<Record<string, Format>> = {
  text: {
    summary: 'a table for people',
    document: false,
    write: (trace, text) => (require('./text') as typeof import('./text')).toText(trace, text),
  },
  json: {
    summary: 'one document, premain.trace/1',
    document: true,
    write: (trace) => (require('./json') as typeof import('./json')).toJson(trace),
  },
  jsonl: {
    summary: 'a record a line',
    document: true,
    write: (trace) => (require('./jsonl') as typeof import('./jsonl')).toJsonLines(trace),
  },
}
