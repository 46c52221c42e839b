import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Comparison } from '../../lib/measure/types'
import { until } from '../support/leaks'
import { premain } from './fake'
import { inFolders, mockAsked } from './mock-programs'

// biome-ignore lint/correctness/noUndeclaredVariables: one of Jest's globals.
jest.mock('../../lib/measure/programs', () => require('./mock-programs').mockPrograms)

const folder = inFolders()

describe('premain compare', () => {
  test('two programs in turns, under a seed', async () => {
    const args = ['compare', '-n', '12', '--seed', '5', './fast', './slow', 'x']
    const { code, stdout } = await premain(args)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^total, wall +1\.\d+ ms +1\.\d+ ms .* \+(29|30|31)\.\d % +slower$/m)
    expect(stdout).toContain('slower: total, wall time: shifted by +')
    expect((await premain(args)).stdout).toBe(stdout)
    expect(mockAsked[0]).toMatchObject({ args: ['x'], options: { seed: 5, runs: 12 } })
  })

  test('--fail-on slower exits with 1 when it is', async () => {
    expect((await premain(['compare', '--fail-on', 'slower', './fast', './slow'])).code).toBe(1)
    expect((await premain(['compare', '--fail-on', 'slower', './slow', './fast'])).code).toBe(0)
    expect((await premain(['compare', '--fail-on', 'slower', './fast', './flaky'])).code).toBe(1)
    expect((await premain(['compare', './fast', './flaky'])).code).toBe(0)
  })

  test('--strict exits with 5 when nothing can be concluded', async () => {
    expect((await premain(['compare', '-n', '6', '--strict', './noisy', './noisy'])).code).toBe(5)
    expect((await premain(['compare', '-n', '6', './noisy', './noisy'])).code).toBe(0)
  })

  test('two saved measurements', async () => {
    await premain(['measure', '--json', '-o', 'a.json', './fast'])
    await premain(['measure', '--json', '-o', 'b.json', './slow'])
    const { code, stdout } = await premain(['compare', '--json', 'a.json', 'b.json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'slower', settings: { seed: null } } satisfies
      | Partial<Comparison>
      | object)
    expect((await premain(['compare', '--min-effect', '50%', 'a.json', 'b.json'])).stdout).toContain('same: ')
    expect((await premain(['compare', 'a.json', './slow'])).code).toBe(2)
    expect((await premain(['compare', 'a.json', 'b.json', 'x'])).code).toBe(2)
    writeFileSync('c.json', '{}')
    expect((await premain(['compare', 'a.json', 'c.json'])).stderr).toContain(
      'c.json is not a document of premain.measurement/1: its schema is missing',
    )
  })

  test.each([
    [['compare']],
    [['compare', './fast']],
    [['compare', '--git', 'a..b', 'x']],
    [['compare', '--alpha', 'x', './fast', './slow']],
  ])('%j is refused with 2', async (args) => expect((await premain(args)).code).toBe(2))

  test('a program that is not there: a document with the error', async () => {
    const { code, stdout } = await premain(['compare', '--json', './fast', './gone'])
    expect(code).toBe(3)
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'premain.comparison/1',
      verdict: 'inconclusive',
      error: { code: 'NOT_FOUND' },
    })
  })

  test.each([
    ['./fast', './dead'],
    ['./dead', './fast'],
  ])('%s %s: a side that never came to main is told, exit 4', async (...sides) => {
    const env = { GITHUB_STEP_SUMMARY: join(folder.path, 'summary.md') }
    const { code, stdout, stderr } = await premain(['compare', '-n', '6', '--json', '--github', ...sides], { env })
    const message = './dead: all 6 launches failed: ./dead ended'
    expect([code, JSON.parse(stdout).error.code]).toEqual([4, 'EXITED_BEFORE_MAIN'])
    expect(JSON.parse(stdout).error.message).toContain(message)
    expect(stderr).toContain(`::error title=premain::${message}`)
    expect(stderr).toContain(`premain: ${message}`)
    expect(readFileSync(env.GITHUB_STEP_SUMMARY, 'utf8')).toContain(`❌ ${message}`)
  })

  const leftBuilds = () => readdirSync(tmpdir()).filter((name) => name.startsWith('premain-compare-'))

  describe('--git', () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { stdio: 'pipe' })
    beforeEach(() => {
      git('init', '-q')
      for (const scale of ['1', '1.5']) {
        writeFileSync('scale', scale)
        git('add', 'scale')
        git('commit', '-qm', scale)
      }
    })

    test('builds both revisions in worktrees, compares, and leaves nothing', async () => {
      const built = ['--git', 'HEAD~1..', '--build', 'cp scale {}']
      const { code, stdout } = await premain(['compare', '-n', '10', ...built, '--fail-on', 'slower', '--json'])
      const [before, after] = ['HEAD~1', 'HEAD'].map((name) => ({
        revision: { name, commit: git('rev-parse', name).toString().trim() },
      }))
      expect(JSON.parse(stdout)).toMatchObject({ verdict: 'slower', before, after })
      expect(code).toBe(1)
      expect(git('worktree', 'list').toString().trim().split('\n')).toHaveLength(1)
      expect(leftBuilds()).toEqual([])
    })

    test('names the revisions, not the places of their builds', async () => {
      const { stdout } = await premain(['compare', '-n', '3', '--git=HEAD~1..HEAD', '--build', 'cp scale {}', 'serve'])
      expect(stdout).toMatch(/^before HEAD~1 \([0-9a-f]{10}\) serve\nafter {2}HEAD \([0-9a-f]{10}\) serve\n/)
      expect(stdout).not.toContain(tmpdir())
    })

    test('an interrupt ends the build and all that it started, and leaves nothing', async () => {
      const started = join(folder.path, 'started')
      // A grandchild, in the background of the build's shell.
      const build = `sleep 60 & echo $! > ${started}; touch {}; wait`
      const interrupted = {
        onListening: (interrupt: (signal: 'SIGINT') => void) =>
          void until(() => existsSync(started) && readFileSync(started, 'utf8') !== '', Boolean).then(() =>
            interrupt('SIGINT'),
          ),
      }
      const { code, stdout } = await premain(['compare', '--json', '--git=HEAD~1..HEAD', '--build', build], interrupted)
      expect([code, JSON.parse(stdout).error.code]).toEqual([130, 'ABORTED'])
      expect(git('worktree', 'list').toString().trim().split('\n')).toHaveLength(1)
      expect(leftBuilds()).toEqual([])
      const running = () => existsSync(`/proc/${readFileSync(started, 'utf8').trim()}`)
      expect(await until(running, (is) => !is)).toBe(false)
    })

    test('within a hook of git’s, each revision is what it is', async () => {
      const index = join(folder.path, '.git', 'index')
      const before = readFileSync(index)
      Object.assign(process.env, { GIT_DIR: join(folder.path, '.git'), GIT_INDEX_FILE: index, GIT_PREFIX: '' })
      try {
        const build = 'test "$(git rev-parse HEAD:scale)" = "$(git hash-object scale)" && cp scale {}'
        const flags = ['compare', '-n', '10', '--json', '--git=HEAD~1..HEAD', '--build', build]
        const comparison = JSON.parse((await premain(flags)).stdout) as Comparison
        expect(comparison.verdict).toBe('slower')
        expect(comparison.before.revision?.commit).not.toBe(comparison.after.revision?.commit)
        expect(readFileSync(index)).toEqual(before)
      } finally {
        for (const name of ['GIT_DIR', 'GIT_INDEX_FILE', 'GIT_PREFIX']) delete process.env[name]
      }
    })

    test('any name that git has for a revision', async () => {
      git('tag', '-m', 'annotated', 'v1', 'HEAD~1')
      const commit = git('rev-parse', 'HEAD~1').toString().trim()
      for (const [before, after] of [
        ['v1', ':/^1.5'],
        [commit.slice(0, 8), ''],
      ]) {
        const flags = ['compare', '-n', '1', '--json', `--git=${before}..${after}`, '--build', 'cp scale {}']
        const comparison = JSON.parse((await premain(flags)).stdout) as Comparison
        expect(comparison.before.revision).toEqual({ name: before, commit })
        expect(comparison.after.revision?.commit).toBe(git('rev-parse', 'HEAD').toString().trim())
      }
    })

    test.each([
      ['HEAD~1..HEAD', 'false # {}', 'the build of HEAD~1 failed with exit code 1'],
      ['nope..HEAD', 'cp scale {}', 'git knows no revision nope'],
      ['HEAD', 'cp scale {}', 'not a range of revisions'],
      ['HEAD~1...HEAD', 'cp scale {}', 'not a range of revisions'],
      ['--help..HEAD', 'cp scale {}', 'not a range of revisions'],
      ['HEAD~1..--help', 'cp scale {}', 'not a range of revisions'],
      ['HEAD~1..HEAD', 'make', '--build has no {}'],
      ['HEAD~1..HEAD', 'true {}', 'the build of HEAD~1 made no program'],
    ])('%s %s: %s', async (range, build, message) => {
      const { code, stderr } = await premain(['compare', `--git=${range}`, '--build', build])
      expect(code).toBe(2)
      expect(stderr).toContain(message)
      expect(git('worktree', 'list').toString().trim().split('\n')).toHaveLength(1)
    })
  })
})
