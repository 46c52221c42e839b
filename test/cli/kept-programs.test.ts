/** What is kept of a program from one process for the next: when it is used, when not, and that it is never another file's. */
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeptPrograms } from '../../lib/cli/kept-programs'
import { openImage } from '../../lib/image/image'
import { openForTrace, openImagesBy } from '../../lib/session/program'
import { tsgo } from '../support/corpus'

const now = Date.now

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-'))
  file = join(folder, 'program')
  copyFileSync(tsgo.file, file)
  laterBy(60)
  fileSystem = EXT4
})
afterEach(() => {
  Date.now = now
  openImagesBy(openImage)
  rmSync(folder, { recursive: true })
})

/** Of the file system that the program lies on, wherever the tests run. */
const EXT4 = 0xef53
let fileSystem = EXT4

/** A clock that is ahead by so many seconds: a file's time of change cannot be set. */
function laterBy(seconds: number): void {
  Date.now = () => now() + seconds * 1000
}

/**
 * Opens the program in one process's stead, asks, keeps what was found out, and says whether an earlier process had found
 * out all of it.
 */
function once(environment: Record<string, string> = { XDG_CACHE_HOME: folder }): boolean {
  const programs = new KeptPrograms(environment, () => fileSystem)
  const image = openForTrace(file)
  const { restored = false } = image.answers ?? {}
  expect(image.go?.info.version).toMatch(/^go1\./)
  expect(image.go?.body('main.main')?.name).toBe('main.main')
  const kept = restored && image.answers?.added === 0
  image.close()
  programs.keep()
  return kept
}

/** The files of programs. */
function files(): string[] {
  const home = join(folder, 'premain')
  return readdirSync(home).map((name) => join(home, name))
}

test('the second process uses what the first has found out, and writes nothing', () => {
  expect(once()).toBe(false)
  const [program] = files() as [string]
  const { mode, ino } = statSync(program)
  expect([mode & 0o777, files().length]).toEqual([0o600, 1])
  expect(once()).toBe(true)
  expect([statSync(program).ino, files()]).toEqual([ino, [program]])
})

test('what a process asks beyond that is added', () => {
  once()
  const programs = new KeptPrograms({ XDG_CACHE_HOME: folder }, () => fileSystem)
  const image = openForTrace(file)
  const body = image.go?.body('runtime.main')
  image.close()
  programs.keep()
  expect(once()).toBe(true)
  new KeptPrograms({ XDG_CACHE_HOME: folder }, () => fileSystem)
  const again = openForTrace(file)
  expect([again.go?.body('runtime.main'), again.answers?.added]).toEqual([body, 0])
  expect(files()).toHaveLength(1)
})

test('a file that was written to is read anew, even with the same size, times and head; it takes the place of the old', () => {
  const { atime, mtime } = statSync(file)
  once()
  const bytes = readFileSync(file)
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(file, bytes)
  utimesSync(file, atime, mtime)
  expect([once(), once()]).toEqual([false, true])
  expect(files()).toHaveLength(1)
})

test('another file of the same path and numbers has another head', () => {
  once()
  const [program] = files() as [string]
  const held = readFileSync(program)
  // the entry point in the head that was kept, as if that had been another program's
  const at = held.indexOf('\x7fELF', 0, 'latin1') + 24
  held[at]! ^= 1
  writeFileSync(program, held)
  expect([once(), once()]).toEqual([false, true])
})

test.each([
  ['permissions', () => chmodSync(file, 0o700)],
  ['place', moveAway],
])('of a file with other %s nothing is known', (_, change) => {
  once()
  change()
  expect([once(), once()]).toEqual([false, true])
})

function moveAway(): void {
  const elsewhere = join(folder, 'elsewhere')
  renameSync(file, elsewhere)
  file = elsewhere
}

test.each([
  ['tmpfs', 0x01021994],
  ['ramfs', 0x858458f6],
])('of a file on %s nothing is kept: it may change without another time of change', (_, type) => {
  fileSystem = type
  expect([once(), once()]).toEqual([false, false])
  expect(readdirSync(folder)).toEqual(['program'])
})

test('of a file that was changed a moment ago nothing is kept: it may change again within the same tick', () => {
  Date.now = now
  expect([once(), once()]).toEqual([false, false])
  expect(readdirSync(folder)).toEqual(['program'])
  laterBy(-3600)
  expect([once(), once()]).toEqual([false, false])
})

test('NODE_DISABLE_COMPILE_CACHE turns it off', () => {
  const environment = { XDG_CACHE_HOME: folder, NODE_DISABLE_COMPILE_CACHE: '1' }
  expect([once(environment), once(environment)]).toEqual([false, false])
  expect(readdirSync(folder)).toEqual(['program'])
})

const DAMAGES: Record<string, (bytes: Buffer) => Buffer> = {
  'a digit of an answer': (bytes) => {
    const made = Buffer.from(bytes)
    made[made.lastIndexOf('"entry":') + 9]! ^= 1
    return made
  },
  'a lost end': (bytes) => bytes.subarray(0, bytes.length - 100),
  'nothing left': () => Buffer.alloc(0),
  'no JSON, twice': (bytes) => Buffer.concat([keyOf(bytes), Buffer.from('[["[["')]),
  'JSON of another kind, twice': (bytes) => Buffer.concat([keyOf(bytes), Buffer.from('77')]),
}

/** All before the answers, which begin alike twice. */
function keyOf(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.indexOf('[["'))
}

test.each(Object.keys(DAMAGES))('a damaged file is replaced: %s', (damage) => {
  once()
  const [program] = files() as [string]
  const bytes = readFileSync(program)
  writeFileSync(program, DAMAGES[damage]!(bytes))
  expect(once()).toBe(false)
  expect(readFileSync(program)).toEqual(bytes)
})

test('what others could have written is not used', () => {
  once()
  chmodSync(files()[0]!, 0o620)
  expect(once()).toBe(false)
})
