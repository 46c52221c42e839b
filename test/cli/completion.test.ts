import { spawnSync } from 'node:child_process'
import { COMMANDS } from '../../lib/cli/commands'
import { missingCommand, testUnless } from '../support/skip'
import { premain } from './fake'

const script = async (shell: string): Promise<string> => (await premain(['completion', shell])).stdout

describe('bash', () => {
  const testBash = testUnless(missingCommand('bash'))

  async function complete(...words: string[]): Promise<string[]> {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash's
    const call = 'COMP_WORDS=(premain "$@"); COMP_CWORD=$#; _premain; printf "%s\\n" "${COMPREPLY[@]}"'
    const { stdout, stderr } = spawnSync('bash', ['-c', `${await script('bash')}\n${call}`, 'bash', ...words], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    return stdout.split('\n').filter(Boolean)
  }

  testBash('commands stand first', async () => {
    expect(await complete('insp')).toContain('inspect')
    expect(await complete('--json', 'insp')).not.toContain('inspect')
  })

  testBash('options, as the command has them', async () => {
    expect(await complete('--sys')).toEqual(['--syscalls'])
    expect(await complete('inspect', '--sys')).toEqual([])
    expect(await complete('trace', '--timeout', '1s', '--jso')).toEqual(['--json'])
  })

  testBash('values of an option, as the command has them', async () => {
    expect(await complete('--format', 'j')).toEqual(['json', 'jsonl'])
    expect(await complete('inspect', '--format', 'j')).toEqual(['json'])
    expect(await complete('--until', 'sched')).toEqual(['schedinit'])
  })

  testBash('arguments that are a list', async () => {
    expect(await complete('explain', 'rt')).toEqual(['rt0'])
    expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish'])
    expect(await complete('help', 'me')).toEqual(['measure'])
  })

  testBash('after the program, all words are its own', async () => {
    expect(await complete('./hello', '--js')).toEqual([])
  })
})

test.each(['bash', 'zsh', 'fish'])('%s knows every command and option, and its quotes are closed', async (shell) => {
  const text = await script(shell)
  for (const name of Object.keys(COMMANDS)) expect(text).toContain(name)
  for (const option of ['syscalls', 'env-values', 'no-inits', 'redact']) expect(text).toContain(option)
  expect(text.split('\n').filter((line) => (line.match(/'/g) ?? []).length % 2 === 1)).toEqual([])
})

test('another shell is a usage error', async () => {
  expect(await premain(['completion', 'tcsh'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('bash, zsh, fish'),
  })
})
