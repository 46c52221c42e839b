import { PremainError } from '../../lib/errors'
import type { Trace } from '../../lib/trace/types'
import { premain } from './fake'
import { fixtureTrace } from './fixture'

describe('options stand before the program', () => {
  test('what follows the program belongs to it, untouched', async () => {
    const { traced, stdout } = await premain(['./hello', '--json', '-o', 'x', '--', '--help', '-V'])
    expect(traced).toMatchObject([{ file: './hello', args: ['--json', '-o', 'x', '--', '--help', '-V'] }])
    expect(stdout).toContain('reached main.main')
  })

  test('trace is the command that a program without one gets', async () => {
    const [implied, named] = [
      await premain(['--no-inits', './hello', 'a']),
      await premain(['trace', '--no-inits', './hello', 'a']),
    ]
    expect(implied.traced[0]).toMatchObject({ file: './hello', args: ['a'], options: { inits: false } })
    expect(named.traced[0]).toMatchObject({ file: './hello', args: ['a'], options: { inits: false } })
  })

  test('-- ends the options', async () => {
    expect((await premain(['--', '-strange', '-x'])).traced[0]).toMatchObject({ file: '-strange', args: ['-x'] })
  })

  test('every option reaches the library', async () => {
    const { traced } = await premain(
      [
        ...[
          '--until',
          'schedinit',
          '--stop',
          'net.Dial',
          '--stop',
          '/^net\\/http\\.init/',
          '--syscalls',
          '--backtraces',
        ],
        ...['--env', 'A=1=2', '--env', 'B=', '--cwd', '/tmp', '--timeout', '1.5s', 'hello'],
      ],
      { env: { A: '0', C: 'kept' } },
    )
    expect(traced[0]!.options).toMatchObject({
      until: 'schedinit',
      stops: ['net.Dial', /^net\/http\.init/u],
      syscalls: true,
      backtraces: true,
      inits: true,
      run: false,
      env: { A: '1=2', B: '', C: 'kept' },
      cwd: '/tmp',
      timeout: 1500,
      stdio: ['inherit', 2, 'pipe'],
    })
  })

  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['250', 250],
  ])('--timeout %s is %d ms', async (text, timeout) => {
    expect((await premain(['--timeout', text, 'hello'])).traced[0]!.options.timeout).toBe(timeout)
  })

  test('a program named like a command is told how to be traced', async () => {
    expect((await premain(['trace', 'trace'])).traced[0]).toMatchObject({ file: 'trace' })
    const misplaced = await premain(['--no-inits', 'trace', './hello'])
    expect(misplaced).toMatchObject({ code: 2, traced: [] })
    expect(misplaced.stderr).toContain('premain trace [options] trace')
  })
})

describe('usage errors end with 2 and a hint', () => {
  test.each([
    [['--jsn', 'hello'], "unknown option '--jsn'", 'Did you mean --json?'],
    [['--timeout', 'soon', 'hello'], 'soon', 'number and a unit'],
    [['--env', 'NOVALUE', 'hello'], 'NOVALUE', 'NAME=VALUE'],
    [['--env', '=secret', 'hello'], 'premain: an argument of --env has no name\n', 'NAME=VALUE'],
    [['--format', 'yaml', 'hello'], 'yaml', 'text, json, jsonl'],
    [['--redact', '(', 'hello'], '(', 'hint'],
    [['--json', '--format', 'text', 'hello'], 'contradict', 'one of them'],
    [['trace'], "missing required argument 'program'", '--help'],
    [['--run', '--json', 'hello'], 'wants -o FILE', '-o FILE'],
    [['--run', '-o', '-', 'hello'], 'the program’s own', '-o FILE'],
    [['help', 'nothing'], 'no command "nothing"', 'trace'],
  ])('%j', async (args, message, hint) => {
    const { code, stderr, traced } = await premain(args)
    expect({ code, traced }).toEqual({ code: 2, traced: [] })
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
  })

  test('no words at all: the usage, on standard error', async () => {
    expect(await premain([])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage: premain') })
  })

  test.each([
    [['--json', '--bogus', 'hello']],
    [['--bogus', '--json', 'hello']],
    [['--timeout', 'soon', '--json', 'hello']],
    [['--format=json', '--run', 'hello']],
    [['--json', 'trace', 'hello']],
  ])('--json has its document then too: %j', async (args) => {
    const { code, stdout } = await premain(args)
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'premain.trace/1', error: { code: 'INVALID_OPTION' } })
  })

  test('a --json of the program is none of premain’s', async () => {
    expect((await premain(['--bogus', 'hello', '--json'])).stdout).toBe('')
  })
})

