/** Names come from program files and running programs: whatever they hold, no output is led astray by them. */
import fc from 'fast-check'
import type { Context } from '../../lib/cli/context'
import { tell } from '../../lib/cli/talk'
import { PremainError } from '../../lib/errors'
import { annotations } from '../../lib/export/ci/annotations'
import { goBenchmark } from '../../lib/export/ci/benchmarks'
import { junit } from '../../lib/export/ci/junit'
import { stepSummary } from '../../lib/export/ci/summary'
import { FORMATS } from '../../lib/export/index'
import { toInspectText } from '../../lib/export/inspect-text'
import { CHECK_FORMATS, COMPARISON_FORMATS, MEASUREMENT_FORMATS } from '../../lib/export/measured/formats'
import { checkWith } from '../../lib/measure/check'
import { compare } from '../../lib/measure/compare'
import { measureWith } from '../../lib/measure/measure'
import type { CheckResult, Comparison, Measurement } from '../../lib/measure/types'
import { diedInInits, fixtureImage, fixtureTrace } from '../cli/fixture'
import { fakeWorld } from '../measure/fake'

const TEXT = { width: 80, color: false, lang: 'en', registers: true, maps: true } as const
const PROGRAM = { file: '/bin/fake', args: ['-v'] }

/** What a document's own words are: everything else in it is somebody else's. */
const OWN = new Set(
  (
    'schema tool outcome status kind id fate code errno syscall startedAt verdict scope metric unit title arch type flags' +
    ' machine address start end perms role value level registers host settings'
  ).split(' '),
)

/** Pieces that mean something to one reader or another, and any text. */
const name = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          '\u001b[31m',
          '\u001b]0;x\u0007',
          '\u009b2J',
          '\u202e',
          '\u2066',
          '\u2028',
          '\r',
          '\n',
          '\t',
          '\0',
          '\u007f',
        ],
        ...['::error::x', '\n::set-output name=x::y', '%0A', '|', '\\|', '\\', '`', '```', '</details>', '<img src=x>'],
        ...['"', "'", '&', '&lt;', ']]>', '[x](y)', '*x*', '$x$', '{a="b"}', '# TYPE x', ' ', 'main.main', '\ud800'],
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((pieces) => pieces.join(''))

/** A copy in which every word that is not premain's own is `text`. */
function poisoned<T>(value: T, text: string): T {
  if (typeof value === 'string') return text as T
  if (Array.isArray(value)) return value.map((one) => poisoned(one, text)) as T
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, OWN.has(key) ? one : poisoned(one, text)]),
  ) as T
}

/** Line feeds aside, nothing that a terminal acts on, and no line that a CI system takes for a command. */
function expectQuiet(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/)
  expect(text.isWellFormed()).toBe(true)
  expect(text).not.toMatch(/^\s*::/m)
  expect(text).not.toMatch(/^\s*##\[/m)
}

