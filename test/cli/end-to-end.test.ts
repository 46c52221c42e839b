/** The command as a process of its own, on real programs. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Trace } from '../../lib/trace/types'
import { tsgo } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'
import { until } from '../support/leaks'
import { schemaFaults } from '../support/schema'
import { testUnless } from '../support/skip'

const root = join(__dirname, '..', '..')
const bin = join(root, 'dist', 'cli', 'bin.js')
const testGo = testUnless(missingGo())

let folder: string

beforeAll(() => {
  const build = `import { buildDist } from '${join(root, 'scripts', 'support', 'dist.mjs')}'; buildDist()`
  execFileSync(process.execPath, ['--input-type=module', '-e', build], { stdio: 'pipe' })
  folder = mkdtempSync(join(tmpdir(), 'premain-cli-'))
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function premain(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', timeout: 20_000 })
  return { status, stdout, stderr, document: () => JSON.parse(stdout) as Trace }
}

describe('a real program', () => {
  test('is traced to main.main, and its main does not run', () => {
    const { status, stdout, stderr } = premain(tsgo.file, '--version')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain('reached main.main')
    expect(stdout).not.toContain('Version')
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  test('--json', () => {
    const { status, document } = premain('--json', tsgo.file, '--version')
    expect(status).toBe(0)
    const { outcome, steps, error } = document()
    expect(schemaFaults(document())).toEqual([])
    expect({ outcome, error }).toEqual({ outcome: 'reached-main', error: null })
    expect(steps.map(({ status }) => status).filter((status) => status === 'missed')).toEqual([])
    expect(steps[16]).toMatchObject({ id: 'main', status: 'observed', symbol: 'main.main' })
  })

  test('--run: the program has standard output, the report goes to a file', () => {
    const file = join(folder, 'run.json')
    const { status, stdout } = premain('--run', '--json', '-o', file, tsgo.file, '--version')
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^Version \d/) })
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ outcome: 'reached-main', exit: { code: 0 } })
  })

  test('--run without -o: the report goes to standard error', () => {
    const { stdout, stderr } = premain('--run', tsgo.file, '--version')
    expect(stdout).toMatch(/^Version [^\n]*\n$/)
    expect(stderr).toContain('reached main.main')
  })

  test('inspect', () => {
    const { status, stdout } = premain('inspect', '--json', tsgo.file)
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'premain.image/1', go: { module: expect.any(String) } })
  })

  test('a reader that goes away is no error', () => {
    const line = `node ${bin} --json ${tsgo.file} --version | head -c 10; echo; echo "\${PIPESTATUS[0]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8', cwd: root })
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('0')
    expect(stderr).toBe('')
  })

  test('where a report cannot be written, it is shown, and why', () => {
    const { status, stderr, document } = premain('--json', '-o', '/dev/full', tsgo.file, '--version')
    expect(status).toBe(2)
    expect(stderr.match(/cannot write \/dev\/full: ENOSPC/g)).toHaveLength(1)
    expect(document()).toMatchObject({ outcome: 'reached-main', error: { code: 'INVALID_OPTION', errno: 'ENOSPC' } })
  })

  testGo('Ctrl-C ends a single step in which the program hangs', async () => {
    const words = [process.execPath, bin, 'step', buildFixture('stuck') as string].map((word) => `'${word}'`).join(' ')
    const terminal = spawn('script', ['-qec', words, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
    let shown = ''
    terminal.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString()
    })
    try {
      await until(() => shown.includes('> '), Boolean)
      terminal.stdin.write('c\n')
      await until(() => shown.includes('main.init.0'), Boolean)
      terminal.stdin.write('\x03')
      expect(
        await until(
          () => terminal.exitCode,
          (code) => code !== null,
        ),
      ).toBe(130)
    } finally {
      terminal.kill('SIGKILL')
    }
  })
})

test('a trace keeps the code that V8 made for the next command; nothing else does, and nothing depends on it', () => {
  const env = { ...process.env, XDG_CACHE_HOME: mkdtempSync(join(folder, 'cache-')), NODE_DISABLE_COMPILE_CACHE: '' }
  const home = join(env.XDG_CACHE_HOME, 'premain')
  const run = (...args: string[]) => spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', env })
  const traced = { status: 0, stderr: '', stdout: expect.stringContaining('reached-main') }
  const files = () => readdirSync(home).map((name) => ({ name, inode: statSync(join(home, name)).ino }))

  for (const args of [['--version'], ['--json', join(folder, 'none')], ['inspect', tsgo.file]]) run(...args)
  expect(existsSync(home)).toBe(false)
  expect(run('--json', tsgo.file, '--version')).toMatchObject(traced)
  const before = files()
  expect(before).not.toEqual([])
  expect(run('--json', tsgo.file, '--version')).toMatchObject(traced)
  expect(files()).toEqual(before)
  expect(run(tsgo.file, '--version').stdout).toContain('reached main.main')
  expect(files().length).toBeGreaterThan(before.length)
  for (const { name } of before) truncateSync(join(home, name), 20_000)
  expect(run('--json', tsgo.file, '--version')).toMatchObject(traced)
  expect(files()).not.toEqual(expect.arrayContaining(before))
})

/** What lies there is read anew each time. */
const TMPFS = 0x01021994

