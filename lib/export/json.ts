/** One JSON document. */

/** Any of premain's documents, indented, with a line feed at its end. */
export function toJson(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`
}