/** The rows of its tables have as many cells as with harmless names, and no tag but premain's own stands outside code. */
function expectSound(markdown: string, harmless: string): void {
  expectQuiet(markdown)
  const cells = (text: string): number[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.replace(/\\[!-/:-@[-`{-~]/g, '').split('|').length)
  expect(cells(markdown)).toEqual(cells(harmless))
  const prose = markdown
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/(?<![`\\])(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, '')
    .replace(/\\[!-/:-@[-`{-~]/g, '')
  expect(prose.replace(/<\/?(details|summary)>/g, '')).not.toMatch(/<[a-z/]|\]\(|&[a-z#]|\$/)
}

function holds(check: (text: string) => void): void {
  fc.assert(fc.property(name, check), { numRuns: 150 })
}

test('an error on standard error', async () => {
  await fc.assert(
    fc.asyncProperty(name, async (text) => {
      const said: string[] = []
      const stderr = { write: async (line: string) => void said.push(line), terminal: false, columns: null }
      await tell({ stderr } as unknown as Context, new PremainError('NOT_FOUND', text, { hint: text }))
      expectQuiet(said.join('').replaceAll('\t', ' '))
    }),
  )
})

describe('a trace', () => {
  const documents = [fixtureTrace(), diedInInits()]

  test('as text', () => {
    holds((text) => {
      for (const trace of documents) expectQuiet(FORMATS.text!.write(poisoned(trace, text), TEXT))
    })
  })

  test('as Markdown', () => {
    holds((text) => {
      for (const trace of documents) {
        const write = (word: string): string => FORMATS.markdown!.write(poisoned(trace, word), TEXT)
        expectSound(write(text), write('x'))
      }
    })
  })

  test('as OpenMetrics', () => {
    const line = /^(# (TYPE|UNIT|HELP|EOF).*|[a-z_]+\{([a-z_]+="([^"\\\n]|\\[\\"n])*",?)*\} \d+(\.\d+)?)$/
    holds((text) => {
      for (const trace of documents) {
        const write = (word: string): string[] =>
          FORMATS.openmetrics!.write(poisoned(trace, word), TEXT).trimEnd().split('\n')
        expect(write(text).filter((one) => !line.test(one))).toEqual([])
        expect(write(text)).toHaveLength(write('x').length)
      }
    })
  })

  test.each(['json', 'jsonl', 'perfetto', 'otlp-json'])('as %s', (format) => {
    holds((text) => {
      const lines = FORMATS[format]!.write(poisoned(documents[0]!, text), TEXT).trimEnd()
      for (const document of format === 'jsonl' ? lines.split('\n') : [lines]) JSON.parse(document)
    })
  })

  test('an image as text', () => {
    holds((text) => expectQuiet(toInspectText(poisoned(fixtureImage(), text), TEXT)))
  })
})

describe('measurements', () => {
  let measurement: Measurement
  let comparison: Comparison
  let checked: CheckResult

  beforeAll(async () => {
    measurement = await measureWith(fakeWorld({}), PROGRAM, { runs: 10 })
    expect(measurement.target).not.toBeNull()
    measurement.target!.go = fixtureTrace().target.go
    comparison = compare(measurement, await measureWith(fakeWorld({ seed: 2, scale: 1.5 }), PROGRAM, { runs: 10 }))
    checked = await checkWith(fakeWorld(), PROGRAM, { budgets: ['total.cpu=1us', 'init:gone.cpu=1ms'], runs: 10 })
  })

  test('as text', () => {
    holds((text) => {
      expectQuiet(MEASUREMENT_FORMATS.text!.write(poisoned(measurement, text), TEXT))
      expectQuiet(
        COMPARISON_FORMATS.text!.write(poisoned({ comparison, before: measurement, after: measurement }, text), TEXT),
      )
      expectQuiet(CHECK_FORMATS.text!.write(poisoned(checked, text), TEXT))
    })
  })

  test('as Markdown', () => {
    holds((text) => {
      for (const document of [measurement, comparison, checked]) {
        expectSound(stepSummary(poisoned(document, text)), stepSummary(poisoned(document, 'x')))
      }
    })
  })

  test('as annotations', () => {
    holds((text) => {
      for (const document of [comparison, checked]) {
        const write = (word: string): string[] => annotations(poisoned(document, word), '/work').trimEnd().split('\n')
        expect(write(text)).toHaveLength(write('x').length)
        for (const line of write(text)) {
          expect(line).toMatch(/^::(error|warning) (file=[^:,]*,)?(line=\d+,)?title=[^:,]*::/)
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
          expect(line).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/)
        }
      }
    })
  })

  test('as JUnit', () => {
    const line = /^ *(<\?xml [^<>]*\?>|(<\/?[a-z-]+( [a-z]+="[^"<>]*")*\/?>|[^<>])*)$/
    holds((text) => {
      for (const document of [comparison, checked]) {
        const xml = junit(poisoned(document, text))
        expect(xml.split('\n').filter((one) => !line.test(one))).toEqual([])
        expect(xml).toHaveLength(xml.toWellFormed().length)
        expect(xml).not.toMatch(/&(?!(amp|lt|gt|quot|#10);)/)
        expect(xml.split('<testcase ')).toHaveLength(junit(poisoned(document, 'x')).split('<testcase ').length)
      }
    })
  })

  test('as benchmark text', () => {
    const line = /^((goos|goarch|pkg|cpu): .*|Benchmark\S+\t1(\t\d+ \S+)+)$/
    holds((text) => {
      const written = goBenchmark(poisoned({ '': measurement }, text))
      expectQuiet(written.replaceAll('\t', ' '))
      expect(
        written
          .trimEnd()
          .split('\n')
          .filter((one) => !line.test(one)),
      ).toEqual([])
    })
  })
})
