/** Commands that run under a bound, and what they print. */
import { spawnSync } from 'node:child_process'

/** Options of `spawnSync`. */
export const BOUND = { timeout: 25_000, killSignal: 'SIGKILL' } as const

/** How a command ended, and what it printed. */
export interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

/** Runs words with a bound; `input` is a script for the shell or for Node where the words say so. */
export function run(words: string[], options: { input?: string; env?: Record<string, string> } = {}): Ended {
  const [file, ...args] = words as [string, ...string[]]
  const ended = spawnSync(file, args, {
    encoding: 'utf8',
    ...BOUND,
    input: options.input ?? '',
    env: { ...process.env, ...options.env },
  })
  expect(ended.signal).toBeNull()
  return { status: ended.status, stdout: ended.stdout, stderr: ended.stderr }
}
