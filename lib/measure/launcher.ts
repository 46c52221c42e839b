/** Launches programs again and again: what every launch would prepare anew is prepared once. */
import { open } from 'node:fs/promises'
import { PremainError } from '../errors'
import { binding } from '../session/binding'
import { systemErrorName } from '../session/errno'
import { type Aborting, type ResolvedOptions, resolveOptions, splitArguments } from '../session/options'
import { SharedPipe } from '../session/stdio'
import type { RunFigures } from '../trace/figures'
import { timeOnce } from '../trace/trace'
import type { Machinery, RunOptions } from './options'

/** Of standard error: a line of 130 bytes for each init, where the runtime is asked for them. */
const MOST_STDERR = 4 * 1024 * 1024

/** Of a file, whose rest no start reads. */
const MOST_RELOADED = 512 * 1024 * 1024

/** Bytes that are read at a time. */
const CHUNK = 1024 * 1024

/** The machinery of real programs. */
export class Launcher implements Machinery {
  private pipes: readonly [SharedPipe, SharedPipe] | null = null
  private readonly resolved = new WeakMap<RunOptions, ResolvedOptions>()

  async runOnce(file: string, args: readonly string[], options: RunOptions): Promise<RunFigures> {
    this.pipes ??= [new SharedPipe(), new SharedPipe(MOST_STDERR)]
    const [stdout, stderr] = this.pipes
    const known = this.resolved.get(options)
    const resolved: ResolvedOptions = known ?? {
      ...resolveOptions({ ...options, evidence: false }),
      stdio: ['ignore', stdout, stderr],
    }
    if (!known) this.resolved.set(options, resolved)
    const output = () => ({ stdout: stdout.take(), stderr: stderr.take() })
    return timeOnce(file, splitArguments(file, args, {}).args, { options: resolved, output })
  }

  dropCache(path: string): void {
    const result = binding().dropCache(path)
    // A program that executed a temporary file has nothing left of it to drop.
    if (result === 0 || systemErrorName(-result) === 'ENOENT') return
    throw new PremainError('UNSUPPORTED', `the pages of ${path} cannot be dropped from the page cache`, {
      hint: 'Measure without cold (--cold).',
      errno: systemErrorName(-result),
      syscall: 'posix_fadvise',
    })
  }

  async reloadCache(path: string, signal?: Aborting): Promise<void> {
    if (binding().dropCache(path) !== 0) return
    try {
      const file = await open(path)
      try {
        const chunk = Buffer.allocUnsafe(CHUNK)
        for (let left = MOST_RELOADED; left > 0 && !signal?.aborted; left -= CHUNK) {
          if ((await file.read(chunk, 0, CHUNK, null)).bytesRead === 0) break
        }
      } finally {
        await file.close()
      }
    } catch {
      // What is wrong with it the next launch says.
    }
  }

  close(): void {
    for (const pipe of this.pipes ?? []) pipe.close()
    this.pipes = null
  }
}
