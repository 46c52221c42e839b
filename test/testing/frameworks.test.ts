/** The matchers as a package that Jest and Vitest load, each in a process and a folder of its own. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { transformSync } from '@swc/core'
import { fakeTrace } from '../measure/fake'

const root = join(__dirname, '..', '..')
const SOURCES = ['errors', 'measure/units', 'testing/jest', 'testing/matchers', 'testing/subject']

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-frameworks-'))
  for (const name of SOURCES) {
    const source = readFileSync(join(root, 'lib', `${name}.ts`), 'utf8')
    const options = {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'commonjs' },
    } as const
    write(`node_modules/premain/${name}.js`, transformSync(source, options).code)
  }
  // The API over one recorded trace: what is tried here is the matchers' way into each framework.
  write(
    'node_modules/premain/index.js',
    `module.exports = { ...require('./errors'), ...require('./measure/units'),
      trace: async () => (${JSON.stringify(fakeTrace())}) }`,
  )
  write('node_modules/premain/package.json', '{ "name": "premain", "exports": { "./jest": "./testing/jest.js" } }')
  for (const name of ['vitest', 'jest'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  write('package.json', '{ "type": "commonjs" }')
})
afterAll(() => rmSync(folder, { recursive: true }))

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

const TESTS = `
it('passes', async () => {
  await expect('./server').toReachMain()
  await expect('./server').toHaveInit('net/http')
  await expect('./server').toInitBefore('unicode', 'net/http')
  await expect('./server').not.toHaveInit('net/smtp')
  await expect('./server').toMatchLoadSnapshot()
})
it('fails', async () => {
  await expect('./server').toHaveInit('net/smtp')
})
`

function run(script: string, args: string[]): { output: string; status: number | null } {
  const env = { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1', CI: '' }
  const done = spawnSync(process.execPath, [join(folder, 'node_modules', script), ...args], { cwd: folder, env })
  return { output: `${done.stdout}${done.stderr}`, status: done.status }
}

function expectOnePassAndOneFailure({ output, status }: ReturnType<typeof run>): void {
  expect(output).toMatch(/expected \.\/server to run an init of net\/smtp/)
  expect(output).toMatch(/Tests:?\s+1 failed(,| \|) 1 passed/)
  expect(status).toBe(1)
}

describe('Jest', () => {
  const jest = (...args: string[]) => run('jest/bin/jest.js', ['--no-watchman', ...args])

  it('takes premain/jest as a setup file, and keeps snapshots', () => {
    write('jest.config.json', '{ "setupFilesAfterEnv": ["premain/jest"], "testMatch": ["**/jest/*.test.js"] }')
    write('jest/a.test.js', TESTS)
    const first = jest('-c', 'jest.config.json')
    expectOnePassAndOneFailure(first)
    expect(first.output).toContain('1 snapshot written')
    expectOnePassAndOneFailure(jest('-c', 'jest.config.json', '--ci'))
    const kept = readFileSync(join(folder, 'jest/__snapshots__/a.test.js.snap'), 'utf8')
    write('jest/__snapshots__/a.test.js.snap', kept.replace('net/http.init.0', 'net/http.init.7'))
    const changed = jest('-c', 'jest.config.json', '--ci')
    expect(changed.output).toMatch(/-\s+"net\/http: net\/http\.init\.7"/)
    expect(changed.output).toMatch(/2 failed/)
  })

  it('without injected globals, by extend()', () => {
    write('bare.config.json', '{ "injectGlobals": false, "testMatch": ["**/bare/*.test.js"] }')
    const head = `const { expect, it } = require('@jest/globals'); require('premain/jest').extend(expect)`
    write('bare/a.test.js', head + TESTS)
    expectOnePassAndOneFailure(jest('-c', 'bare.config.json'))
  })
})

describe('Vitest', () => {
  const vitest = (...args: string[]) => run('vitest/vitest.mjs', ['run', ...args])

  it('with globals: takes premain/jest as a setup file', () => {
    write(
      'globals/vitest.config.mjs',
      `export default { test: { globals: true, setupFiles: ['premain/jest'], include: ['*.test.mjs'] } }`,
    )
    write('globals/a.test.mjs', TESTS)
    expectOnePassAndOneFailure(vitest('--root', 'globals'))
    expect(readFileSync(join(folder, 'globals/__snapshots__/a.test.mjs.snap'), 'utf8')).toContain('net/http.init.0')
  })

  it('without globals: by extend()', () => {
    write('modules/vitest.config.mjs', `export default { test: { include: ['*.test.mjs'] } }`)
    const head = `import { expect, it } from 'vitest'; import { extend } from 'premain/jest'; extend(expect)`
    write('modules/a.test.mjs', head + TESTS)
    expectOnePassAndOneFailure(vitest('--root', 'modules'))
  })
})
