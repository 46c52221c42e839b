/** The package as a user gets it: packed, installed in an empty folder, and used from there. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tsgo } from '../support/corpus'

const root = join(__dirname, '..', '..')
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const jestBin = join(root, 'node_modules', 'jest', 'bin', 'jest.js')

let folder: string
let contents: string[]

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-package-'))
  execFileSync(process.execPath, [join(root, 'scripts', 'prepack.mjs')], { stdio: 'pipe' })
  const packed = npm(root, 'pack', '--ignore-scripts', '--json', `--pack-destination=${folder}`)
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }]
  contents = files.map((file) => file.path).sort()
  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "private": true }\n')
  npm(folder, 'install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', `./${filename}`)
}, 180_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('it holds the compiled library, the schemas, a prebuilt addon and the sources to build one', () => {
  expect(contents).toEqual(
    expect.arrayContaining([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'binding.gyp',
      'dist/cli/bin-commands.js',
      'dist/cli/bin-formats.js',
      'dist/cli/bin-main.js',
      'dist/cli/bin.js',
      'dist/disassembler.js',
      'dist/disassembler.memory',
      'dist/disassembler.wasm',
      'dist/index.d.mts',
      'dist/index.d.ts',
      'dist/index.js',
      'dist/index.mjs',
      'dist/licenses.txt',
      'dist/schemas/premain.trace-1.schema.json',
      'native/sources.txt',
      'package.json',
      `prebuilds/linux-${process.arch}/node.napi.glibc.node`,
      ...readFileSync(join(root, 'native', 'sources.txt'), 'utf8')
        .trim()
        .split('\n'),
    ]),
  )
})

test('it holds nothing else than that', () => {
  const bundled = String.raw`dist/(index\.m?js|index\.js\.map|cli/bin(-\w+)?\.js(\.map)?|disassembler\.(wasm|memory|js(\.map)?)|licenses\.txt)`
  const beside = String.raw`dist/(testing/.*\.(js|mjs|js\.map)|.*\.(d\.ts|d\.mts|schema\.json))`
  const expected = new RegExp(`^(${bundled}|${beside}|native/.*\\.(cc|h|txt)|prebuilds/.*\\.node)$`)
  const rest = contents.filter((path) => !expected.test(path))
  expect(rest).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'binding.gyp', 'package.json'])
})

test('require() of the package traces a program', () => {
  expect(runFile('use.cjs', `const { trace } = require('premain')\n${USE}`)).toBe('reached-main 17')
})

test('import of the package traces a program', () => {
  expect(runFile('use.mjs', `import { trace } from 'premain'\n${USE}`)).toBe('reached-main 17')
})

test('import and require give the same functions', () => {
  const program = `
    import { createRequire } from 'node:module'
    import * as imported from 'premain'
    const required = createRequire(import.meta.url)('premain')
    const names = Object.keys(required).sort()
    console.log(names.length > 0 && names.every((name) => imported[name] === required[name]))
    console.log(Object.keys(imported).sort().join() === names.join())`
  expect(runFile('same.mjs', program)).toBe('true\ntrue')
})

test('Jest without flags runs a test that uses it', () => {
  const program = `
    const { PremainError, trace } = require('premain')
    test('trace', async () => {
      expect((await trace(${JSON.stringify(tsgo.file)}, ['--version'])).outcome).toBe('reached-main')
      await expect(trace('/nowhere')).rejects.toBeInstanceOf(PremainError)
    }, 30000)`
  writeFileSync(join(folder, 'use.test.js'), program)
  execFileSync(process.execPath, [jestBin, '--rootDir', folder, '--reporters', 'default'], {
    cwd: folder,
    stdio: 'pipe',
  })
}, 60_000)

test('TypeScript finds the types from a CommonJS and from an ES module', () => {
  const program = `import { trace, type Trace } from 'premain'
    export const outcome: Promise<Trace['outcome']> = trace('./hello').then((seen) => seen.outcome)\n`
  writeFileSync(join(folder, 'cjs.cts'), program)
  writeFileSync(join(folder, 'esm.mts'), program)
  symlinkSync(join(root, 'node_modules', '@types'), join(folder, 'node_modules', '@types'))
  const args = [
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--module',
    'node16',
    '--types',
    'node',
    'cjs.cts',
    'esm.mts',
  ]
  execFileSync(process.execPath, [tsc, ...args], { cwd: folder, stdio: 'pipe' })
}, 60_000)

test('the command that it installs traces a program', () => {
  const command = join(folder, 'node_modules', '.bin', 'premain')
  const document = execFileSync(command, ['--json', tsgo.file, '--version'], { encoding: 'utf8', stdio: 'pipe' })
  expect(JSON.parse(document)).toMatchObject({ schema: 'premain.trace/1', outcome: 'reached-main' })
})

test('its other commands and formats work, and an error of theirs is known to it', () => {
  const command = join(folder, 'node_modules', '.bin', 'premain')
  expect(run(command, '--format', 'markdown', tsgo.file, '--version')).toEqual({
    status: 0,
    stderr: expect.any(String),
  })
  expect(run(command, 'inspect', tsgo.file)).toEqual({ status: 0, stderr: '' })
  expect(run(command, 'inspect', '/nowhere')).toEqual({
    status: 3,
    stderr: expect.stringMatching(/^premain: \/nowhere /),
  })
  expect(run(command, 'measure', '-n', 'x')).toEqual({
    status: 2,
    stderr: expect.stringMatching(/^premain: option '-n/),
  })
})

test('the schemas can be required by name', () => {
  const program = `console.log(require('premain/schemas/premain.trace-1.schema.json').title)`
  expect(runFile('schema.cjs', program)).toBe('Trace')
})

const USE = `trace(${JSON.stringify(tsgo.file)}, ['--version']).then((seen) => console.log(seen.outcome, seen.steps.length))`

function run(command: string, ...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return { status, stderr }
}

function runFile(name: string, program: string): string {
  writeFileSync(join(folder, name), program)
  return execFileSync(process.execPath, [name], { cwd: folder, encoding: 'utf8' }).trim()
}

function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
