import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { replaceFile } from '../../lib/cli/sink'
import { premain } from './fake'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('-o writes the report there and nothing to standard output', async () => {
  const file = join(folder, 'trace.json')
  const { code, stdout } = await premain(['--json', '-o', file, 'hello'])
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ outcome: 'reached-main' })
  expect(readdirSync(folder)).toEqual(['trace.json'])
})

test('-o - is standard output', async () => {
  expect((await premain(['-o', '-', 'hello'])).stdout).toContain('reached main.main')
})

test('-o of a document on a failure', async () => {
  const file = join(folder, 'trace.json')
  const fails = () => {
    throw new Error('no')
  }
  await premain(['--run', '--json', '-o', file, 'hello'], { trace: fails })
  expect(JSON.parse(readFileSync(file, 'utf8')).error.message).toBe('no')
})

test('an old file is replaced whole and keeps its mode', () => {
  const file = join(folder, 'old')
  writeFileSync(file, 'a much longer text than the new one')
  chmodSync(file, 0o600)
  const { ino } = statSync(file)
  replaceFile(file, 'new')
  expect(readFileSync(file, 'utf8')).toBe('new')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(file).ino).not.toBe(ino)
})

test('a symbolic link keeps pointing where it points', () => {
  writeFileSync(join(folder, 'real'), 'old')
  symlinkSync('real', join(folder, 'link'))
  replaceFile(join(folder, 'link'), 'new')
  expect(readFileSync(join(folder, 'real'), 'utf8')).toBe('new')
  expect(readdirSync(folder).sort()).toEqual(['link', 'real'])
})

test('what is not a regular file is written to', () => {
  replaceFile('/dev/null', 'gone')
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
})

test('a full disk is an error with its errno', () => {
  expect(() => replaceFile('/dev/full', 'x')).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', errno: 'ENOSPC' }),
  )
})

test('a failed replacement leaves the old file and no other', () => {
  const file = join(folder, 'old')
  writeFileSync(file, 'old')
  // The rename fails: its target has become a directory.
  const target = join(folder, 'directory')
  symlinkSync('directory', join(folder, 'link'))
  expect(() => replaceFile(join(folder, 'missing', 'x'), 'new')).toThrow(expect.objectContaining({ errno: 'ENOENT' }))
  expect(existsSync(target)).toBe(false)
  expect(readFileSync(file, 'utf8')).toBe('old')
  expect(readdirSync(folder).sort()).toEqual(['link', 'old'])
})

test('a report that cannot be written ends with 2 and is said once', async () => {
  const { code, stderr } = await premain(['-o', join(folder, 'missing', 'x'), 'hello'])
  expect(code).toBe(2)
  expect(stderr.match(/cannot write/g)).toHaveLength(1)
  expect(stderr).toContain('hint: The directory of -o FILE has to exist.')
})
