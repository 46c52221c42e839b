/**
 * A bundle that is run from the code that V8 made of it the last time: reading and compiling what it runs is a quarter of
 * a short trace. Whatever is amiss with the file that keeps it costs that time, and nothing else.
 *
 * V8 runs what it is given, and looks neither at the source's text nor for damage. So only who may do anything in the
 * user's name can write that file, its key names the very file that was compiled, and it holds the code twice: comparing
 * costs less than loading Node's checksums.
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
import { Script } from 'node:vm'

type Environment = Record<string, string | undefined>

const PREFIX = 'code-'
const OLD_MS = 30 * 24 * 3600 * 1000
/** A megabyte each: of some versions, each with a few bundles. */
const MOST_FILES = 16

/** A CommonJS file, and the code that is kept of it. */
export class KeptScript {
  /** The code came from the last time. */
  readonly reused: boolean
  private readonly script: Script
  private readonly base: string | null
  private readonly folder: string
  private readonly file: string
  private readonly key: Buffer

  /**
   * @param filename an absolute path
   * @param environment says where code is kept: in the folder `premain` of `$XDG_CACHE_HOME` or `$HOME/.cache`, nowhere
   *   with `NODE_DISABLE_COMPILE_CACHE`, the name that Node has for its own
   */
  constructor(
    private readonly filename: string,
    environment: Environment = process.env,
  ) {
    const { XDG_CACHE_HOME: cache, HOME: home, NODE_DISABLE_COMPILE_CACHE: off } = environment
    const base = off ? undefined : cache || home
    this.base = base && isAbsolute(base) ? base : null
    this.folder = join(this.base ?? '', cache ? 'premain' : '.cache/premain')
    this.key = keyOf(filename, environment)
    this.file = join(this.folder, `${PREFIX}${hashOf(this.key)}`)
    const source = readFileSync(filename, 'utf8')
    const code = this.base === null ? null : this.read()
    this.script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
      filename,
      ...(code && { cachedData: code }),
    })
    this.reused = code !== null && !this.script.cachedDataRejected
  }

  /** Runs the file as a module with that `require` and returns its exports. */
  run(require: (id: string) => unknown): unknown {
    const module = { exports: {} }
    this.script.runInThisContext()(module.exports, require, module, this.filename, dirname(this.filename))
    return module.exports
  }

  /** Keeps the code of the functions that have run, unless it was there already. */
  keep(): void {
    if (this.base === null || this.reused) return
    try {
      // In another user's home (root's is at times), what we made would be in its owner's way.
      if (!isOwn(statSync(this.base))) return
      makeFolder(dirname(this.folder))
      makeFolder(this.folder)
      if (!isPrivate(lstatSync(this.folder))) return
      this.write()
      this.removeOld()
    } catch {
      // A full disk, a home that is read-only: the next process compiles as this one did.
    }
  }

  private read(): Buffer | null {
    let fd = -1
    try {
      if (!isPrivate(lstatSync(this.folder))) return null
      fd = openSync(this.file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      const stats = fstatSync(fd)
      return stats.isFile() && isPrivate(stats) ? codeIn(readFileSync(fd), this.key) : null
    } catch {
      return null
    } finally {
      if (fd >= 0) closeSync(fd)
    }
  }

  private write(): void {
    const temporary = `${this.file}.${process.pid}`
    // Opened first: where that fails, making the code is spared.
    const fd = openSync(temporary, 'wx', 0o600)
    try {
      const code = this.script.createCachedData()
      writeFileSync(fd, Buffer.concat([this.key, code, code]))
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
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => join(this.folder, name))
      .map((file) => ({ file, writtenMs: lstatSync(file).mtimeMs }))
      .sort((a, b) => b.writtenMs - a.writtenMs)
    for (const [at, { file, writtenMs }] of files.entries()) {
      if (at >= MOST_FILES || Date.now() - writtenMs > OLD_MS) rmSync(file, { force: true })
    }
  }
}

/** V8 checks its own version and what else the code depends on; flags are here so that each set of them has a file. */
function keyOf(filename: string, { NODE_OPTIONS = '' }: Environment): Buffer {
  const { dev, ino, size, ctimeNs } = statSync(filename, { bigint: true })
  const { version, arch, execArgv } = process
  const parts = [version, arch, execArgv, NODE_OPTIONS, filename, `${dev} ${ino} ${size} ${ctimeNs}`]
  return Buffer.from(`${JSON.stringify(parts)}\n`)
}

function hashOf(key: Buffer): string {
  let hash = 0
  for (const byte of key) hash = (Math.imul(hash, 31) + byte) >>> 0
  return hash.toString(16)
}

/** The code in a file of the key and twice the code; null when that is not what it holds. */
function codeIn(held: Buffer, key: Buffer): Buffer | null {
  const middle = (key.length + held.length) / 2
  if (!Number.isInteger(middle) || !held.subarray(0, key.length).equals(key)) return null
  const code = held.subarray(key.length, middle)
  return code.equals(held.subarray(middle)) ? code : null
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
