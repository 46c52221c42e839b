/** Compiled code that is kept from one process for the next: when it is used, when not, and that nothing else depends on it. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { KeptScript } from '../../lib/cli/kept-code'

const SOURCE = 'exports.sum = (a, b) => a + b; exports.where = __filename; exports.path = require("node:path")'

const geteuid = process.geteuid!

// V8 remembers what it has compiled in this process, and would not look at the code that it is given.
beforeAll(() => setFlagsFromString('--no-compilation-cache'))
afterAll(() => setFlagsFromString('--compilation-cache'))

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-'))
  file = join(folder, 'bundle.js')
  writeFileSync(file, SOURCE)
})
afterEach(() => {
  process.geteuid = geteuid
  rmSync(folder, { recursive: true })
})

/** Runs the bundle in one process's stead, keeps its code, and says whether that of an earlier time was used. */
function once(environment: Record<string, string> = { XDG_CACHE_HOME: folder }): boolean {
  const script = new KeptScript(file, environment)
  const { sum, where, path } = script.run(require) as {
    sum(a: number, b: number): number
    where: string
    path: unknown
  }
  expect([sum(1, 2), where, path]).toEqual([3, file, require('node:path')])
  script.keep()
  return script.reused
}

/** The files of kept code. */
function kept(): string[] {
  const home = join(folder, 'premain')
  return readdirSync(home).map((name) => join(home, name))
}

test('the second process uses the code of the first, and writes nothing', () => {
  expect(once()).toBe(false)
  const [code] = kept()
  const { mode, ino } = lstatSync(code!)
  expect([mode & 0o777, lstatSync(join(folder, 'premain')).mode & 0o777]).toEqual([0o600, 0o700])
  expect(once()).toBe(true)
  expect(kept()).toEqual([code])
  expect(lstatSync(code!).ino).toBe(ino)
})

test('it lies in .cache of the home where no other place is named', () => {
  once({ HOME: folder })
  expect(readdirSync(join(folder, '.cache', 'premain'))).toHaveLength(1)
  expect(once({ HOME: folder })).toBe(true)
})

test('another file in the place of the bundle is compiled, even one of the same size and time', () => {
  once()
  const { atime, mtime } = lstatSync(file)
  const other = join(folder, 'other.js')
  writeFileSync(other, SOURCE.replace('a + b', 'b + a'))
  utimesSync(other, atime, mtime)
  renameSync(other, file)
  expect(once()).toBe(false)
  expect(once()).toBe(true)
})

test('other flags of V8 have code of their own', () => {
  once()
  const flags = { XDG_CACHE_HOME: folder, NODE_OPTIONS: '--no-opt' }
  expect([once(flags), once(flags), once()]).toEqual([false, true, true])
})

test('NODE_DISABLE_COMPILE_CACHE turns it off, and without a home there is none', () => {
  const environments = [
    { XDG_CACHE_HOME: folder, NODE_DISABLE_COMPILE_CACHE: '1' },
    {},
    { HOME: '' },
    { XDG_CACHE_HOME: 'relative' },
  ]
  for (const environment of environments) expect([once(environment), once(environment)]).toEqual([false, false])
  expect(readdirSync(folder)).toEqual(['bundle.js'])
})

const DAMAGES: Record<string, (bytes: Buffer) => Buffer> = {
  'a bit in the middle': (bytes) => flipped(bytes, bytes.length >> 1),
  'a bit of the first code': (bytes) => flipped(bytes, Math.round(bytes.length * 0.4)),
  'a bit of the key': (bytes) => flipped(bytes, 3),
  'a lost end': (bytes) => bytes.subarray(0, bytes.length - 100),
  'half of it': (bytes) => bytes.subarray(0, bytes.length >> 1),
  'nothing left': () => Buffer.alloc(0),
  'zeros after the first page': (bytes) => Buffer.concat([bytes.subarray(0, 400), Buffer.alloc(bytes.length - 400)]),
  'the key alone': (bytes) => bytes.subarray(0, bytes.indexOf('\n') + 1),
  'code that V8 rejects': (bytes) => {
    const key = bytes.subarray(0, bytes.indexOf('\n') + 1)
    return Buffer.concat([key, Buffer.from('codecode')])
  },
}

