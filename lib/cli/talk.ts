/** What premain says on standard error. */
import { PremainError } from '../errors'
import { escapeControls, sealed } from '../export/escape'
import type { Context } from './context'
import { OutputError } from './sink'

/** Writes to standard error what no result depends on: where it cannot be written, it is not. */
export async function talk({ stderr }: Pick<Context, 'stderr'>, text: string): Promise<void> {
  try {
    await stderr.write(text)
  } catch (error) {
    if (!(error instanceof OutputError)) throw error
  }
}

/** Says what went wrong and what to do about it; `redact` is applied to every word. */
export async function tell(context: Context, error: unknown, redact = (text: string) => text): Promise<void> {
  const lines =
    error instanceof PremainError
      ? [`premain: ${error.message}`, ...(error.hint ? [`hint: ${error.hint}`] : [])]
      : [`premain: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`]
  await talk(context, `${sealed(escapeControls(redact(lines.join('\n')), { lines: true }))}\n`)
}