/** What two traces of a program have in common, wherever it was loaded. */
function constant({ target, steps, stops, inits }: Trace): unknown {
  const entry = steps[4]?.evidence as { disassembly: string[] }
  const main = steps[16]?.evidence as { prologue: string[]; call: string }
  // addresses may differ, and what refers to them
  const words = (lines: string[]) => lines.map((line) => line.replace(/0x[0-9a-f]{5,}/g, ''))
  return {
    target,
    steps: steps.map(({ id, status, reason, symbol }) => [id, status, reason, symbol]),
    stops: stops.filter(({ kind }) => kind === 'breakpoint').map(({ name, file, line }) => [name, file, line]),
    inits: inits.map(({ task, package: of, function: name, file, line }) => [task, of, name, file, line]),
    entry: { ...entry, disassembly: words(entry.disassembly) },
    main: { ...main, threads: null, returnAddress: null, prologue: words(main.prologue), call: words([main.call]) },
  }
}

test.each([
  ['at its own addresses', []],
  ['anywhere', ['-buildmode=pie']],
])('what was kept of a program that is loaded %s says what its file says', async (_, flags) => {
  const program = buildFixture('inits', { flags: [...flags, '-ldflags=-s -w'] }) ?? tsgo.file
  // before that a file is not kept
  await until(
    () => Date.now() - statSync(program).ctimeMs,
    (ms) => ms > 4000,
  )
  const env = { ...process.env, XDG_CACHE_HOME: mkdtempSync(join(folder, 'cache-')), NODE_DISABLE_COMPILE_CACHE: '' }
  const home = join(env.XDG_CACHE_HOME, 'premain')
  const kept = () => readdirSync(home).filter((name) => name.startsWith('program-'))
  const run = (more = {}): Trace => {
    const options = { encoding: 'utf8', env: { ...env, ...more } } as const
    return JSON.parse(spawnSync(process.execPath, [bin, '--json', program], options).stdout)
  }
  const [truth, first] = [run({ NODE_DISABLE_COMPILE_CACHE: '1' }), run()]
  const inodes = () => kept().map((name) => statSync(join(home, name)).ino)
  const before = inodes()
  const second = run()
  expect(before).toHaveLength(statfsSync(program).type === TMPFS ? 0 : 1)
  expect(inodes()).toEqual(before)
  for (const trace of [truth, first, second]) {
    expect(constant(trace)).toEqual(constant(truth))
    const [entry, main] = [trace.steps[4]!, trace.steps[16]!]
    expect((entry.evidence as { disassembly: string[] }).disassembly[0]).toMatch(RegExp(`^${entry.address} `))
    const { call, returnAddress } = main.evidence as { call: string; returnAddress: string }
    expect(Number(returnAddress) - Number(call.split(' ')[0])).toBeGreaterThan(0)
    expect(Number(returnAddress) - Number(call.split(' ')[0])).toBeLessThan(16)
  }
})

