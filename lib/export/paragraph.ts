/** Text in lines of a given width, in a terminal's cells. */

/** Characters that take two cells. Source: Unicode Standard Annex #11, `East_Asian_Width` W and F. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60]/u

/** Marks on the character before, and what is not seen: no cell. */
const UNSEEN = /[\p{Mn}\p{Me}\p{Cf}]/u

/** What stays with the character before it, and with the one behind it. Source: Unicode Standard Annex #14, CL and OP. */
const CLOSING = /[、。〉》」』】！），．：；？”…]/u
const OPENING = /[〈《「『【（“]/u

/**
 * Breaks text into lines of at most `width` cells, of which `indent` are left blank: between words, and anywhere in a
 * script without spaces; in a word that is longer than a line after its commas, or anywhere.
 */
export function paragraph(text: string, width: number, indent = 0): string {
  const blank = ' '.repeat(indent)
  const lines = text.split('\n').flatMap((line) => wrap(line, width - indent))
  return lines.map((line) => (blank + line).trimEnd()).join('\n')
}

function wrap(line: string, room: number): string[] {
  const lines = ['']
  let used = 0
  for (const piece of pieces(line)) {
    for (const part of fitting(piece, room)) {
      const size = cells(part)
      if (used > 0 && used + size > room && part.trim() !== '') {
        lines.push('')
        used = 0
      }
      lines.push(lines.pop() + part)
      used += size
    }
  }
  return lines
}

function fitting(piece: string, room: number): string[] {
  if (cells(piece) <= room) return [piece]
  return piece.split(/(?<=,)/).flatMap((part) => (cells(part) > room ? [...part] : [part]))
}

/** Blanks, words, and single characters of scripts without spaces: lines end between them. */
function* pieces(line: string): Generator<string> {
  let piece = ''
  let before = ''
  for (const character of line) {
    if (mayBreak(before, character)) {
      yield piece
      piece = ''
    }
    piece += character
    before = character
  }
  yield piece
}

function mayBreak(before: string, after: string): boolean {
  const blank = before.trim() === ''
  if (blank !== (after.trim() === '')) return true
  if (blank || UNSEEN.test(after) || CLOSING.test(after) || OPENING.test(before)) return false
  return WIDE.test(before) || WIDE.test(after)
}

function cells(text: string): number {
  let sum = 0
  for (const character of text) sum += UNSEEN.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return sum
}
