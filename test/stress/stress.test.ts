/** The scenarios of `npm run stress`, with counts for every day. Each runs in a Node of its own, under a bound. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { missingGo } from '../support/fixtures'
import { missingCommand, testUnless } from '../support/skip'

const script = join(__dirname, '..', '..', 'scripts', 'stress.mjs')
const LIMIT = 90_000

/** What a scenario says, and how it ends. */
function run(scenario: string): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [script, scenario], { stdio: ['ignore', 'ignore', 'pipe'] })
  const bound = setTimeout(() => child.kill('SIGKILL'), LIMIT - 5000)
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(bound)
      resolve({ code, said })
    })
  })
}

const able = testUnless(missingGo() ?? missingCommand('prlimit', 'setpriv'))

for (const scenario of [
  'traces=200',
  'aborts=120',
  'kills=120',
  'node-kills=6',
  'sessions=64',
  'workers=40',
  'spawns=200',
  'mutated-inspect=20000',
  'mutated-trace=60',
]) {
  able(
    scenario,
    async () => {
      const { code, said } = await run(scenario)
      expect(said).not.toContain(': FAILED after')
      expect(code).toBe(0)
    },
    LIMIT,
  )
}
