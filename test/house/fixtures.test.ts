import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { corpus, missingProgram } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'
import { testUnless } from '../support/skip'

const folder = join(__dirname, '..', 'fixtures', 'go')

testUnless(missingGo())(
  'every fixture builds',
  () => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue
      const usesC = /^import "C"$/m.test(readFileSync(join(folder, entry.name, 'main.go'), 'utf8'))
      expect(buildFixture(entry.name, usesC ? { env: { CGO_ENABLED: '1' } } : {})).not.toBeNull()
    }
  },
  300_000,
)

testUnless(missingGo())(
  'a fixture is built once for each set of flags',
  () => {
    const plain = buildFixture('hello')!
    const stripped = buildFixture('hello', { flags: ['-ldflags=-s -w'] })!
    expect(buildFixture('hello')).toBe(plain)
    expect(stripped).not.toBe(plain)
    expect(readFileSync(stripped).length).toBeLessThan(readFileSync(plain).length)
    expect(execFileSync(plain, { encoding: 'utf8' })).toBe('hello from main\n')
  },
  120_000,
)

testUnless(missingGo())(
  'inits runs its packages dependencies first',
  () => {
    const order = 'a.init.0 a.init.1 b.init.0 c.init.0 c.init.1 main.init.0 27\n'
    expect(execFileSync(buildFixture('inits')!, { encoding: 'utf8' })).toBe(order)
  },
  120_000,
)

describe.each(corpus)('$name', (program) => {
  testUnless(missingProgram(program))('is an executable ELF file for x86-64 that its arguments end', () => {
    const header = readFileSync(program.file).subarray(0, 20)
    expect(header.toString('latin1', 0, 4)).toBe('\x7fELF')
    expect(header.readUInt16LE(18)).toBe(62)
    const env = { ...process.env, ...program.env }
    execFileSync(program.file, program.args, { env, stdio: 'ignore', timeout: 20_000 })
  })
})
