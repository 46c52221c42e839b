import { bar, fitColumns, shortenName, upTo } from '../../lib/export/columns'
import { escapeControls } from '../../lib/export/escape'
import { type TextOptions, toText } from '../../lib/export/text'
import { LANGUAGES, WORDS } from '../../lib/export/words'
import { diedInInits, fixtureTrace } from '../cli/fixture'

const PLAIN: TextOptions = { width: 80, color: false, lang: 'en', registers: false, maps: false }

test.each([40, 80, 120])('the report at %d columns', (width) => {
  expect(toText(fixtureTrace(), { ...PLAIN, width })).toMatchSnapshot()
})

test('the report of a program that died', () => {
  expect(toText(diedInInits(), PLAIN)).toMatchSnapshot()
})

test('the report in Chinese', () => {
  expect(toText(fixtureTrace(), { ...PLAIN, lang: 'zh' })).toMatchSnapshot()
})

test('registers and maps of each step that has a stop', () => {
  const text = toText(fixtureTrace(), { ...PLAIN, registers: true, maps: true })
  expect(text.match(/^ {2}registers$/gm)).toHaveLength(14)
  expect(text).toContain('rcx 0xdeadbeefcafe')
  expect(text).toContain('7ffd12325000-7ffd12346000 rw-p stack      [stack]')
})

test.each(LANGUAGES)('no line is wider than the terminal, at any width, in %s', (lang) => {
  for (let width = 40; width <= 200; width += 7) {
    for (const trace of [fixtureTrace(), diedInInits()]) {
      const wide = toText(trace, { ...PLAIN, width, lang })
        .split('\n')
        .filter((line) => cells(line) > width)
      expect({ width, wide }).toEqual({ width, wide: [] })
    }
  }
})

test.each(LANGUAGES)('a long system call goes on below its name, with nothing lost, in %s', (lang) => {
  const trace = fixtureTrace()
  const path = '/opt/example'.repeat(12)
  const args = ['AT_FDCWD', `"${path}"`, 'O_RDONLY|O_CLOEXEC', '0', '{st_mode=S_IFREG|0644, st_size=1234, ...}']
  trace.syscalls = [
    {
      tid: 1,
      name: 'openat',
      args,
      result: '-1 ENOENT (No such file or directory)',
      atNs: 123_456_789,
      wallNs: 12_345_678,
    },
    { tid: 1, name: 'getpid', args: [], result: '7', atNs: 200_000_000, wallNs: 300 },
  ]
  for (let width = 40; width <= 200; width += 7) {
    const lines = toText(trace, { ...PLAIN, width, lang }).split('\n')
    expect({ width, wide: lines.filter((line) => cells(line) > width) }).toEqual({ width, wide: [] })
    const shown = lines.join('').replace(/\s/g, '')
    expect(shown).toContain(`openat(${args.join(',')})=-1ENOENT(Nosuchfileordirectory)`.replace(/\s/g, ''))
    expect(lines.join('\n')).toMatch(/^ +200 ms {2}getpid\(\) = 7 {2}300 ns$/m)
  }
})

test('colours change nothing but colours', () => {
  const colored = toText(fixtureTrace(), { ...PLAIN, color: true })
  expect(colored).toContain('\u001b[')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that starts a colour
  expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(toText(fixtureTrace(), PLAIN))
})

test('no escape sequence of a program reaches the terminal', () => {
  const evil = '\u001b]0;owned\u0007\u009b2J\u202e\r\n'
  const trace = diedInInits()
  trace.target.path += evil
  trace.target.argv.push(evil)
  trace.target.go!.module = evil
  trace.output.stderr = evil
  trace.inits[0]!.package = evil
  trace.steps[5]!.symbol = evil
  trace.steps[3]!.reason = evil
  trace.stops.push({ ...trace.stops[3]!, index: 99, name: evil, file: evil, line: 1 })
  trace.stops[3]!.maps![0]!.path = evil
  trace.stops[3]!.backtrace = [{ address: '0x1', function: evil, file: evil, line: 1 }]
  trace.syscalls = [{ tid: 1, name: 'open', args: [evil], result: evil, atNs: 1, wallNs: 1 }]
  trace.descendants.push({ pid: 1, path: evil, fate: 'killed' })
  trace.steps[2]!.evidence = { env: [`A=${evil}`] }
  const text = toText(trace, { ...PLAIN, registers: true, maps: true })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
  expect(text.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/g)).toBeNull()
  expect(text).toContain('\\x1b]0;owned\\x07\\x9b2J\\u202e')
})

