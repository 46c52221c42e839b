import { toInspectText } from '../../lib/export/inspect-text'
import { fixtureImage } from '../cli/fixture'

const PLAIN = { width: 80, color: false, lang: 'en', registers: false, maps: false } as const

test('the description of a Go program', () => {
  expect(toInspectText(fixtureImage(), PLAIN)).toMatchSnapshot()
})

test('a long build id is broken, not cut', () => {
  expect(toInspectText(fixtureImage(), PLAIN).replace(/\s/g, '')).toContain('word'.repeat(20))
})

test.each([40, 55, 80, 120, 200])('no line is wider than %d columns', (width) => {
  const lines = toInspectText(fixtureImage({ notes: ['a note '.repeat(20)] }), { ...PLAIN, width }).split('\n')
  expect(lines.filter((line) => line.length > width)).toEqual([])
})

test('a program that is not Go has notes and no Go lines', () => {
  const text = toInspectText(fixtureImage({ go: null, notes: ['not a Go program \u001b[2J'] }), PLAIN)
  expect(text).toContain('Notes\n  not a Go program \\x1b[2J')
  expect(text).not.toMatch(/^module/m)
})
