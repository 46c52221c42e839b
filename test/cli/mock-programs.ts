/** The library over made-up programs, for tests of the commands that measure. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PremainError } from '../../lib/errors'
import { checkWith } from '../../lib/measure/check'
import { compareProgramsWith } from '../../lib/measure/interleave'
import { measureWith } from '../../lib/measure/measure'
import type * as Programs from '../../lib/measure/programs'
import { type FakeOptions, fakeWorld } from '../measure/fake'

/** A working directory of its own for each test. */
export function inFolders(): { path: string } {
  const folder = { path: '' }
  const home = process.cwd()
  beforeEach(() => {
    mockAsked.splice(0)
    folder.path = mkdtempSync(join(tmpdir(), 'premain-cli-'))
    process.chdir(folder.path)
  })
  afterEach(() => {
    process.chdir(home)
    rmSync(folder.path, { recursive: true })
  })
  return folder
}

/** How the programs of the command lines start, by path. */
export const mockStarts: Record<string, FakeOptions> = {
  './fast': { noise: 0.01, path: './fast' },
  './slow': { noise: 0.01, path: './slow', scale: 1.3, seed: 2 },
  './noisy': { noise: 0.5, path: './noisy', seed: 3 },
  './dead': { failing: () => true },
  './mostly': { failing: (launch) => launch % 5 !== 0 },
  './rarely': { failing: (launch) => launch % 6 === 0 },
  './flaky': { failing: (launch) => launch % 3 === 0 },
}
/** What was asked of it. */
export const mockAsked: { file: string; args: readonly string[]; options: object }[] = []
const mockWorld = () => {
  const worlds = Object.fromEntries(Object.entries(mockStarts).map(([file, fake]) => [file, fakeWorld(fake)]))
  return {
    dropCache: () => {},
    reloadCache: async () => {},
    runOnce: (async (file, args, options) => {
      if (options.signal?.aborted) throw new PremainError('ABORTED', 'aborted', { cause: options.signal.reason })
      const world = worlds[file] ?? (existsSync(file) ? fakeWorld({ scale: Number(readFileSync(file, 'utf8')) }) : null)
      if (!world) throw new PremainError('NOT_FOUND', `${file} does not exist`, { hint: 'Check the spelling.' })
      return world.runOnce(file, args, options)
    }) as ReturnType<typeof fakeWorld>['runOnce'],
  }
}
export const mockPrograms: typeof Programs = {
  measure: (file: string, args: unknown, options?: object) => {
    mockAsked.push({ file, args: args as string[], options: options ?? {} })
    return measureWith(mockWorld(), { file, args: args as string[] }, options)
  },
  check: (file: string, args: unknown, options?: object) => {
    mockAsked.push({ file, args: args as string[], options: options ?? {} })
    return checkWith(mockWorld(), { file, args: args as string[] }, options)
  },
  comparePrograms: (before, after, options) => {
    mockAsked.push({ file: before.file, args: after.args ?? [], options: options ?? {} })
    return compareProgramsWith(mockWorld(), [before, after], options)
  },
}