describe('what cannot be traced', () => {
  const file = (name: string, contents: string | Buffer, mode: number): string => {
    const path = join(folder, name)
    writeFileSync(path, contents)
    chmodSync(path, mode)
    return path
  }

  test.each([
    ['no such file', () => join(folder, 'none'), 'NOT_FOUND', 127],
    ['no such command', () => 'premain-no-such-command', 'NOT_FOUND', 127],
    ['a directory', () => folder, 'NOT_EXECUTABLE', 126],
    [
      'no execute permission',
      () => file('plain', readFileSync(tsgo.file).subarray(0, 4096), 0o644),
      'NOT_EXECUTABLE',
      126,
    ],
    ['a text file', () => file('text', 'hello\n', 0o755), 'NOT_ELF', 126],
    ['a truncated program', () => file('short', readFileSync(tsgo.file).subarray(0, 40), 0o755), 'MALFORMED_ELF', 125],
    [
      'a script without its interpreter',
      () => file('script', '#!/no/such/interpreter\n', 0o755),
      'INTERPRETER_MISSING',
      127,
    ],
  ])('%s', (_, path, code, run) => {
    const { status, stderr, document } = premain('--json', path())
    expect({ status, error: document().error }).toMatchObject({ status: 3, error: { code, hint: expect.any(String) } })
    expect(schemaFaults(document())).toEqual([])
    expect(stderr).toMatch(/^premain: .+\nhint: .+\n$/)
    expect(premain('--run', path()).status).toBe(run)
  })
})

test('premain step: from stop to stop, and the program is ended', () => {
  const { status, stdout } = spawnSync(process.execPath, [bin, 'step', '--no-inits', tsgo.file, '--version'], {
    encoding: 'utf8',
    input: '\nr rip\nc\n',
    timeout: 20_000,
  })
  expect(status).toBe(0)
  const [, entry] = stdout.match(/^ {2}1 {2}_rt0_amd64_linux {2}(0x[0-9a-f]+)/m)!
  expect(stdout).toContain(`rip  ${entry}`)
  expect(stdout).toMatch(/^ *\d+ {2}main\.main {2}/m)
  expect(stdout).not.toContain('Version')
})

describe('how a Go program may end', () => {
  const fixture = (name: string): string => buildFixture(name) as string

  testGo('a panic in an init: 4, and the panic is shown', () => {
    const { status, stdout, stderr, document } = premain('--json', fixture('panic'))
    expect(status).toBe(4)
    expect(document()).toMatchObject({ outcome: 'exited', exit: { code: 2 }, error: { code: 'EXITED_BEFORE_MAIN' } })
    expect(stdout).toContain('panic')
    expect(stderr.match(/panic: /g)).toHaveLength(1)
    expect(premain('--run', fixture('panic')).status).toBe(2)
  })

  testGo('a program that stays in an init: 124 with --timeout, and it is gone', async () => {
    const { status, document } = premain('--json', '--timeout', '300ms', fixture('stuck'))
    expect({ status, ...document() }).toMatchObject({ status: 124, outcome: 'timeout', error: { code: 'TIMEOUT' } })
    expect(
      await until(
        () => existsSync(`/proc/${document().pid}`),
        (there) => !there,
      ),
    ).toBe(false)
  })

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    testGo(`${signal}: ${code}, and the program is gone`, async () => {
      const child = spawn(process.execPath, [bin, '--json', fixture('stuck')], { stdio: ['ignore', 'pipe', 'ignore'] })
      let stdout = ''
      child.stdout.on('data', (chunk: Buffer) => {
        stdout += chunk
      })
      expect(
        await until(
          () => childrenOf(child.pid!),
          (pids) => pids.length > 0,
        ),
      ).not.toEqual([])
      child.kill(signal)
      const status = await new Promise((resolve) => child.on('close', resolve))
      const document = JSON.parse(stdout) as Trace
      expect({ status, document }).toMatchObject({
        status: code,
        document: { outcome: 'aborted', error: { code: 'ABORTED' } },
      })
      expect(existsSync(`/proc/${document.pid}`)).toBe(false)
    })
  }
})

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
      readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}
