/** An image of which much is known already: it says what the file says, and the file is not opened for it. */
import { copyFileSync, rmSync } from 'node:fs'
import { Answers } from '../../lib/image/answers'
import { openImage } from '../../lib/image/image'
import { KeptImage } from '../../lib/image/kept'
import type { FileAddress, ProgramImage } from '../../lib/image/types'
import { planStops } from '../../lib/plan/plan'
import { MODES } from '../linkmodes/modes'
import { buildC } from '../support/c-programs'
import { corpus, missingProgram, tsgo } from '../support/corpus'
import { buildFixture, buildLinkshared } from '../support/fixtures'
import { missingCommand, testUnless } from '../support/skip'
import { altered, removeScratch, scratchFile } from './support'

afterAll(removeScratch)

/** What every question gives. */
function answersOf(image: ProgramImage): unknown {
  const { elf, entry, notes, segments, go } = image
  const moduledata = go?.moduledata?.address ?? entry
  const main = go?.body('main.main') ?? null
  const of = main?.entry ?? entry
  return {
    file: { elf, entry, notes, segments },
    pointer: [image.readPointer(moduledata), image.readPointer(1 as FileAddress)],
    symbols: [...image.symbols(['runtime.g0', 'main', 'a,b']), ...image.symbols(['a', 'b'])],
    dynamic: [image.importedWord(), image.namesDynamic('dlopen'), image.namesDynamic('free')],
    names: [entry, of, 1 as FileAddress].map((pc) => image.nameAt(pc)),
    go: go && {
      facts: [go.version, go.minors, go.info, go.moduledata],
      found: [go.initTasks, go.tlsOffset, go.tlsSlot, go.statics],
      bodies: [main, go.body('runtime.rt0_go'), go.body('no.such')],
    },
    table: go && {
      header: [go.pclntab.magic, go.pclntab.address, go.pclntab.count],
      find: [...go.pclntab.find(['main.main', 'no.such']), ...go.pclntab.find(['runtime.main'])],
      at: [of, entry, 1 as FileAddress].map((pc) => [
        go.pclntab.functionAt(pc),
        go.pclntab.lineAt(pc),
        go.pclntab.ownLineAt(pc),
        go.pclntab.framesAt(pc),
        go.pclntab.startLine(pc),
        go.pclntab.spDelta(pc),
      ]),
    },
    plan: go?.body('main.main') ? planStops(image).sites : null,
  }
}

const throughJson = (answers: Answers): Answers => new Answers(JSON.parse(JSON.stringify(answers.entries())))

/** Held against the file itself, then against what is left of it when the file is gone. */
function compare(program: string): void {
  const copy = scratchFile('kept')
  copyFileSync(program, copy)
  const opened = openImage(copy)
  const truth = answersOf(opened)
  opened.close()
  const { identity } = opened

  const first = new KeptImage({ path: copy, identity }, new Answers())
  expect(answersOf(first)).toEqual(truth)
  const asked = first.answers.added
  expect(asked).toBeGreaterThan(0)
  expect(answersOf(first)).toEqual(truth)
  expect(first.answers.added).toBe(asked)
  first.close()

  rmSync(copy)
  const restored = new KeptImage({ path: copy, identity }, throughJson(first.answers))
  expect(answersOf(restored)).toEqual(truth)
  expect(restored.answers.added).toBe(0)
  restored.close()
  expect(() => restored.read(restored.entry, 4)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
}

for (const program of corpus.filter(({ machine }) => machine === 'x86_64')) {
  testUnless(missingProgram(program))(`of ${program.name}`, () => compare(program.file))
}

for (const mode of MODES) {
  testUnless(mode.missing)(`of a program linked so: ${mode.name}`, () =>
    compare((mode.linkshared ? buildLinkshared(mode.fixture) : buildFixture(mode.fixture, mode)) as string),
  )
}

testUnless(missingCommand('gcc'))('of a program that is not Go', () => compare(buildC('hello')))

test('names with commas are told apart', () => {
  const image = openImage(tsgo.file)
  const kept = new KeptImage(image, new Answers())
  kept.go?.pclntab.find(['runtime.main,main.main'])
  expect(kept.go?.pclntab.find(['runtime.main', 'main.main']).size).toBe(2)
  kept.close()
  image.close()
})

test('a file that has become another one meanwhile is not asked', () => {
  const copy = scratchFile('kept')
  copyFileSync(tsgo.file, copy)
  const image = openImage(copy)
  image.close()
  const kept = new KeptImage(image, new Answers())
  kept.close()
  rmSync(copy)
  const known = kept.elf
  altered(tsgo.file, 'kept', (bytes) => bytes.fill(0, bytes.length - 1))
  expect(kept.elf).toEqual(known)
  kept.close()
  expect(() => new KeptImage(image, new Answers())).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('has changed') }),
  )
})

test('what is more than can be remembered is answered all the same', () => {
  const answers = new Answers()
  const given = Array.from({ length: 50_000 }, (_, at) => answers.of(`${at}`, () => at))
  expect(given.every((answer, at) => answer === at)).toBe(true)
  expect(answers.entries().length).toBeLessThan(50_000)
  expect(answers.of('0', () => 1)).toBe(0)
  expect(answers.of('49999', () => 1)).toBe(1)
})
