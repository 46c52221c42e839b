/**
 * Files in which the command keeps from one process for the next what is dear to make. Whatever is amiss with one costs the
 * time to make it anew, and nothing else.
 *
 * What is kept is taken at its word: V8 runs the code that it is given. So only who may do anything in the user's name can
 * write such a file, its key says all that its content follows from, and it holds the content twice: comparing costs less
 * than loading Node's checksums.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'

/** Variables by name. */
export type Environment = Record<string, string | undefined>

const OLD_MS = 30 * 24 * 3600 * 1000
/** Of a kind. */
const MOST_FILES = 16

/** What a file is found by. */
export interface KeptFileName {
  /** What it holds, as its name begins: `code`. */
  kind: string
  /** Another one has another file. */
  name: string
  /** All that its content follows from, {@link name} included: with another one, the file is as good as none. */
  key: Buffer
}

/** One such file. */
export class KeptFile {
  private readonly base: string | null
  private readonly folder: string
  private readonly file: string
  private readonly prefix: string
  private readonly key: Buffer

  /**
   * @param environment says where it lies: in the folder `premain` of `$XDG_CACHE_HOME` or `$HOME/.cache`, nowhere with
   *   `NODE_DISABLE_COMPILE_CACHE`, the name that Node has for its own
   */
  constructor({ kind, name, key }: KeptFileName, environment: Environment = process.env) {
    const { XDG_CACHE_HOME: cache, HOME: home, NODE_DISABLE_COMPILE_CACHE: off } = environment
    const base = off ? undefined : cache || home
    this.base = base && isAbsolute(base) ? base : null
    this.folder = join(this.base ?? '', cache ? 'premain' : '.cache/premain')
    this.prefix = `${kind}-`
    this.file = join(this.folder, `${this.prefix}${hashOf(name)}`)
    this.key = key
  }

  /** What was written under the same key, or null. */
  read(): Buffer | null {
    if (this.base === null) return null
    let fd = -1
    try {
      if (!isPrivate(lstatSync(this.folder))) return null
      fd = openSync(this.file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      const stats = fstatSync(fd)
      return stats.isFile() && isPrivate(stats) ? contentIn(readFileSync(fd), this.key) : null
    } catch {
      return null
    } finally {
      if (fd >= 0) closeSync(fd)
    }
  }

  /** Writes what `make` gives, which is called where there is a place for it. */
  write(make: () => Buffer): void {
    if (this.base === null) return
    try {
      // In another user's home (root's is at times), what we made would be in its owner's way.
      if (!isOwn(statSync(this.base))) return
      makeFolder(dirname(this.folder))
      makeFolder(this.folder)
      if (!isPrivate(lstatSync(this.folder))) return
      this.replace(make)
      this.removeOld()
    } catch {
      // A full disk, a home that is read-only: the next process does as this one did.
    }
  }

  private replace(make: () => Buffer): void {
    // Containers' processes have the same few ids: what a killed one left is in nobody's way.
    const temporary = `${this.file}.${process.pid}-${process.hrtime.bigint()}`
    // Opened first: where that fails, making the content is spared.
    const fd = openSync(temporary, 'wx', 0o600)
    try {
      const content = make()
      writeFileSync(fd, Buffer.concat([this.key, content, content]))
      renameSync(temporary, this.file)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    } finally {
      closeSync(fd)
    }
  }

  /** What other versions of Node and of premain left: they write it anew where they are still in use. */
  private removeOld(): void {
    const files = readdirSync(this.folder)
      .filter((name) => name.startsWith(this.prefix))
      .map((name) => join(this.folder, name))
      .map((file) => ({ file, writtenMs: lstatSync(file).mtimeMs }))
      .sort((a, b) => b.writtenMs - a.writtenMs)
    for (const [at, { file, writtenMs }] of files.entries()) {
      if (at >= MOST_FILES || Date.now() - writtenMs > OLD_MS) rmSync(file, { force: true })
    }
  }
}

/** Which file this is, and that it has not changed. */
export function identityOf(filename: string): string {
  const { dev, ino, size, ctimeNs } = statSync(filename, { bigint: true })
  return `${filename} ${dev} ${ino} ${size} ${ctimeNs}`
}

function hashOf(name: string): string {
  let hash = 0
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) >>> 0
  return hash.toString(16)
}

/** The content in a file of the key and twice the content; null when that is not what it holds. */
function contentIn(held: Buffer, key: Buffer): Buffer | null {
  const middle = (key.length + held.length) / 2
  if (!Number.isInteger(middle) || !held.subarray(0, key.length).equals(key)) return null
  const content = held.subarray(key.length, middle)
  return content.equals(held.subarray(middle)) ? content : null
}

/** Not by `recursive`: Node would try for ever where a directory can't be made though its parent is there, as in /proc. */
function makeFolder(folder: string): void {
  if (!existsSync(folder)) mkdirSync(folder, 0o700)
}

function isOwn({ uid }: Stats): boolean {
  return uid === process.geteuid!()
}

/** Only its owner may write to it, which is who we are. */
function isPrivate(stats: Stats): boolean {
  return isOwn(stats) && (stats.mode & 0o022) === 0
}
