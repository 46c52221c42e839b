/**
 * Tests that need what a machine may lack. A skip carries its reason in its name: the reporter counts skips by reason, and
 * in CI every one of them is a failure.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

type TestFunction = (name: string, body: () => unknown, timeoutMs?: number) => void

/** `test` where `reason` is null; otherwise a test skipped for that reason. */
export function testUnless(reason: string | null): TestFunction {
  if (reason === null) return (name, body, timeoutMs) => test(name, async () => void (await body()), timeoutMs)
  return (name, body) => test.skip(`${name} [skipped: ${reason}]`, async () => void (await body()))
}

/** The path of a command in PATH, or null. */
export function findCommand(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {}
  }
  return null
}

/** Why tests that need these commands cannot run, or null when all are there. */
export function missingCommand(...names: string[]): string | null {
  const missing = names.filter((name) => findCommand(name) === null)
  return missing.length === 0 ? null : `no ${missing.join(', ')} on this machine`
}