test('environment values are shown where the trace has them', () => {
  const trace = fixtureTrace()
  expect(toText(trace, PLAIN)).not.toContain('Environment')
  trace.steps[2]!.evidence.env = ['SECRET']
  expect(toText(trace, PLAIN)).not.toContain('Environment')
  trace.steps[2]!.evidence.env = ['SECRET=x', 'B=']
  expect(toText(trace, PLAIN)).toContain('Environment\n  SECRET=x')
})

test('a missed step is shown as the defect that it is', () => {
  const trace = fixtureTrace()
  Object.assign(trace.steps[8]!, { status: 'missed', reason: 'its breakpoint never fired' })
  const text = toText(trace, PLAIN)
  expect(text).toMatch(/ 9 {2}✗ {2}schedinit {3}missed/)
  expect(text).toContain('9 schedinit: missed, which is a defect')
})

test('adjoining steps that do not apply for one reason share a note', () => {
  const trace = fixtureTrace()
  const reason = 'not a Go program'
  const steps = trace.steps.map((step) =>
    step.index === 2 || step.index > 5 ? { ...step, status: 'not-applicable' as const, reason } : step,
  )
  const lines = toText({ ...trace, steps }, PLAIN).split('\n')
  expect(lines.filter((line) => line.endsWith(reason))).toEqual([
    `  2 image: not applicable: ${reason}`,
    `  6 rt0 – 17 main: not applicable: ${reason}`,
  ])
})

test('both languages have the same words', () => {
  const shape = (words: object) =>
    Object.entries(words).map(([key, value]) =>
      key === 'steps' || typeof value === 'string' ? key : [key, Object.keys(value).sort()],
    )
  expect(shape(WORDS.zh)).toEqual(shape(WORDS.en))
  expect(Object.keys(WORDS.zh.steps)).toEqual(fixtureTrace().steps.map(({ id }) => id))
})

test('sentences of both languages have the same values', () => {
  const places = (words: object) =>
    Object.entries(words).map(([key, value]) => [
      key,
      typeof value === 'string' ? (value.match(/\{\w+\}/g) ?? []).sort() : [],
    ])
  expect(places(WORDS.zh)).toEqual(places(WORDS.en))
})

test('escapes', () => {
  expect(escapeControls('a\u0000\n\t\u007f\u0085\u2028\ud800b\u{1f600}')).toBe(
    'a\\x00\\n\\t\\x7f\\x85\\u2028\\ud800b\u{1f600}',
  )
  expect(escapeControls('a\n\tb\r', { lines: true })).toBe('a\n\tb\\r')
})

test('names lose their first elements', () => {
  expect(shortenName('main.init', 9)).toBe('main.init')
  expect(shortenName('github.com/spf13/cobra.init.0', 19)).toBe('…/cobra.init.0')
  expect(shortenName('github.com/spf13/cobra.init.0', 20)).toBe('…/spf13/cobra.init.0')
  expect(shortenName('aVeryLongNameIndeed', 8)).toBe('…eIndeed')
})

test('bars are as long as their part', () => {
  expect(bar(0, 10, 8)).toBe('')
  expect(bar(1e-9, 10, 8)).toBe('▏')
  expect(bar(5, 10, 8)).toBe('████')
  expect(bar(20, 10, 8)).toBe('████████')
})

test('columns are taken by importance and shown in order', () => {
  const columns = [
    { key: 'a', width: 5 },
    { key: 'b', width: 10, most: 12 },
    { key: 'c', width: 3 },
  ]
  const at = (width: number) =>
    fitColumns(columns, { width, shown: ['c', 'b', 'a'] }).map(({ key, width }) => `${key}${width}`)
  expect(at(10)).toEqual(['c3', 'a5'])
  expect(at(17)).toEqual(['b10', 'a5'])
  expect(at(22)).toEqual(['c3', 'b10', 'a5'])
  expect(at(99)).toEqual(['c3', 'b12', 'a5'])
})

test('a column takes no more than its cells', () => {
  expect(upTo({ key: 'a', width: 5, most: 20 }, ['12345678', '1'])).toMatchObject({ width: 5, most: 8 })
  expect(upTo({ key: 'a', width: 12 }, ['1234567'])).toMatchObject({ width: 7, most: 7 })
  expect(upTo({ key: 'a', width: 5, most: 20 }, ['x'.repeat(30)])).toMatchObject({ width: 5, most: 20 })
  expect(upTo({ key: 'a', width: 5 }, [])).toMatchObject({ width: 1 })
})

/** Cells of a terminal that a line takes; wide characters take two. */
function cells(line: string): number {
  return [...line].reduce(
    (sum, character) => sum + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60]/.test(character) ? 2 : 1),
    0,
  )
}
