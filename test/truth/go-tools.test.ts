/** What `inspect()` and the image say of version, modules, settings and functions, against the go command. */
import { existsSync } from 'node:fs'
import { inspect } from '../../lib/index'
import { output, removeScratch, withImage, withoutSymbols } from '../image/support'
import { missingCommand, testUnless } from '../support/skip'
import { subjects } from './subjects'

afterAll(removeScratch)

const missingGo = missingCommand('go')

/** A value as `go version -m` prints it: quoted as Go quotes strings where it has to be. */
function plain(text: string): string {
  return /^".*"$/.test(text) ? (JSON.parse(text) as string) : text.replace(/^`(.*)`$/, '$1')
}

interface Shown {
  version: string
  main: string | null
  module: string | null
  deps: { path: string; version: string }[]
  settings: [key: string, value: string][]
}

/** `go version -m`; null for a file whose build information is gone. */
function goVersion(file: string): Shown | null {
  let text: string
  try {
    text = output('go', ['version', '-m', file])
  } catch {
    return null
  }
  const [first = '', ...lines] = text.trimEnd().split('\n')
  const shown: Shown = { version: first.slice(file.length + 2), main: null, module: null, deps: [], settings: [] }
  for (const [kind, a = '', b = ''] of lines.map((line) => line.slice(1).split('\t'))) {
    if (kind === 'path') shown.main = a
    if (kind === 'mod') shown.module = a
    if (kind === 'dep') shown.deps.push({ path: a, version: b })
    if (kind === '=>') shown.deps.splice(-1, 1, { path: a, version: b })
    const at = a.indexOf('=')
    if (kind === 'build') shown.settings.push([plain(a.slice(0, at)), plain(a.slice(at + 1))])
  }
  return shown
}

/**
 * A symbol's name as the function table has it. In .symtab a middle dot is a dot, and an ABI0 wrapper has a suffix; in the
 * table, type arguments are left out. @go cmd/link/internal/ld/pcln.go nameParts, from 1.18 on
 */
function tableName(symbol: string): string {
  return symbol
    .replace(/\.abi0$/, '')
    .replaceAll('·', '.')
    .replace(/\[.*\]/, '[...]')
}

describe.each(subjects)('$name', ({ name, missing, file, symbols }) => {
  testUnless(missing ?? missingGo)('version, modules and settings are those of go version -m', async () => {
    const { go } = await inspect(file())
    const shown = goVersion(file())
    // Where the go command knows nothing, its release is still read off the runtime.
    const stated = /go(1\.\d+)/.exec(name)?.[1]
    if (shown === null) return expect(go?.version?.startsWith(`go${stated}`)).toBe(true)
    const { version, main, module, deps, settings } = go!
    expect({ version, main, module, deps, settings: Object.entries(settings) }).toEqual(shown)
  })

  if (!symbols) return

  testUnless(missing ?? missingGo ?? missingCommand('objcopy'))(
    'the function table is that of go tool nm, and the same in a stripped copy',
    () => {
      const path = file()
      expect(existsSync(path)).toBe(true)
      withImage(path, (image) => {
        const { pclntab, moduledata } = image.go!
        const functions = [...pclntab.all()]
        const inGo = (address: number) => address >= moduledata!.text && address < moduledata!.etext
        const ours = functions.map(({ entry, name }) => `${entry} ${tableName(name)}`)
        const theirs = [...output('go', ['tool', 'nm', path]).matchAll(/^ *([0-9a-f]+) [Tt] (.*)$/gm)]
          .map(([, address, symbol]) => ({ address: Number.parseInt(address!, 16), symbol: symbol! }))
          // The sections of C object files are no functions.
          .filter(({ address, symbol }) => inGo(address) && !/^runtime\.text$|\(\.text[.\w]*\)$/.test(symbol))
          .map(({ address, symbol }) => `${address} ${tableName(symbol)}`)
        expect(theirs.length).toBeGreaterThan(1000)
        const [known, listed] = [new Set(ours), new Set(theirs)]
        expect(theirs.filter((one) => !known.has(one))).toEqual([])
        expect(functions.filter(({ entry }, i) => inGo(entry) && !listed.has(ours[i]!))).toEqual([])
        withImage(withoutSymbols(path), (stripped) => {
          expect(stripped.elf.has.symtab).toBe(false)
          expect([...stripped.go!.pclntab.all()]).toEqual(functions)
        })
      })
    },
  )
})
