/** The GitHub action: its inputs become a command line of premain. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CHECK_FORMATS, COMPARISON_FORMATS } from '../../lib/export/measured/formats'
import { tsgo } from '../support/corpus'

const root = join(__dirname, '..', '..')
const { version: VERSION } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const action = readFileSync(join(root, 'action.yml'), 'utf8')

let folder: string
let premain: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-action-'))
  premain = join(folder, 'premain')
  writeFileSync(premain, `#!/bin/sh\nfor word; do printf '%s\\n' "$word"; done\nexit 5\n`)
  chmodSync(premain, 0o755)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(inputs: Record<string, string>): { words: string[]; status: number | null } {
  const env = { PATH: process.env.PATH, PREMAIN: premain, ...inputs }
  const { stdout, status } = spawnSync('bash', [join(root, 'scripts', 'action.sh')], { env, encoding: 'utf8' })
  return { words: stdout.split('\n').slice(0, -1), status }
}

test('check: budgets and arguments are lines, none of them is evaluated, and the exit code is premain’s', () => {
  const inputs = {
    COMMAND: 'check',
    PROGRAM: './my server',
    ARGS: '-v\n$(exit 1)\n',
    BUDGETS: 'total.cpu=20ms\n\ninit:net/http.cpu=1ms\n',
    UPDATE_BASELINE: 'true',
    BASELINE: 'base.json',
    STRICT: 'false',
    RUNS: '50',
    GIT_RANGE: 'not for check',
  }
  expect(run(inputs)).toEqual({
    status: 5,
    words: [
      ...['check', '--github', '--runs', '50', '--budget', 'total.cpu=20ms', '--budget', 'init:net/http.cpu=1ms'],
      ...['--baseline', 'base.json', '--update-baseline', '--', './my server', '-v', '$(exit 1)'],
    ],
  })
})

test('compare: two revisions', () => {
  const inputs = { COMMAND: 'compare', GIT_RANGE: 'origin/main..HEAD', BUILD: 'go build -o {} .', FAIL_ON: 'slower' }
  expect(run(inputs).words).toEqual([
    ...['compare', '--github', '--git', 'origin/main..HEAD', '--build', 'go build -o {} .'],
    ...['--fail-on', 'slower', '--'],
  ])
})

test('compare: two programs, with a report', () => {
  const inputs = {
    COMMAND: 'compare',
    BEFORE: './a',
    PROGRAM: './b',
    FAIL_ON: 'none',
    REPORT: 'out.json',
    STRICT: 'true',
  }
  const words = ['compare', '--github', '--strict', '--json', '--output', 'out.json', '--', './a', './b']
  expect(run(inputs).words).toEqual(words)
  for (const formats of [CHECK_FORMATS, COMPARISON_FORMATS]) expect(formats).toHaveProperty('json')
})

test('another command is refused', () => {
  expect(run({ COMMAND: 'measure' })).toEqual({
    status: 2,
    words: ['::error::command is check or compare, not measure'],
  })
})

/** The script of a step, as the runner has it: expressions of the action stand in `env` only. */
function scriptOf(step: string): string {
  const text = action.slice(action.indexOf(`- name: ${step}`))
  const [, block, line] = /\n {6}run: (?:\|\n((?: {8}.*\n)+)|(.+)\n)/.exec(text) as RegExpExecArray
  const script = block?.replace(/^ {8}/gm, '') ?? (line as string)
  expect(script).not.toContain('${{')
  return script
}

/** As GitHub's runner runs `shell: bash`. */
function runStep(step: string, env: Record<string, string>): { status: number | null; stdout: string; stderr: string } {
  const file = join(folder, 'step.sh')
  writeFileSync(file, scriptOf(step))
  return spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', file], { env, encoding: 'utf8' })
}

test.each([
  ['', `premain@${VERSION}`],
  ['9.8.7', 'premain@9.8.7'],
])('the step that installs, version %j, asks npm for %s', (version, wanted) => {
  const temp = join(folder, 'runner temp')
  writeFileSync(join(folder, 'npm'), `#!/bin/sh\nfor word; do printf '%s\\n' "$word"; done\n`, { mode: 0o755 })
  const env = {
    PATH: `${folder}:${dirname(process.execPath)}:${process.env.PATH}`,
    GITHUB_ACTION_PATH: root,
    RUNNER_TEMP: temp,
    VERSION: version,
  }
  const { status, stdout } = runStep('Install premain', env)
  expect(status).toBe(0)
  expect(stdout.split('\n').slice(0, 3)).toEqual(['install', '--prefix', join(temp, 'premain')])
  expect(stdout.trimEnd().split('\n').at(-1)).toBe(wanted)
})

test('the step that runs writes a summary and annotations of a real check', () => {
  const summary = join(folder, 'summary.md')
  writeFileSync(premain, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist', 'cli', 'bin.js')}' "$@"\n`)
  const env = {
    PATH: process.env.PATH as string,
    GITHUB_ACTION_PATH: root,
    GITHUB_ACTIONS: 'true',
    GITHUB_STEP_SUMMARY: summary,
    GITHUB_WORKSPACE: root,
    PREMAIN: premain,
    COMMAND: 'check',
    PROGRAM: tsgo.file,
    ARGS: '--version',
    BUDGETS: 'total.wall=1ns\ntotal.cpu=1h',
    RUNS: '6',
  }
  const { status, stdout, stderr } = runStep('premain', env)
  expect(status).toBe(1)
  expect(stdout).toContain('✗ total.wall=1ns')
  expect(stderr).toMatch(/^::error.*total\.wall/m)
  const text = readFileSync(summary, 'utf8')
  expect(text).toContain('```mermaid\ngantt')
  expect(text).toContain('total.cpu')
})

test('every input of the action reaches the script or the installation, under a name that is read there', () => {
  const script = readFileSync(join(root, 'scripts', 'action.sh'), 'utf8')
  const declared = [...action.matchAll(/^ {2}([\w-]+):\n {4}description/gm)].map((match) => match[1])
  const passed = [...action.matchAll(/^ {8}(\w+): \$\{\{ inputs\.([\w-]+) \}\}/gm)].map(([, name, input]) => ({
    name,
    input,
  }))
  expect(declared.length).toBeGreaterThan(10)
  expect(passed.map(({ input }) => input).sort()).toEqual(declared.sort())
  const unread = passed.filter(({ name }) => name !== 'VERSION' && !script.includes(name!))
  expect(unread).toEqual([])
})