describe('help and version', () => {
  test.each([[['--help']], [['-h']], [['help']]])('%j', async (args) => {
    const { code, stdout, stderr } = await premain(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Usage: premain [options] <program> [args...]')
    expect(stdout).toContain('Commands:\n  trace')
  })

  test('help of a command', async () => {
    expect((await premain(['help', 'trace'])).stdout).toContain('Usage: premain trace')
  })

  test('descriptions go on below themselves in a narrow terminal', async () => {
    const { stdout } = await premain(['help', 'trace'], { columns: 60 })
    expect(stdout.split('\n').filter((line) => line.length > 60)).toEqual([])
    expect(stdout).toMatch(/^ {2}--run {2,}let the program run .*\n {20,}\S/m)
  })

  test('--version', async () => {
    const { version } = require('../../package.json') as { version: string }
    expect(await premain(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` })
  })
})

describe('stdout is data, stderr is talk', () => {
  test('the report is all that standard output has', async () => {
    const trace = () => fixtureTrace({ output: { stdout: 'hello\n', stderr: 'warning\n' } })
    const { stdout, stderr } = await premain(['--json', 'hello'], { trace })
    expect(JSON.parse(stdout)).toMatchObject({ ...trace(), steps: expect.anything() })
    expect(stderr).toBe('hello\nwarning\n')
  })

  test('with --run the program has the streams, and the report goes to standard error', async () => {
    const { stdout, stderr, traced } = await premain(['--run', 'hello'])
    expect(traced[0]!.options).toMatchObject({ run: true, stdio: ['inherit', 'inherit', 'inherit'] })
    expect(stdout).toBe('')
    expect(stderr).toContain('reached main.main')
  })

  test('on a terminal the target finds the terminal', async () => {
    const { traced } = await premain(['hello'], { columns: 80 })
    expect(traced[0]!.options.stdio).toEqual(['inherit', 2, 'inherit'])
  })

  test('jsonl: one record a line', async () => {
    const { stdout } = await premain(['--format', 'jsonl', 'hello'])
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string })
    expect(records[0]).toMatchObject({ type: 'trace', schema: 'premain.trace/1' })
    expect(records.filter(({ type }) => type === 'step')).toHaveLength(17)
  })
})

describe('colours', () => {
  const ESCAPE = '\u001b['
  test.each([
    ['a pipe', {}, false],
    ['a terminal', { columns: 80 }, true],
    ['NO_COLOR', { columns: 80, env: { NO_COLOR: '1' } }, false],
    ['FORCE_COLOR', { env: { FORCE_COLOR: '1' } }, true],
    ['FORCE_COLOR=0', { columns: 80, env: { FORCE_COLOR: '0' } }, false],
    ['a dumb terminal', { columns: 80, env: { TERM: 'dumb' } }, false],
  ])('%s', async (_, fake, colored) => {
    expect((await premain(['hello'], fake)).stdout.includes(ESCAPE)).toBe(colored)
  })

  test('the width is the terminal’s', async () => {
    const { stdout } = await premain(['hello'], { columns: 60, env: { NO_COLOR: '1' } })
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60)
  })
})

describe('secrets', () => {
  const error = new PremainError('EXITED_BEFORE_MAIN', 'it died of s3cret')
  const trace = () => {
    const made = fixtureTrace()
    made.target.argv.push('--password=s3cret')
    return made
  }

  test.each(['text', 'json', 'jsonl'])('--redact replaces matches in %s', async (format) => {
    const { stdout } = await premain(['--format', format, '--redact', 's\\d\\w+', 'hello'], { trace })
    expect(stdout).toContain('--password=***')
    expect(stdout).not.toContain('s3cret')
  })

  test('and in what premain says of a failure', async () => {
    const fails = () => {
      throw Object.assign(error, { trace: trace() })
    }
    const { stdout, stderr } = await premain(['--json', '--redact', 's3cret', 'hello'], { trace: fails })
    expect(`${stdout}${stderr}`).not.toContain('s3cret')
    expect(stderr).toContain('it died of ***')
  })

  test('the environment is names, unless its values are asked for', async () => {
    const env = { TOKEN: 'hunter2', HOME: '/x' }
    const stack = async (...options: string[]) => {
      const { stdout } = await premain(['--json', ...options, '--env', 'HOME=/y', 'hello'], { env })
      if (!options.includes('--env-values') || options.includes('--redact')) expect(stdout).not.toContain('hunter2')
      return (JSON.parse(stdout) as Trace).steps[2]!.evidence.env
    }
    expect(await stack()).toEqual(['TOKEN', 'HOME'])
    expect(await stack('--env-values')).toEqual(['TOKEN=hunter2', 'HOME=/y'])
    expect(await stack('--env-values', '--redact', 'hunter2')).toEqual(['TOKEN=***', 'HOME=/y'])
    expect((await premain(['--env-values', 'hello'], { env })).stdout).toContain('  TOKEN=hunter2\n')
  })

  test('a trace’s own vocabulary stays, whatever matches', async () => {
    const { stdout } = await premain(['--json', '--redact', 'main|observed|premain', 'hello'], { trace })
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'premain.trace/1', outcome: 'reached-main' })
    expect(JSON.parse(stdout).steps[0]).toMatchObject({ id: 'execve', status: 'observed' })
    expect(JSON.parse(stdout).steps[16].symbol).toBe('***.***')
  })
})
