import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CheckResult, Measurement } from '../../lib/measure/types'
import { premain } from './fake'
import { inFolders, mockAsked, mockPrograms, mockStarts } from './mock-programs'

// biome-ignore lint/correctness/noUndeclaredVariables: one of Jest's globals.
jest.mock('../../lib/measure/programs', () => require('./mock-programs').mockPrograms)

const folder = inFolders()

describe('premain measure', () => {
  test('shows steps, packages and totals within the width', async () => {
    const { code, stdout, stderr } = await premain(['measure', '-n', '8', './fast', '-v', '--json'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^\.\/fast -v --json\n8 launches/)
    expect(stdout).toMatch(/^ 1 execve +\d+ µs.*\n 2 image\n 3 stack\n 5 entry +\d/m)
    expect(stdout).toMatch(/^net\/http +\d+ µs/m)
    expect(stdout).toMatch(/execve to main: 1\.\d+ ms wall/)
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(mockAsked[0]).toMatchObject({ file: './fast', args: ['-v', '--json'], options: { runs: 8 } })
  })

  test('names take no more room than the longest of both tables', async () => {
    const { stdout } = await premain(['measure', '-n', '8', './fast'], { env: { COLUMNS: '160' } })
    expect(stdout).toMatch(/^13 newproc {2,}\d/m)
    const ends = [...stdout.matchAll(/^ +wall(?= )/gm)].map(([head]) => head.length)
    expect(ends).toHaveLength(2)
    expect(new Set(ends).size).toBe(1)
    expect(ends[0]).toBeLessThan(30)
  })

  test('hands every option on', async () => {
    const flags =
      '-n 5 --warmup 1 --cold --clock cpu --until schedinit --no-inits --timeout 2s --allocs --env A=b --cwd /'
    await premain(['measure', ...flags.split(' '), './fast'], { env: { B: 'c' } })
    const wanted = { runs: 5, warmup: 1, cold: true, clock: 'cpu', until: 'schedinit', inits: false, timeout: 2000 }
    expect(mockAsked[0]!.options).toMatchObject({ ...wanted, allocs: true, env: { A: 'b', B: 'c' }, cwd: '/' })
  })

  test.each(['json', 'markdown', 'go-bench', 'benchmark-action', 'hyperfine'])('--format %s', async (format) => {
    const { code, stdout } = await premain(['measure', '-n', '6', '--format', format, './fast'])
    expect(code).toBe(0)
    if (format === 'json') expect((JSON.parse(stdout) as Measurement).counted.ok).toBe(6)
    if (format === 'markdown') expect(stdout).toMatch(/```mermaid[\s\S]*\| 2 `image` \| +\| +\| +\| +\|\n/)
    if (format === 'go-bench') expect(stdout).toContain('\nBenchmarkStartup/total-2\t')
    if (format === 'benchmark-action')
      expect(JSON.parse(stdout)).toContainEqual(expect.objectContaining({ unit: 'ns' }))
    if (format === 'hyperfine') expect(JSON.parse(stdout).results[0].times).toHaveLength(6)
  })

  test('counts launches on a terminal, and there alone', async () => {
    const { stderr } = await premain(['measure', '-n', '2', './fast'], { columns: 80 })
    expect(stderr).toContain('\r\u001b[K1/7 launches')
    expect(stderr.endsWith('\r\u001b[K')).toBe(true)
  })

  test('launches that all failed: the document, the reason, exit 4', async () => {
    const { code, stdout, stderr } = await premain(['measure', '-n', '3', '--json', './dead'])
    expect(code).toBe(4)
    expect(JSON.parse(stdout)).toMatchObject({ counted: { ok: 0, failed: 3 }, error: { code: 'EXITED_BEFORE_MAIN' } })
    expect(stderr).toContain('premain: all 3 launches failed: ./dead ended')
    const text = await premain(['measure', '-n', '3', './dead'])
    expect(text.stdout).toContain('0 launches, 3 failed')
    expect(text.stdout).not.toContain('execve to main')
  })

  test('a program that is not there: exit 3, and a document with the error', async () => {
    const { code, stdout, stderr } = await premain(['measure', '--json', './gone'])
    expect(code).toBe(3)
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'premain.measurement/1', error: { code: 'NOT_FOUND' } })
    expect(JSON.parse(stdout).steps).toHaveLength(17)
    expect(stderr).toBe('premain: ./gone does not exist\nhint: Check the spelling.\n')
  })

  test('a report that cannot be written is known before anything runs; else it is shown', async () => {
    const { code, stdout, stderr } = await premain(['measure', '-n', '2', '--json', '-o', '/dev/full', './fast'])
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ counted: { ok: 2 }, error: { code: 'INVALID_OPTION', errno: 'ENOSPC' } })
    expect(stderr.match(/cannot write/g)).toHaveLength(1)
    mockAsked.splice(0)
    const early = await premain(['measure', '--json', '-o', 'gone/report.json', './fast'])
    expect([early.code, JSON.parse(early.stdout).error.errno, mockAsked]).toEqual([2, 'ENOENT', []])
    expect(early.stderr.match(/cannot write/g)).toHaveLength(1)
  })

  test('secrets are kept out of all that is written', async () => {
    const env = { GITHUB_STEP_SUMMARY: join(folder.path, 'summary.md') }
    const flags = ['-n', '2', '--redact', 'S3CRET', '--github']
    const told = [
      await premain(['measure', ...flags, './fast', 'S3CRET'], { env }),
      await premain(['compare', ...flags, './fast', './slow', 'S3CRET'], { env }),
      await premain(['measure', ...flags, './S3CRET'], { env }),
      await premain(['check', ...flags, '-b', 'total.cpu=1ns', './fast', 'S3CRET'], { env }),
    ]
    const all = [
      ...told.flatMap(({ stdout, stderr }) => [stdout, stderr]),
      readFileSync(env.GITHUB_STEP_SUMMARY, 'utf8'),
    ]
    expect(all.join('')).not.toContain('S3CRET')
    expect(all.join('')).toContain('***')
  })

  test('interrupted: 130, with what was measured until then', async () => {
    const interrupted = { onListening: (interrupt: (signal: 'SIGINT') => void) => interrupt('SIGINT') }
    const { code, stderr } = await premain(['measure', './fast'], interrupted)
    expect(code).toBe(130)
    expect(stderr).toMatch(/^premain: interrupted by SIGINT\nhint: .*--until/)
    let launches = 0
    const later = {
      columns: 80,
      onListening: (interrupt: (signal: 'SIGINT') => void) => {
        const failing = () => {
          if (++launches === 6) interrupt('SIGINT')
          return false
        }
        mockStarts['./late'] = { failing }
      },
    }
    const { code: late, stdout } = await premain(['measure', '-n', '20', '--json', './late'], later)
    expect(late).toBe(130)
    expect(JSON.parse(stdout)).toMatchObject({ counted: { ok: 3 }, settings: { runs: 20 }, error: { code: 'ABORTED' } })
  })

  test.each([
    ['-n', 'many'],
    ['-n', '0'],
    ['--timeout', '5parsecs'],
    ['--clock', 'sun'],
    ['--format', 'xml'],
    ['--json', '--format=hyperfine'],
    ['--nonsense'],
  ])('measure %s %s is refused with 2', async (...flags) => {
    expect((await premain(['measure', ...flags, './fast'])).code).toBe(2)
  })
})

describe('premain check', () => {
  test('0 when kept, 1 when broken', async () => {
    const kept = await premain(['check', '-b', 'total.cpu=5ms', '-b', 'init:gone.cpu=1ms', './fast'])
    expect(kept.code).toBe(0)
    expect(kept.stdout).toMatch(/^✓ total\.cpu=5ms: median /m)
    expect(kept.stdout).toMatch(/passed\n$/)
    const broken = await premain(['check', '--budget', 'init:net/http.wall=1us', './fast'])
    expect(broken.code).toBe(1)
    expect(broken.stdout).toMatch(/^✗ init:net\/http\.wall=1us: median /m)
  })

  test('inconclusive is 0, with --strict 5', async () => {
    const { totals } = await mockPrograms.measure('./noisy', [], { runs: 20 })
    const args = ['-b', `total.wall=${Math.round(totals.wallNs.median!)}ns`, './noisy']
    expect((await premain(['check', ...args])).code).toBe(0)
    expect((await premain(['check', '--strict', ...args])).code).toBe(5)
  })

  test('an unknown step is 2, a dead program 4, nothing to check 2', async () => {
    expect((await premain(['check', '-b', 'step:init.cpu=1ms', './fast'])).code).toBe(2)
    expect((await premain(['check', '-b', 'total.cpu=1ms', './dead'])).code).toBe(4)
    const nothing = await premain(['check', './fast'])
    expect(nothing.code).toBe(2)
    expect(nothing.stderr).toContain('nothing to check')
    const failed = await premain(['check', '--json', '-b', 'total.cpu=1ms', './dead'])
    expect(JSON.parse(failed.stdout)).toMatchObject({
      schema: 'premain.check/1',
      error: { code: 'EXITED_BEFORE_MAIN' },
    })
  })

  test('premain.config.json, flags first', async () => {
    const budgets = { 'total.cpu': '1us', 'total.wall': '1s' }
    writeFileSync('premain.config.json', JSON.stringify({ budgets, runs: 7, strict: true, timeout: '3s' }))
    expect((await premain(['check', './fast'])).code).toBe(1)
    expect(mockAsked[0]!.options).toMatchObject({ runs: 7, timeout: 3000, budgets: ['total.cpu=1us', 'total.wall=1s'] })
    expect((await premain(['check', '-b', 'total.cpu=1s', '-n', '8', './fast'])).code).toBe(0)
    expect(mockAsked[1]!.options).toMatchObject({ runs: 8, budgets: ['total.cpu=1s', 'total.wall=1s'] })
    writeFileSync('other.json', JSON.stringify({ budgets: { 'total.cpu': '2s' } }))
    expect((await premain(['check', '--config', 'other.json', './fast'])).code).toBe(0)
    writeFileSync('premain.config.json', '{"budget":{}}')
    expect((await premain(['check', './fast'])).stderr).toContain('no such key: budget')
  })

  test('baselines are saved, updated and judged against', async () => {
    const flags = ['--baseline', 'b.json', '-b', 'total.wall=+10%']
    expect((await premain(['check', ...flags, './fast'])).code).toBe(2)
    expect((await premain(['check', ...flags, '--save-baseline', './fast'])).stdout).toContain('b.json now has 1 entry')
    expect((await premain(['check', ...flags, './fast'])).code).toBe(0)
    expect((await premain(['check', ...flags, './slow'])).code).toBe(1)
    expect((await premain(['check', ...flags, '--update-baseline', './fast'])).stdout).toContain(
      'b.json now has 2 entries',
    )
    expect((await premain(['check', ...flags, '--update-baseline', '--save-baseline', './fast'])).code).toBe(2)
  })

  test('--github appends a summary and annotates; junit is a format', async () => {
    const env = { GITHUB_STEP_SUMMARY: join(folder.path, 'summary.md'), GITHUB_WORKSPACE: '/src' }
    writeFileSync(env.GITHUB_STEP_SUMMARY, 'before\n')
    const args = ['check', '--github', '-b', 'init:net/http.wall=1us', './fast']
    const { stderr } = await premain(args, { env })
    expect(readFileSync(env.GITHUB_STEP_SUMMARY, 'utf8')).toMatch(/^before\n## ❌ premain check failed/)
    expect(stderr).toMatch(/^::error file=net\/http\/init\.go,line=12,/)
    const junit = await premain(['check', '--format', 'junit', '-b', 'total.cpu=1s', './fast'])
    expect(junit.stdout).toContain('<testsuites tests="1" failures="0"')
    const json = await premain(['check', '--json', '-b', 'total.cpu=1s', './fast'])
    expect((JSON.parse(json.stdout) as CheckResult).outcome).toBe('pass')
  })

  test('launches that all failed: told to all who read, exit 4', async () => {
    const env = { GITHUB_STEP_SUMMARY: join(folder.path, 'summary.md') }
    const args = ['check', '--github', '-b', 'total.cpu=1s', './dead']
    const { code, stdout, stderr } = await premain([...args.slice(0, 2), '--format', 'junit', ...args.slice(2)], {
      env,
    })
    expect(code).toBe(4)
    expect(stdout).toContain('<testsuites tests="1" failures="0" errors="1" skipped="0">')
    expect(stdout).toContain('<error message="all 20 launches failed')
    expect(stderr).toMatch(/^::error title=premain::all 20 launches failed/)
    const text = await premain(args, { env })
    expect([text.code, text.stdout]).toEqual([4, ''])
    expect(text.stderr).toMatch(/^::error title=premain::all 20 launches failed/)
    const summary = '## ❌ premain check failed\n\n❌ all 20 launches failed'
    expect(readFileSync(env.GITHUB_STEP_SUMMARY, 'utf8').split(summary)).toHaveLength(3)
  })

  test('a launch that failed is within no budget', async () => {
    const few = await premain(['check', '--strict', '-n', '40', '-b', 'total.cpu=5ms', './rarely'])
    expect(few.code).toBe(0)
    expect(few.stdout).toMatch(/✓ total\.cpu=5ms: .*\d\s+of\s+the\s+launches\s+failed,\s+and\s+count\s+as\s+longer/s)
    const all = ['-b', 'total.cpu=5ms', '-b', 'total.minorFaults=500', './mostly']
    expect((await premain(['check', '--strict', ...all])).code).toBe(1)
  })
})