function flipped(bytes: Buffer, place: number): Buffer {
  const made = Buffer.from(bytes)
  made[place]! ^= 4
  return made
}

test.each(Object.keys(DAMAGES))('a damaged file is replaced: %s', (damage) => {
  once()
  const [code] = kept()
  writeFileSync(code!, DAMAGES[damage]!(readFileSync(code!)))
  expect([once(), once()]).toEqual([false, true])
  expect(kept()).toEqual([code])
})

test('what others could have written is not used', () => {
  once()
  const [code] = kept()
  chmodSync(code!, 0o620)
  expect(once()).toBe(false)
  chmodSync(join(folder, 'premain'), 0o777)
  expect([once(), once()]).toEqual([false, false])
  chmodSync(join(folder, 'premain'), 0o700)
  expect(once()).toBe(true)
})

test('what belongs to another user is neither used nor touched', () => {
  once()
  const before = lstatSync(kept()[0]!).mtimeMs
  process.geteuid = () => geteuid() + 1
  expect(once()).toBe(false)
  expect(once({ HOME: folder })).toBe(false)
  expect(readdirSync(folder)).not.toContain('.cache')
  expect(lstatSync(kept()[0]!).mtimeMs).toBe(before)
})

test('a symbolic link is not followed', () => {
  once()
  const [code] = kept()
  const elsewhere = join(folder, 'elsewhere')
  renameSync(code!, elsewhere)
  symlinkSync(elsewhere, code!)
  expect(once()).toBe(false)
  expect(lstatSync(code!).isFile()).toBe(true)
  rmSync(join(folder, 'premain'), { recursive: true })
  mkdirSync(join(folder, 'real'), { mode: 0o700 })
  linkSync(elsewhere, join(folder, 'real', 'code'))
  symlinkSync('real', join(folder, 'premain'))
  expect([once(), once()]).toEqual([false, false])
})

test('what is no file is not waited for', () => {
  once()
  const [path] = kept() as [string]
  rmSync(path)
  execFileSync('mkfifo', ['-m', '600', path])
  expect(once()).toBe(false)
})

test('where nothing can be written, nothing is said', () => {
  for (const place of ['/proc', '/dev/null', join(folder, 'missing'), file]) {
    const environment = { XDG_CACHE_HOME: place }
    expect([once(environment), once(environment)]).toEqual([false, false])
  }
  expect(readdirSync(folder)).toEqual(['bundle.js'])
})

test('files that nothing has renewed for a month go with the next that is written', () => {
  once()
  const home = join(folder, 'premain')
  const [old, recent, foreign] = ['code-1', 'code-2', 'notes'].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ]
  for (const name of [old, recent, foreign]) writeFileSync(name, '')
  const days = (count: number) => Date.now() / 1000 - count * 24 * 3600
  for (const [name, age] of [
    [old, 31],
    [recent, 29],
    [foreign, 31],
  ] as const)
    utimesSync(name, days(age), days(age))
  once()
  expect(kept()).toContain(old)
  once({ XDG_CACHE_HOME: folder, NODE_OPTIONS: '--no-opt' })
  expect(kept()).toEqual(expect.arrayContaining([recent, foreign]))
  expect(kept()).not.toContain(old)
})

test('of many files the oldest go with the next that is written', () => {
  once()
  const home = join(folder, 'premain')
  const names = Array.from({ length: 20 }, (_, i) => join(home, `code-${i}`))
  for (const [hours, name] of names.entries()) {
    writeFileSync(name, '')
    utimesSync(name, Date.now() / 1000 - hours * 3600 - 60, Date.now() / 1000 - hours * 3600 - 60)
  }
  once({ XDG_CACHE_HOME: folder, NODE_OPTIONS: '--no-opt' })
  expect(kept()).toHaveLength(16)
  expect(names.filter((name) => existsSync(name))).toEqual(names.slice(0, 14))
})
