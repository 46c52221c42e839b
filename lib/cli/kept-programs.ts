/** What was found out of a program's file, kept for the next trace of the same file: reading it takes as long as its start. */
import { statfsSync } from 'node:fs'
import { Answers } from '../image/answers'
import { ProgramFile } from '../image/file'
import { openImage } from '../image/image'
import { KeptImage } from '../image/kept'
import type { FileIdentity, ProgramImage } from '../image/types'
import { openImagesBy } from '../session/program'
import { type Environment, identityOf, KeptFile } from './kept-file'

/** The ELF header, the program headers and Go's build id, which the linker makes of the content, come first in a file. */
const HEAD_BYTES = 4096

/**
 * A file that was written to within so many milliseconds may be written to again without another time of change: kernels
 * count those in ticks of up to 10 ms, and some file systems in seconds.
 */
const SETTLED_MS = 3000

/**
 * File systems whose files can change without another time of change: a page that is mapped to be written was read first, and
 * then needs no fault for it. Source: linux include/uapi/linux/magic.h TMPFS_MAGIC, RAMFS_MAGIC.
 */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])

/** Of a program with many thousands of init functions they take longer to read than its file. */
const MOST_BYTES = 4 * 1024 * 1024

interface KeptProgram {
  file: KeptFile
  answers: Answers
}

/** The programs of one process. */
export class KeptPrograms {
  private readonly opened: KeptProgram[] = []

  /** @param fileSystemOf the magic number of the file system that a path lies on */
  constructor(
    private readonly environment: Environment = process.env,
    private readonly fileSystemOf = (path: string): number => statfsSync(path).type,
  ) {
    openImagesBy((path) => this.open(path))
  }

  /** Keeps what was found out. */
  keep(): void {
    for (const { file, answers } of this.opened) {
      if (answers.added === 0) continue
      const text = JSON.stringify(answers.entries())
      if (text.length <= MOST_BYTES) file.write(() => Buffer.from(text))
    }
  }

  private open(path: string): ProgramImage {
    const { identity, head } = lookAt(path)
    const fresh = Date.now() - Number(identity.ctimeNs / 1_000_000n) < SETTLED_MS
    if (fresh || IN_MEMORY.has(this.fileSystemOf(path))) return openImage(path, identity)
    const file = new KeptFile({ kind: 'program', name: path, key: keyOf(path, { identity, head }) }, this.environment)
    const answers = answersIn(file)
    const image = new KeptImage({ path, identity }, answers)
    this.opened.push({ file, answers })
    return image
  }
}

interface Looked {
  identity: FileIdentity
  head: Buffer
}

function lookAt(path: string): Looked {
  const file = new ProgramFile(path)
  try {
    return { identity: file.identity, head: file.bytes(0, Math.min(HEAD_BYTES, file.size)) }
  } finally {
    file.close()
  }
}

/** This very code, which asks the questions; and the file. */
function keyOf(path: string, { identity, head }: Looked): Buffer {
  const parts = [process.version, identityOf(__filename), path, ...Object.values(identity).map(String)]
  return Buffer.concat([Buffer.from(`${JSON.stringify(parts)}\n`), head])
}

function answersIn(file: KeptFile): Answers {
  try {
    return new Answers(JSON.parse(file.read()?.toString() ?? '[]'))
  } catch {
    return new Answers()
  }
}
