/** How a command's report is written: which format, where to, how wide, in which colours, and without its secrets. */
import type { TextOptions } from '../export/style'
import type { Language } from '../export/words'
import type { Context } from './context'
import { checkPlace, replaceFile, type Sink } from './sink'

/** The options that every command with a report has. */
export interface ReportOptions {
  /** A file; `-` is standard output. */
  output?: string
  redact?: RegExp
  lang?: Language
  registers?: boolean
  maps?: boolean
}

/** One report. */
export interface Report<T> {
  document: T
  write(document: T, text: TextOptions): string
  options: ReportOptions
  context: Context
  /** Where it goes without `-o`. Default: standard output. */
  sink?: Sink
}

/** Writes a report to the file of `-o`, or to the sink. */
export async function deliver<T>({
  document,
  write,
  options,
  context,
  sink = context.stdout,
}: Report<T>): Promise<void> {
  const file = fileOf(options)
  const terminal = file === null && sink.terminal
  const text = write(redacted(document, options), {
    width: (file === null ? sink.columns : null) ?? (Number(context.env.COLUMNS) || 80),
    color: wantsColor(context.env, terminal),
    lang: options.lang ?? 'en',
    registers: options.registers ?? false,
    maps: options.maps ?? false,
  })
  if (file === null) await sink.write(text)
  else replaceFile(file, text)
}

/** The file of `-o`; null for standard output. */
function fileOf({ output }: ReportOptions): string | null {
  return output === undefined || output === '-' ? null : output
}

/** @throws PremainError where `-o` names no place for a file: that is better known before anything runs */
export function checkOutput(options: ReportOptions): void {
  const file = fileOf(options)
  if (file !== null) checkPlace(file)
}

/** What `--redact` does to premain's own words; undefined without it. */
export function redactorOf({ redact }: ReportOptions): ((text: string) => string) | undefined {
  if (!(redact instanceof RegExp)) return undefined
  return (require('../export/redact') as typeof import('../export/redact')).redactor(redact)
}

/** The document as `--redact` leaves it. */
export function redacted<T>(document: T, options: ReportOptions): T {
  const redact = redactorOf(options)
  if (!redact) return document
  const { redactDocument } = require('../export/redact') as typeof import('../export/redact')
  return redactDocument(document, redact)
}

/** NO_COLOR and FORCE_COLOR (https://no-color.org, https://force-color.org), else colours on a terminal. */
function wantsColor(env: Record<string, string | undefined>, terminal: boolean): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0'
  return terminal && env.TERM !== 'dumb'
}
