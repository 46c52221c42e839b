declare module 'cli-table3/src/utils' {
  /** Cuts a text to so many cells, with `…` as the last one; colours that are open there are closed. */
  export function truncate(text: string, width: number): string
  /** Fills a text up with `filling`, on the left where `align` is `right`. */
  export function pad(text: string, width: number, filling: string, align: string): string
}
