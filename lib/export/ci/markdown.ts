/** Pieces of GitHub-flavoured Markdown. */
import { escapeControls } from '../escape'

/** A table; cells are escaped, the first column is left-aligned and the others right-aligned. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`
  const rule = `| ${head.map((_, at) => (at === 0 ? '---' : '---:')).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

function escapeCell(text: string): string {
  // A bar ends a cell, in code too, unless an odd number of backslashes stands before it.
  return text
    .replace(/[\r\n]+/g, ' ')
    .replace(/(\\*)\|/g, (_, before) => `${before}${before.length % 2 === 0 ? '' : '\\'}\\|`)
}

/** How many backticks stand together in a text, at most: what encloses it as code has more. */
function longestFence(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length))
}

/** A name as code: what is in it is not read as Markdown. */
export function code(name: string): string {
  const text = escapeControls(name) || ' '
  const longest = longestFence(text)
  const fence = '`'.repeat(longest + 1)
  return longest > 0 ? `${fence} ${text} ${fence}` : `${fence}${text}${fence}`
}

/** Words as they are, whatever they hold. */
export function plain(text: string): string {
  return escapeControls(text).replace(/[\\`*_{}[\]<>#~&$]/g, '\\$&')
}

/** Lines as they are, in a block of code. */
export function block(text: string): string {
  const fence = '`'.repeat(Math.max(2, longestFence(text)) + 1)
  return [fence, escapeControls(text, { lines: true }), fence].join('\n')
}

/** A part that is folded up at first. */
export function details(summary: string, body: string): string {
  return `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`
}

/** The lines that {@link details} makes, which no name can be: there is none alone on a line. */
const OPENS = /^<details>/gm
const CLOSES = /^<\/details>$/gm

/** Of the charts; {@link block} may have longer ones, in pairs, at the beginning. */
const FENCES = /^```/gm

/** Ends the text at a line's end below `limit` bytes of UTF-8, with a word about it. */
export function cutBelow(text: string, limit: number): string {
  if (Buffer.byteLength(text) < limit) return text
  const end = '\n\n*Cut: the whole is larger than a step summary may be.*\n'
  const close = '\n\n</details>'
  const fence = '\n```'
  const room = limit - Buffer.byteLength(fence + close + end) - 1
  if (room <= 0) return ''
  const bytes = Buffer.from(text).subarray(0, room)
  const kept = bytes.subarray(0, Math.max(0, bytes.lastIndexOf(0x0a))).toString('utf8')
  // They do not nest.
  const open = (kept.match(OPENS)?.length ?? 0) > (kept.match(CLOSES)?.length ?? 0)
  const inCode = (kept.match(FENCES)?.length ?? 0) % 2 === 1
  return `${kept}${inCode ? fence : ''}${open ? close : ''}${end}`
}
