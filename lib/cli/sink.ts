/** Where text goes: standard output, standard error, or a file that is replaced whole. */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { PremainError } from '../errors'
import { isTerminal } from '../session/terminal'

/** One of the standard streams. */
export interface Sink {
  /** Resolves when the text is written; a reader that has gone (EPIPE) is not an error. */
  write(text: string): Promise<void>
  readonly terminal: boolean
  /** Columns of the terminal; null when it is none. */
  readonly columns: number | null
}

/** The sink of descriptor 1 or 2. Node's own stream costs milliseconds to make and is used only where it must be. */
export function sinkOf(fd: 1 | 2): Sink {
  return {
    write: (text) => writeAll(fd, Buffer.from(text)),
    get terminal() {
      return isTerminal(fd)
    },
    get columns() {
      if (!isTerminal(fd)) return null
      return (fd === 1 ? process.stdout : process.stderr).columns || null
    },
  }
}

async function writeAll(fd: 1 | 2, bytes: Buffer): Promise<void> {
  let done = 0
  try {
    while (done < bytes.length) done += writeSync(fd, bytes, done)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EPIPE') return
    // EAGAIN: whoever shares the pipe made it non-blocking. Only a stream can wait for it.
    if (code !== 'EAGAIN') throw outputFailed(fd === 1 ? 'standard output' : 'standard error', error)
    await writeStream(fd === 1 ? process.stdout : process.stderr, bytes.subarray(done))
  }
}

function writeStream(stream: NodeJS.WriteStream, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    stream.on('error', () => resolve())
    stream.write(bytes, () => resolve())
  })
}

/**
 * Replaces `file` whole: a temporary file beside it, synced, renamed over it. The old file survives any failure. What is
 * not a regular file (a device, a pipe) is written to as it is; a symbolic link keeps pointing where it points.
 *
 * @throws PremainError `INVALID_OPTION` with the errno
 */
export function replaceFile(file: string, text: string): void {
  try {
    const target = finalTarget(file)
    if (statSync(target, { throwIfNoEntry: false })?.isFile() ?? true) replaceRegular(target, text)
    else writeTo(openSync(target, 'w'), text, false)
  } catch (error) {
    throw fileFailed(file, error)
  }
}

function finalTarget(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return file
    throw error
  }
}

function replaceRegular(target: string, text: string): void {
  const mode = statSync(target, { throwIfNoEntry: false })?.mode ?? 0o666
  const temporary = join(dirname(target), `.premain-${process.pid}-${process.hrtime.bigint()}.tmp`)
  const fd = openSync(temporary, 'wx', mode & 0o777)
  try {
    writeTo(fd, text, true)
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

function writeTo(fd: number, text: string, sync: boolean): void {
  try {
    const bytes = Buffer.from(text)
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
    if (sync) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Looks whether {@link replaceFile} will have a place: a run of many minutes is not to end with the news that it has none.
 *
 * @throws PremainError `INVALID_OPTION` with the errno
 */
export function checkPlace(file: string): void {
  try {
    const target = finalTarget(file)
    const stats = statSync(target, { throwIfNoEntry: false })
    if (stats?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR', syscall: 'open' })
    accessSync(stats?.isFile() === false ? target : dirname(target), constants.W_OK)
  } catch (error) {
    throw fileFailed(file, error)
  }
}

/** The report could not be written. */
export class OutputError extends PremainError {
  /** It was meant for a file, not for one of the standard streams. */
  file = false
  /** It was shown in another place. */
  shown = false
}

function fileFailed(file: string, cause: unknown): OutputError {
  return Object.assign(outputFailed(file, cause), { file: true })
}

function outputFailed(name: string, cause: unknown): OutputError {
  const { code = null, syscall = null } = cause as NodeJS.ErrnoException
  const hints: Record<string, string> = {
    ENOENT: 'The directory of -o FILE has to exist.',
    EACCES: 'The directory of -o FILE has to be writable.',
    EISDIR: 'Name a file, not a directory.',
    ENOSPC: 'The disk is full; an older file of that name is untouched.',
  }
  return new OutputError('INVALID_OPTION', `cannot write ${name}: ${code}`, {
    hint: hints[code ?? ''] ?? null,
    errno: code,
    syscall,
    cause,
  })
}
