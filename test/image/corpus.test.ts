import { spawnSync } from 'node:child_process'
import { packageOf } from '../../lib/image/go/inittasks'
import { openImage } from '../../lib/image/image'
import { arm64Program, corpus, missingProgram } from '../support/corpus'
import { testUnless } from '../support/skip'
import { removeScratch, withImage, withoutSections } from './support'

afterAll(removeScratch)

describe.each(corpus)('$name', (program) => {
  const test = testUnless(missingProgram(program))
  const minor = Number(program.goVersion.split('.')[1])

  test('is what its publisher built', () => {
    withImage(program.file, ({ elf, go, notes }) => {
      expect(notes).toEqual([])
      expect(go?.info.version).toBe(`go${program.goVersion}`)
      expect(go?.minors).toEqual({ min: minor, max: minor })
      expect(elf.has.buildinfo).toBe(program.buildinfo && minor >= 13)
      expect(elf.has.symtab).toBe(!program.stripped)
      expect(elf.static).toBe(program.static)
      expect(go?.tlsOffset).toBe(-8)
    })
  })

  test('has its start-up functions, each with a source line', () => {
    withImage(program.file, ({ go }) => {
      for (const name of ['runtime.rt0_go', 'runtime.schedinit', 'runtime.mallocinit', 'runtime.main', 'main.main']) {
        const body = go!.body(name)
        expect(body?.name).toBe(name)
        expect(go!.pclntab.lineAt(body!.entry)?.line).toBeGreaterThan(0)
        expect(go!.pclntab.spDelta(body!.entry)).toBe(0)
        expect(go!.pclntab.startLine(body!.entry) !== null).toBe(minor >= 20)
      }
      expect(go!.pclntab.lineAt(go!.body('runtime.schedinit')!.entry)?.file).toMatch(/runtime\/proc\.go$/)
    })
  })

  test('has init tasks that begin with the runtime’s, and its variables', () => {
    withImage(program.file, ({ go }) => {
      const packages = go!.initTasks.map((task) => task.package)
      expect(packages.length).toBeGreaterThan(25)
      expect(new Set(packages).size).toBe(packages.length)
      expect(packages.indexOf('runtime')).toBeLessThan(4)
      expect(packages.indexOf('runtime')).toBeLessThan(packages.indexOf('os'))
      const { physHugePageSize, ...statics } = go!.statics
      expect(Object.values(statics)).not.toContain(null)
      expect(physHugePageSize !== null).toBe(minor >= 13)
    })
  })

  if (minor >= 16) {
    test('initialises its packages in the order that inittrace shows', () => {
      const env = { ...process.env, ...program.env, GODEBUG: 'inittrace=1' }
      const { stderr } = spawnSync(program.file, program.args, { encoding: 'utf8', env })
      const ran = [...stderr.matchAll(/^init (\S+) @/gm)].map(([, name]) => packageOf(`${name}.init`))
      withImage(program.file, ({ go }) => expect(go?.initTasks.map((task) => task.package)).toEqual(ran))
    })
  }

  test('is the same without its section headers', () => {
    withImage(program.file, (image) =>
      withImage(withoutSections(program.file), (copy) => {
        expect(copy.go?.info).toEqual(image.go?.info)
        expect(copy.go?.moduledata).toEqual(image.go?.moduledata)
        expect(copy.go?.initTasks).toEqual(image.go?.initTasks)
        expect(copy.go?.statics).toEqual(image.go?.statics)
      }),
    )
  })
})

describe('a program for arm64', () => {
  testUnless(missingProgram(arm64Program))('is described, though it cannot run here', () => {
    withImage(arm64Program.file, ({ elf, go, notes }) => {
      expect(notes).toEqual([])
      expect(elf.machine).toBe('aarch64')
      expect(go?.info.version).toBe(`go${arm64Program.goVersion}`)
      expect(go?.body('main.main')?.name).toBe('main.main')
      expect(go?.initTasks.length).toBeGreaterThan(25)
      expect(go?.pclntab.lineAt(go.body('main.main')!.entry)?.file).toMatch(/main\.go$/)
    })
  })
})

describe('reading', () => {
  const program = corpus.at(-1)!
  testUnless(missingProgram(program))('a closed image can be read again', () => {
    const image = openImage(program.file)
    const before = image.read(image.entry, 16)
    image.close()
    image.close()
    expect(image.read(image.entry, 16)).toEqual(before)
    image.close()
  })
})
