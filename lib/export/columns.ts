/** What fits beside what: columns of a table by the width that there is. */
/** A column that a table may have. */
export interface Column<Key extends string = string> {
  key: Key
  /** The width that it needs, in cells. */
  width: number
  /** The most it can use when there is room left; default: `width`. */
  most?: number
  align?: 'right'
}

/** Cells between two columns. */
export const GAP = 2

/**
 * The columns that fit into `width` cells, with their final widths, in the order of `shown`. Columns are taken in the
 * order of `columns`, most important first, as far as they fit; what is left goes to those that can use it.
 */
export function fitColumns<Key extends string>(
  columns: readonly Column<Key>[],
  { width, shown }: { width: number; shown: readonly Key[] },
): Column<Key>[] {
  const taken: Column<Key>[] = []
  let left = width + GAP
  for (const column of columns) {
    if (column.width + GAP > left) continue
    left -= column.width + GAP
    taken.push({ ...column })
  }
  for (const column of taken) {
    const more = Math.min(left, (column.most ?? column.width) - column.width)
    column.width += more
    left -= more
  }
  return taken.sort((a, b) => shown.indexOf(a.key) - shown.indexOf(b.key))
}

/** A column that takes no more room than the longest of its cells, `texts`, without colours. */
export function upTo<Key extends string>(column: Column<Key>, texts: readonly string[]): Column<Key> {
  const longest = Math.max(1, ...texts.map((text) => text.length))
  const { width, most = width } = column
  return { ...column, width: Math.min(width, longest), most: Math.min(most, longest) }
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar of at most `width` cells for `part` of `whole`; a part above zero shows at least a sliver. */
export function bar(part: number, whole: number, width: number): string {
  if (part <= 0 || whole <= 0) return ''
  const eighths = Math.max(1, Math.round(Math.min(1, part / whole) * width * 8))
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]
}

/** `12.3 %`. */
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${((part / whole) * 100).toFixed(1)} %` : ''
}

/** Milliseconds to the microsecond, so that a column can be read downwards: `12.345`. */
export function milliseconds(ns: number): string {
  return (ns / 1e6).toFixed(3)
}

/**
 * A Go name in at most `width` cells: import paths lose their first elements, since the last ones tell them apart:
 * `github.com/spf13/cobra.init.0` → `…/cobra.init.0`.
 */
export function shortenName(name: string, width: number): string {
  if (name.length <= width) return name
  for (let slash = name.indexOf('/'); slash !== -1; slash = name.indexOf('/', slash + 1)) {
    if (name.length - slash + 1 <= width) return `…${name.slice(slash)}`
  }
  return `…${name.slice(name.length - width + 1)}`
}
