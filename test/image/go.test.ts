import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageOf } from '../../lib/image/go/inittasks'
import type { GoImage, ProgramImage } from '../../lib/image/types'
import { missingCommand, testUnless } from '../support/skip'
import {
  at,
  build,
  nm,
  output,
  removeScratch,
  type Variant,
  variants,
  withImage,
  withoutAddends,
  withoutSections,
  withoutSymbols,
} from './support'

afterAll(removeScratch)

/** Every n-th item, so that about `count` are left. */
function sample<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, Math.floor(items.length / count))
  return items.filter((_, index) => index % step === 0)
}

function goOf(image: ProgramImage): GoImage {
  expect(image.notes).toEqual([])
  return image.go!
}

const hasSymbols = ({ flags }: Variant): boolean => !flags?.join(' ').includes('-s -w')

describe.each(variants)('$name', (variant) => {
  const test = testUnless(variant.missing)
  const testWithSymbols = testUnless(variant.missing ?? missingCommand('nm', 'objcopy'))

  test('version, modules and settings are those that go version shows', () => {
    const file = build(variant)
    const shown = output('go', ['version', '-m', file])
    withImage(file, (image) => {
      const { info, version, minors } = goOf(image)
      expect(shown.split('\n')[0]).toBe(`${file}: ${info.version}`)
      expect(info.versionRange).toBeNull()
      expect(`go1.${version?.minor}`).toBe(/^go1\.\d+/.exec(info.version!)?.[0])
      expect(minors).toEqual({ min: version?.minor, max: version?.minor })
      expect(info.main).toBe(/^\tpath\t(.*)$/m.exec(shown)?.[1])
      expect(info.module).toBe(/^\tmod\t(\S+)/m.exec(shown)?.[1])
      const settings = [...shown.matchAll(/^\tbuild\t([^=\n]+)=(.*)$/gm)].map(([, key, value]) => [key, value])
      expect(Object.keys(info.settings)).toEqual(settings.map(([key]) => key))
      expect(info.settings.GOARCH).toBe('amd64')
      const flags = variant.flags?.find((flag) => flag.startsWith('-ldflags='))?.slice('-ldflags='.length)
      if (flags !== undefined && !settings.some(([key]) => key === '-trimpath'))
        expect(info.settings['-ldflags']).toBe(flags)
      expect(info.cgo).toBe(variant.env?.CGO_ENABLED === '1')
    })
  })

  test('packages are initialised in the order that inittrace shows', () => {
    const file = build(variant)
    const { stderr } = spawnSync(file, { encoding: 'utf8', env: { ...process.env, GODEBUG: 'inittrace=1' } })
    const ran = [...stderr.matchAll(/^init (\S+) @/gm)].map(([, name]) => packageOf(`${name}.init`))
    expect(ran.length).toBeGreaterThan(8)
    withImage(file, (image) => expect(goOf(image).initTasks.map((task) => task.package)).toEqual(ran))
  })

  test('each init task has the init functions of its package', () => {
    withImage(build(variant), (image) => {
      const { initTasks, pclntab } = goOf(image)
      for (const task of initTasks) {
        expect(task.functions.length).toBeGreaterThan(0)
        for (const { name, entry } of task.functions) {
          expect(packageOf(name)).toBe(task.package)
          expect(pclntab.find([name]).get(name)).toContain(entry)
        }
      }
      if (variant.fixture === 'inits') {
        expect(initTasks.at(-1)?.functions.map(({ name }) => name)).toEqual(['main.init.0'])
      }
    })
  })

  test('without section headers the same is found', () => {
    const file = build(variant)
    withImage(file, (image) =>
      withImage(withoutSections(file), (copy) => {
        const [whole, bare] = [goOf(image), goOf(copy)]
        expect(bare.info).toEqual(whole.info)
        expect(bare.moduledata).toEqual(whole.moduledata)
        expect(bare.initTasks).toEqual(whole.initTasks)
        expect(bare.tlsOffset).toBe(whole.tlsOffset)
        expect([...bare.pclntab.all()]).toEqual([...whole.pclntab.all()])
      }),
    )
  })

  const isPie = variant.flags?.includes('-buildmode=pie') && !variant.name.includes('RELR')
  if (isPie) {
    test('where the linker left zeros, the relocations tell the same', () => {
      const file = build(variant)
      withImage(file, (image) =>
        withImage(withoutAddends(file), (copy) => {
          const [whole, bare] = [goOf(image), goOf(copy)]
          expect(bare.info).toEqual(whole.info)
          expect(bare.moduledata).toEqual(whole.moduledata)
          expect(bare.initTasks).toEqual(whole.initTasks)
          expect(bare.statics).toEqual(whole.statics)
        }),
      )
    })
  }

  if (variant.name.includes('RELR')) {
    test('its relative relocations are packed', () => {
      expect(output('readelf', ['-dW', build(variant)])).toMatch(/\(RELR\)/)
    })
  }

  test('find, functionAt and all agree', () => {
    withImage(build(variant), (image) => {
      const { pclntab } = goOf(image)
      const all = [...pclntab.all()]
      expect(all.length).toBe(pclntab.count)
      const chosen = sample(all, 100)
      const found = pclntab.find(chosen.map(({ name }) => name))
      for (const { name, entry, end } of chosen) {
        expect(found.get(name)).toEqual(all.filter((other) => other.name === name).map((other) => other.entry))
        expect(pclntab.functionAt(entry)).toEqual({ name, entry, end })
        if (end > entry) expect(pclntab.functionAt(at(end - 1))).toEqual({ name, entry, end })
      }
      expect(pclntab.find(['no.such.function', 'main.mai', 'main.main2']).size).toBe(0)
      expect(pclntab.functionAt(at(all[0]!.entry - 1))).toBeNull()
      expect(pclntab.functionAt(at(all.at(-1)!.end))).toBeNull()
    })
  })

  if (!hasSymbols(variant)) return

  testWithSymbols('functions are where nm has them', () => {
    const file = build(variant)
    const symbols = nm(file)
    withImage(file, (image) => {
      const { pclntab } = goOf(image)
      // The linker writes the middle dot of a name as a dot in .symtab.
      const strange = [...pclntab.all()].filter(({ name, entry }) => {
        const plain = name.replaceAll('·', '.')
        return ![plain, `${plain}.abi0`].some((symbol) => symbols.get(symbol)?.includes(entry))
      })
      expect(strange).toEqual([])
    })
  })

  testWithSymbols('the body of a function is never its ABI0 wrapper', () => {
    const file = build(variant)
    const symbols = nm(file)
    withImage(withoutSymbols(file), (image) => {
      const go = goOf(image)
      let wrapped = 0
      for (const name of ['check', 'args', 'osinit', 'schedinit', 'newproc', 'main', 'mallocinit', 'doInit1']) {
        const body = go.body(`runtime.${name}`)
        expect([name, body?.entry]).toEqual([name, symbols.get(`runtime.${name}`)?.[0]])
        if (symbols.has(`runtime.${name}.abi0`)) wrapped++
      }
      expect(wrapped).toBeGreaterThanOrEqual(5)
      expect(go.body('runtime.noSuchFunction')).toBeNull()
    })
  })

  testWithSymbols('the variables of the runtime are found by code where nm has them', () => {
    const file = build(variant)
    const symbols = nm(file)
    const address = (name: string): number | undefined => symbols.get(`runtime.${name}`)?.[0]
    const expected = {
      g0: address('g0'),
      m0: address('m0'),
      ncpu: address('numCPUStartup') ?? address('ncpu'),
      physPageSize: address('physPageSize'),
      physHugePageSize: address('physHugePageSize'),
      sched: address('sched'),
      mheap: address('mheap_'),
      mainPC: address('mainPC') ?? address('mainPC.abi0'),
      gomaxprocs: address('gomaxprocs'),
    }
    withImage(withoutSymbols(file), (image) => expect(goOf(image).statics).toEqual(expected))
    withImage(file, (image) => {
      const { statics, moduledata } = goOf(image)
      expect(statics).toEqual(expected)
      expect(moduledata?.address).toBe(address('firstmoduledata'))
      expect(moduledata?.text).toBe(address('text'))
      expect(moduledata?.etext).toBe(address('etext'))
    })
  })

  testWithSymbols('symbols are found by name and by address', () => {
    const file = build(variant)
    const symbols = nm(file)
    withImage(file, (image) => {
      const found = image.symbols(['runtime.g0', 'main.main', 'no.such.symbol'])
      expect([...found.keys()].sort()).toEqual(['main.main', 'runtime.g0'])
      expect(found.get('main.main')?.address).toBe(symbols.get('main.main')?.[0])
      expect(found.get('runtime.g0')?.address).toBe(symbols.get('runtime.g0')?.[0])
      expect(image.nameAt(at(found.get('main.main')!.address + 1))).toBe('main.main')
      if (symbols.has('_start')) expect(image.nameAt(at(symbols.get('_start')![0]!))).toBe('_start')
      expect(image.nameAt(at(1))).toBeNull()
    })
  })

  test('the slot of g is where the symbol of the slot says', () => {
    const file = build(variant)
    const shown = output('readelf', ['-lsW', file])
    const [, size, align] = /^ {2}TLS +0x\w+ 0x\w+ 0x\w+ 0x\w+ (0x\w+) R +(0x\w+)$/m.exec(shown) ?? []
    const [, slot] = /^ +\d+: (\w+) +\d+ +TLS .* runtime\.tlsg$/m.exec(shown) ?? []
    const aligned = Math.ceil(Number(size) / Number(align)) * Number(align)
    // Go's own linker names no symbol: then PT_TLS holds nothing but the slot. Without PT_TLS, settls decides: FS-8.
    if (slot === undefined) expect(size === undefined ? 8 : Number(size)).toBe(8)
    const expected = slot === undefined ? -8 : Number.parseInt(slot, 16) - aligned
    withImage(file, (image) => expect(goOf(image).tlsOffset).toBe(expected))
  })
})

