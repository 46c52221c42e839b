/** Tables without lines, to a given width in cells; wide characters and colours are counted as they show. */
import Table from 'cli-table3'
import { type Column, GAP } from './columns'

const NO_LINES = Object.fromEntries(
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid'
    .split(' ')
    .map((name) => [name, '']),
)

/** Lays out rows of cells in columns; a cell that is too long ends in `…`. */
export function grid(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const table = new Table({
    chars: { ...NO_LINES, middle: ' '.repeat(GAP) },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colWidths: columns.map(({ width }) => width),
    colAligns: columns.map(({ align }) => align ?? 'left'),
  })
  for (const row of rows) table.push([...row])
  return trimLines(table.toString())
}

function trimLines(text: string): string {
  // Colours may start and end among the blanks.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that starts a colour
  return text.replace(/(?: |\u001b\[\d+m)+$/gm, (ending) => ending.replaceAll(' ', ''))
}
