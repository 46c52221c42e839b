import fc from 'fast-check'
import { paragraph } from '../../lib/export/paragraph'

const CHINESE = '程序在到达 main.main 之前被“SIGSEGV”终止，最后的步骤是第十二步（schedinit）。剩下的：没有到达！'

/** Cells of a terminal; of what these tests write, exactly. */
function cells(line: string): number {
  const wide = /[\u3000-\u303f\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60]|\p{Emoji_Presentation}/u
  return [...line].reduce((sum, one) => sum + (/\p{Mn}/u.test(one) ? 0 : wide.test(one) ? 2 : 1), 0)
}

const squeezed = (text: string) => text.replace(/\s+/g, '')

test.each([16, 17, 24, 40, 80])('Chinese at %d columns: nothing is lost, nothing stands over', (width) => {
  const lines = paragraph(CHINESE, width).split('\n')
  expect(squeezed(lines.join(''))).toBe(squeezed(CHINESE))
  for (const line of lines) {
    expect(cells(line)).toBeLessThanOrEqual(width)
    expect(line).not.toMatch(/^[，。！：）”]|[（“]$/)
  }
  expect(lines.join('\n')).toContain('main.main')
})

test('whatever the text, width and indent', () => {
  const word = fc.string({
    unit: fc.constantFrom('a', 'b', '程', '，', '（', '한', '🚀', 'e\u0301', '/', 'm', 'n'),
    maxLength: 30,
  })
  const texts = fc
    .array(word, { maxLength: 20 })
    .chain((words) =>
      fc
        .array(fc.constantFrom(' ', '  ', '\n'), { minLength: words.length, maxLength: words.length })
        .map((blanks) => words.map((one, i) => one + blanks[i]).join('')),
    )
  fc.assert(
    fc.property(texts, fc.integer({ min: 8, max: 60 }), fc.integer({ min: 0, max: 4 }), (text, width, indent) => {
      const lines = paragraph(text, width, indent).split('\n')
      expect(squeezed(lines.join(''))).toBe(squeezed(text))
      for (const line of lines) {
        expect(cells(line)).toBeLessThanOrEqual(width)
        expect(line === '' || line.startsWith(' '.repeat(indent))).toBe(true)
      }
    }),
  )
})

test('words stay whole, but for those that are longer than a line', () => {
  expect(paragraph('one two three four', 9)).toBe('one two\nthree\nfour')
  expect(paragraph('at /a/very/long/path there', 10, 2)).toBe('  at /a/ve\n  ry/long/\n  path\n  there')
  expect(paragraph('GODEBUG=madvdontneed=1,tls3des=1,winsymlink=0', 24)).toBe(
    'GODEBUG=madvdontneed=1,\ntls3des=1,winsymlink=0',
  )
  expect(paragraph('two\nlines', 20)).toBe('two\nlines')
})
