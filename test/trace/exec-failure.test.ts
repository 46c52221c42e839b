import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PremainError, type Trace, trace } from '../../lib/index'
import { tsgo } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, type Snapshot, snapshot } from '../support/leaks'
import { AS_NOBODY } from '../support/nobody'
import { missingCommand, testUnless } from '../support/skip'

let folder: string
let before: Snapshot
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-exec-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

async function refusal(file: string, args: string[] = [], env?: Record<string, string>): Promise<PremainError> {
  return trace(file, args, env ? { env } : {}).then(
    () => {
      throw new Error('it was executed')
    },
    (error) => error as PremainError,
  )
}

test('a file that is being written: by whom', async () => {
  const busy = join(folder, 'busy')
  copyFileSync('/bin/true', busy)
  chmodSync(busy, 0o755)
  const writer = openSync(busy, 'r+')
  const failure = await refusal(busy)
  closeSync(writer)
  expect([failure.code, failure.errno, failure.syscall]).toEqual(['EXEC_FAILED', 'ETXTBSY', 'execve'])
  expect(failure.message).toContain(`(${process.pid}) has it open for writing`)
  expect((failure.trace as Trace).outcome).toBe('exec-failed')
})

test('an argument, a variable, or all together too long', async () => {
  const [argument, variable, all] = [
    await refusal(tsgo.file, ['x', 'y'.repeat(200_000)]),
    await refusal(tsgo.file, [], { LONG: 'x'.repeat(131_072) }),
    await refusal(tsgo.file, Array<string>(80).fill('x'.repeat(100_000))),
  ]
  expect([argument, variable, all].map(({ errno }) => errno)).toEqual(['E2BIG', 'E2BIG', 'E2BIG'])
  expect(argument.message).toMatch(/argument 2 has 200001 bytes/)
  expect(variable.message).toMatch(/the variable LONG/)
  expect(all.message).toMatch(/arguments and environment take 8\d{6} bytes/)
})

testUnless(missingGo())(
  'a dynamic linker that may not be executed',
  async () => {
    const bytes = readFileSync(buildFixture('hello', { flags: ['-buildmode=pie'] }) as string)
    const at = bytes.indexOf('/lib64/ld-linux-x86-64.so.2')
    bytes.write('/etc/passwd\0', at)
    const file = join(folder, 'odd')
    writeFileSync(file, bytes, { mode: 0o755 })
    const failure = await refusal(file)
    expect([failure.code, failure.errno]).toEqual(['NOT_EXECUTABLE', 'EACCES'])
    expect(failure.message).toMatch(/its dynamic linker: \/etc\/passwd has no execute permission/)
  },
  300_000,
)

test('scripts: the chain is in the trace, and the program gets their arguments', async () => {
  const [inner, outer] = [join(folder, 'inner'), join(folder, 'outer')]
  writeFileSync(inner, `#!${tsgo.file} --version\n`, { mode: 0o755 })
  writeFileSync(outer, `#!${inner} of outer\n`, { mode: 0o755 })
  const seen = await trace(outer, ['last'])
  expect(seen.outcome).toBe('reached-main')
  expect(seen.execs).toEqual([
    { path: outer, interpreter: inner },
    { path: inner, interpreter: tsgo.file },
  ])
  expect(seen.steps[2]?.evidence.argv).toEqual([tsgo.file, '--version', inner, 'of outer', outer, 'last'])
})

const asNobody =
  (process.getuid?.() === 0 ? null : 'only root can make a program set-user-ID of root') ?? missingCommand('setpriv')
testUnless(asNobody)('a set-user-ID program runs without its privilege, and the trace says so', () => {
  const file = join(folder, 'suid')
  copyFileSync('/bin/true', file)
  chmodSync(file, 0o4755)
  chmodSync(folder, 0o755)
  const script =
    'const { trace } = require(process.argv[1]); trace(process.argv[2]).then((t) => console.log(JSON.stringify(t.notes)))'
  const dist = join(__dirname, '..', '..', 'dist')
  const [setpriv = '', ...words] = AS_NOBODY
  const { stdout, stderr } = spawnSync(setpriv, [...words, process.execPath, '-e', script, dist, file], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual([expect.stringMatching(/^set-user-ID of uid 0, but it ran as uid 65534/)])
})