describe.each(variants.filter((variant) => hasSymbols(variant)))('tables of $name', (variant) => {
  const test = testUnless(variant.missing)

  test('source lines are those of go tool addr2line', () => {
    const file = build(variant)
    withImage(file, (image) => {
      const { pclntab } = goOf(image)
      const pcs = sample([...pclntab.all()], 400).flatMap(({ entry, end }) => [entry, at(entry + ((end - entry) >> 1))])
      const input = pcs.map((pc) => `0x${pc.toString(16)}\n`).join('')
      const shown = spawnSync('go', ['tool', 'addr2line', file], { input, encoding: 'utf8' }).stdout.trim().split('\n')
      const lines = pcs.map((pc) => {
        const line = pclntab.lineAt(pc)
        return [pclntab.functionAt(pc)?.name, line === null ? ':-1' : `${line.file}:${line.line}`]
      })
      // A line below 1 is padding that belongs to no line.
      expect(lines.flat()).toEqual(shown.map((line) => line.replace(/^:-\d+$/, ':-1')))
    })
  })

  test('declarations are on the lines of the source', () => {
    withImage(build(variant), (image) => {
      const go = goOf(image)
      const main = go.body('main.main')!
      const source = readFileSync(join(__dirname, '../fixtures/go', variant.fixture, 'main.go'), 'utf8')
      const line = source.split('\n').indexOf('func main() {') + 1
      expect(line).toBeGreaterThan(0)
      expect(go.pclntab.startLine(main.entry)).toBe(line)
    })
  })

  testUnless(variant.missing ?? missingCommand('readelf'))(
    'the stack pointer is where the frame information has it',
    () => {
      const file = build(variant)
      const shown = output('readelf', ['--debug-dump=frames-interp', file])
      const rows = [...shown.matchAll(/^([0-9a-f]{16}) rsp\+(\d+) /gm)].map(([, pc, cfa]) => [
        Number.parseInt(pc!, 16),
        Number(cfa),
      ])
      withImage(file, (image) => {
        const { pclntab, moduledata } = goOf(image)
        const inGo = rows.filter(([pc]) => pc! >= moduledata!.text && pclntab.functionAt(at(pc!)) !== null)
        expect(inGo.length).toBeGreaterThan(1000)
        // The caller's SP is the CFA on amd64: SP + delta + the return address.
        const wrong = sample(inGo, 2000).filter(([pc, cfa]) => pclntab.spDelta(at(pc!)) !== cfa! - 8)
        expect(wrong).toEqual([])
      })
    },
  )
})
