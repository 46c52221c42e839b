/**
 * Names in a trace come from a program file or a running program: nobody's word for being printable. Everything that
 * could move a terminal's cursor, change its colours or reorder its text is shown as an escape.
 */

// C0 and DEL, C1, the marks and overrides of bidirectional text, line and paragraph separators, lone surrogates.
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** `text` with unprintable characters as `\x1b`, `\n` or `\u202e`. `lines`: line feeds and tabs are kept. */
export function escapeControls(text: string, { lines = false } = {}): string {
  return text.replace(UNPRINTABLE, (character) => {
    if (lines && (character === '\n' || character === '\t')) return character
    const code = character.charCodeAt(0)
    const hex = code.toString(16)
    return SHORT[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
  })
}

// What CI systems take for commands, after blanks too: GitHub's `::error::`, Azure's and the older `##[error]`, `##vso[…]`.
const COMMAND = /^([^\S\n]*)(::|##\[|##vso\[)/gm

/**
 * The last thing that is done to a text for people: no line that a name begins, or a broken line leaves behind, is a command
 * to the CI system that shows it, and no character was cut in two.
 */
export function sealed(text: string): string {
  return text.replace(HALF, '\ufffd').replace(COMMAND, '$1\\$2')
}
