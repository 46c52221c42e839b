import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { unquote } from '../../lib/image/go/buildinfo'
import { packageOf } from '../../lib/image/go/inittasks'
import { parseVersion, rangeText } from '../../lib/image/go/version'
import { testUnless } from '../support/skip'
import { altered, build, removeScratch, variants, withImage, withoutSections } from './support'

afterAll(removeScratch)

const fixture = variants.find(({ name }) => name === 'static, stripped')!
const pie = variants.find(({ name }) => name === 'pie, stripped')!

test('versions, as the go command writes them', () => {
  const cases: [string, ReturnType<typeof parseVersion>][] = [
    ['go1.26.4', { major: 1, minor: 26, patch: 4 }],
    ['go1.18', { major: 1, minor: 18, patch: 0 }],
    ['go1.27rc1', { major: 1, minor: 27, patch: 0 }],
    ['go1.25.5 X:nodwarf5', { major: 1, minor: 25, patch: 5 }],
    ['devel go1.28-3a8f2b1c4d Mon Nov 2 10:00:00 2026 +0000', { major: 1, minor: 28, patch: 0 }],
    ['go1.21.1-fips', { major: 1, minor: 21, patch: 1 }],
    ['devel +3a8f2b1c4d', null],
    ['go2', null],
    ['unknown', null],
    ['', null],
  ]
  for (const [text, version] of cases) expect([text, parseVersion(text)]).toEqual([text, version])
  expect(rangeText({ min: 22, max: 23 })).toBe('>=1.22 <1.24')
})

test('packages of init functions', () => {
  expect(packageOf('main.init.0')).toBe('main')
  expect(packageOf('gopkg.in/yaml%2ev3.init')).toBe('gopkg.in/yaml.v3')
  expect(packageOf('example.com/init.init.12')).toBe('example.com/init')
  expect(packageOf('bytes.init.ializers')).toBe('bytes')
})

test('text that is not quoted stays as it is', () => {
  for (const text of ['', '-s -w', '"', 'a"b"', '`']) expect(unquote(text)).toBe(text)
  expect(unquote('`-X main.v="1"`')).toBe('-X main.v="1"')
  expect(unquote('"\\x41\\u00e9\\U0001F600\\101\\a\\n\\"\\\\"')).toBe('Aé😀A\x07\n"\\')
})

test('any quoted text without escapes beyond JSON’s is unquoted as JSON is', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      (text) => {
        // JSON writes what lies beyond 16 bits as it is, and so does Go where it is printable.
        expect(unquote(JSON.stringify(text))).toBe(text)
      },
    ),
  )
})

testUnless(fixture.missing)('flags with quotes are those that were given', () => {
  const flags = { flags: ['-ldflags=-s -w -X "main.a=b c"', '-tags=x'] }
  withImage(build({ ...fixture, ...flags, fixture: 'hello' }), (image) => {
    expect(image.go?.info.settings['-ldflags']).toBe('-s -w -X "main.a=b c"')
    expect(image.go?.info.settings['-tags']).toBe('x')
  })
})

describe.each([fixture, pie])('without build information: $name', (variant) => {
  const test = testUnless(variant.missing)

  test('the version comes from the runtime', () => {
    const file = altered(build(variant), 'no-buildinfo', (bytes) =>
      bytes.fill(0, ...span(bytes, '\xff Go buildinf:', 32)),
    )
    expect(spawnSync('go', ['version', file], { encoding: 'utf8' }).stdout).toBe('')
    withImage(build(variant), (image) =>
      withImage(file, (copy) => {
        expect(copy.elf.has.buildinfo).toBe(false)
        expect(copy.go?.version).toEqual(image.go?.version)
        expect(copy.go?.initTasks).toEqual(image.go?.initTasks)
        expect(copy.go?.info).toMatchObject({ main: null, module: null, deps: [], settings: {} })
      }),
    )
  })

  test('without that, bounds come from the functions it has', () => {
    const file = withoutVersion(build(variant))
    withImage(build(variant), (image) =>
      withImage(file, (copy) => {
        const { minor } = image.go!.version!
        expect(copy.go?.version).toBeNull()
        expect(copy.go!.minors.min).toBeLessThanOrEqual(minor)
        expect(copy.go!.minors.max).toBeGreaterThanOrEqual(minor)
        expect(copy.go!.minors.max - copy.go!.minors.min).toBeLessThanOrEqual(1)
        expect(copy.go?.info.versionRange).toBe(rangeText(copy.go!.minors))
        expect(copy.go?.initTasks).toEqual(image.go?.initTasks)
      }),
    )
  })

  test('it is found without its section', () => {
    withImage(build(variant), (image) =>
      withImage(withoutSections(build(variant)), (copy) => expect(copy.go?.info).toEqual(image.go?.info)),
    )
  })
})

describe.each(variants.filter(({ name, toolchain }) => toolchain && name.startsWith('static')))(
  'bounds of $name',
  (variant) => {
    testUnless(variant.missing)('hold its version', () => {
      const file = withoutVersion(build(variant))
      withImage(file, ({ go }) => {
        const minor = Number(variant.toolchain?.split('.')[1])
        expect(go?.version).toBeNull()
        expect([minor, go!.minors.min <= minor, go!.minors.max >= minor]).toEqual([minor, true, true])
        expect(go!.minors.max - go!.minors.min).toBeLessThanOrEqual(2)
      })
    })
  },
)

/** Start and end of a text in the file, `length` bytes from its start. */
function span(bytes: Buffer, text: string, length: number): [number, number] {
  const at = bytes.indexOf(text, 0, 'latin1')
  expect(at).toBeGreaterThan(0)
  return [at, at + length]
}

/** A copy with neither build information nor any text that names a Go version. */
function withoutVersion(file: string): string {
  return altered(file, 'no-version', (bytes) => {
    bytes.fill(0, ...span(bytes, '\xff Go buildinf:', 32))
    for (let at = bytes.indexOf('go1.'); at >= 0; at = bytes.indexOf('go1.', at)) bytes.write('xx', at)
  })
}
