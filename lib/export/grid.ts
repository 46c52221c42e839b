/**
 * Tables without lines, to a given width in cells; wide characters and colours are counted as they show. Of cli-table3 the
 * handling of text alone: the layout of its tables, with lines, spans and styles, took a tenth of a command.
 */
import { pad, truncate } from 'cli-table3/src/utils'
import { type Column, GAP } from './columns'

/** Lays out rows of cells in columns; a cell that is too long ends in `…`. */
export function grid(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => columns.map((column, i) => inCells(row[i] ?? '', column)).join(' '.repeat(GAP)))
  return trimLines(lines.join('\n'))
}

const ONE_CELL_EACH = /^[ -~]*$/

function inCells(cell: string, { width, align }: Column): string {
  if (cell.length > width || !ONE_CELL_EACH.test(cell)) return pad(truncate(cell, width), width, ' ', align ?? 'left')
  return align === 'right' ? cell.padStart(width) : cell.padEnd(width)
}

function trimLines(text: string): string {
  // Colours may start and end among the blanks.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that starts a colour
  return text.replace(/(?: |\u001b\[\d+m)+$/gm, (ending) => ending.replaceAll(' ', ''))
}
