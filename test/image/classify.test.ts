import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PremainError } from '../../lib/errors'
import { classifyProgram, parseScript, resolveProgram } from '../../lib/image/classify'
import { noexecMountOf } from '../../lib/image/lookup'
import { arm64Program, missingProgram } from '../support/corpus'
import { findCommand, testUnless } from '../support/skip'
import { altered, build, removeScratch, scratchFolder, variants, writeScratch } from './support'

afterAll(removeScratch)

const fixture = variants.find(({ name }) => name === 'static, stripped')!
const dynamic = variants.find(({ name }) => name === 'pie, stripped')!
const testWithGo = testUnless(fixture.missing)

function failure(run: () => unknown): PremainError {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(PremainError)
    return error as PremainError
  }
  throw new Error('it did not fail')
}

const classify = (path: string, cwd = '/'): PremainError => failure(() => classifyProgram(path, cwd))

const python = findCommand('python3')

/** What execve says of a file that is neither: Node, like a shell, would run such a file by /bin/sh. */
function execvErrno(python: string, path: string): string {
  const script =
    'import errno, os, sys\ntry: os.execv(sys.argv[1], ["x"])\nexcept OSError as e: print(errno.errorcode[e.errno])'
  return spawnSync(python, ['-c', script, path], { encoding: 'utf8' }).stdout.trim()
}

/** What the kernel says of executing a file. */
function kernelErrno(path: string): string | undefined {
  return (spawnSync(path, { stdio: 'ignore' }).error as NodeJS.ErrnoException | undefined)?.code
}

describe('programs', () => {
  testWithGo('an ELF program is itself, by an absolute or a relative path', () => {
    const file = build(fixture)
    expect(classifyProgram(file, '/')).toEqual({ elf: file, scripts: [] })
    expect(classifyProgram(`.${file}`, '/')).toEqual({ elf: file, scripts: [] })
  })

  test('a script is its interpreter, with the rest of the line as one argument', () => {
    const script = writeScratch('script', '#! /bin/sh -e -u \necho\n')
    expect(classifyProgram(script, '/')).toEqual({
      elf: '/bin/sh',
      scripts: [{ path: script, interpreter: '/bin/sh', argument: '-e -u' }],
    })
  })

  test('interpreters may be scripts, five deep, as the kernel has it', () => {
    const folder = scratchFolder('chain')
    let interpreter = '/bin/true'
    for (let depth = 1; depth <= 6; depth++) {
      const script = writeScratch(`chain/${depth}`, `#!${interpreter}\n`)
      if (depth <= 5) {
        expect(kernelErrno(script)).toBeUndefined()
        expect(classifyProgram(script, folder).scripts).toHaveLength(depth)
      } else {
        expect(kernelErrno(script)).toBe('ELOOP')
        expect(classify(script)).toMatchObject({ code: 'EXEC_FAILED', errno: 'ELOOP' })
      }
      interpreter = script
    }
  })

  test('a relative interpreter counts from the working directory', () => {
    const folder = scratchFolder('relative')
    symlinkSync('/bin/true', join(folder, 'tool'))
    const script = writeScratch('relative/script', '#!./tool\n')
    expect(classifyProgram(script, folder).elf).toBe(join(folder, 'tool'))
    expect(classify(script)).toMatchObject({ code: 'INTERPRETER_MISSING' })
  })
})

describe('the line of a script', () => {
  const cases: [string, ReturnType<typeof parseScript>][] = [
    ['#!/bin/sh\n', { interpreter: '/bin/sh', argument: null }],
    ['#! \t/usr/bin/env  node --x  \n', { interpreter: '/usr/bin/env', argument: 'node --x' }],
    ['#!/bin/sh', { interpreter: '/bin/sh', argument: null }],
    [`#!/bin/sh ${'a'.repeat(400)}`, { interpreter: '/bin/sh', argument: 'a'.repeat(245) }],
    [`#!/${'a'.repeat(400)}\n`, null],
    ['#!\n/bin/sh\n', null],
    ['#!   \n', null],
    ['#/bin/sh\n', null],
    ['', null],
    ['#!/opt/größe/sh\n', { interpreter: '/opt/größe/sh', argument: null }],
  ]
  test.each(cases)('%j', (text, expected) => expect(parseScript(Buffer.from(text))).toEqual(expected))

  test('a line that the kernel cuts off is read as the kernel reads it', () => {
    const script = writeScratch('long-line', `#!/bin/echo ${'a'.repeat(400)}\n`)
    const passed = spawnSync(script, { encoding: 'utf8' }).stdout.split(' ')[0]
    expect(classifyProgram(script, '/').scripts[0]?.argument).toBe(passed)
    const unreadable = writeScratch('long-path', `#!/${'a'.repeat(400)}\n`)
    expect(classify(unreadable)).toMatchObject({ code: 'NOT_ELF' })
    if (python !== null) expect(execvErrno(python, unreadable)).toBe('ENOEXEC')
  })
})

describe('what cannot be executed', () => {
  test('a path that does not exist: which component', () => {
    const folder = scratchFolder('there')
    expect(classify(join(folder, 'no', 'such', 'file'))).toMatchObject({
      code: 'NOT_FOUND',
      errno: 'ENOENT',
      message: `${join(folder, 'no', 'such', 'file')}: ${join(folder, 'no')} does not exist`,
    })
    const file = writeScratch('there/file', 'x')
    expect(classify(join(file, 'below'))).toMatchObject({
      code: 'NOT_FOUND',
      errno: 'ENOTDIR',
      message: `${join(file, 'below')}: ${file} is not a directory`,
    })
    symlinkSync('nowhere', join(folder, 'link'))
    expect(classify(join(folder, 'link'))).toMatchObject({
      code: 'NOT_FOUND',
      hint: 'It is a symbolic link to nowhere.',
    })
    symlinkSync('circle', join(folder, 'circle'))
    expect(classify(join(folder, 'circle'))).toMatchObject({ code: 'NOT_FOUND', errno: 'ELOOP' })
  })

  test('a directory, and a device', () => {
    expect(classify('/tmp')).toMatchObject({ code: 'NOT_EXECUTABLE', message: '/tmp is a directory', errno: 'EACCES' })
    expect(classify('/dev/null')).toMatchObject({ code: 'NOT_EXECUTABLE', message: '/dev/null is not a regular file' })
  })

  test('no execute permission', () => {
    const file = writeScratch('no-x', '#!/bin/sh\n', 0o644)
    expect(kernelErrno(file)).toBe('EACCES')
    expect(classify(file)).toMatchObject({ code: 'NOT_EXECUTABLE', errno: 'EACCES', hint: `chmod +x ${file}` })
  })

  test('a directory that may not be searched', () => {
    const file = writeScratch('closed', '')
    const folder = dirname(file)
    chmodSync(folder, 0o600)
    // Root may search any directory; another user may not.
    if (process.getuid?.() === 0) process.seteuid?.(65534)
    try {
      expect(classify(file)).toMatchObject({
        code: 'NOT_EXECUTABLE',
        errno: 'EACCES',
        message: `${file}: ${folder} may not be searched`,
      })
    } finally {
      if (process.getuid?.() === 0) process.seteuid?.(0)
      chmodSync(folder, 0o700)
    }
  })

  test('a file system that is mounted noexec is named', () => {
    const mounts = [
      '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
      '2 1 0:5 / /tmp rw,noexec - tmpfs tmpfs rw',
      '3 2 0:6 / /tmp/on\\040top rw,relatime - tmpfs tmpfs rw',
      '4 1 0:7 / /srv rw - tmpfs tmpfs rw',
      '5 4 0:8 / /srv rw,nosuid,noexec - tmpfs tmpfs rw',
    ].join('\n')
    const cases = [
      ['/tmp/x', '/tmp'],
      ['/tmp', '/tmp'],
      ['/tmpfile', null],
      ['/tmp/on top/x', null],
      ['/srv/x', '/srv'],
      ['/x', null],
    ] as const
    for (const [path, mount] of cases) expect([path, noexecMountOf(path, mounts)]).toEqual([path, mount])
  })

  test('text without #!, an empty file, programs of other systems', () => {
    const cases: [string, string | Buffer, RegExp][] = [
      ['text', 'echo hello\n', /is a text file without a #! line$/],
      ['empty', '', /is empty$/],
      ['windows', Buffer.from('MZ\x90\0\x03\0\0\0', 'latin1'), /is a Windows program$/],
      ['macos', Buffer.from([0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]), /is a macOS program$/],
      ['noise', Buffer.from([1, 2, 3, 0, 255]), /is neither an ELF file nor a script$/],
    ]
    for (const [name, content, message] of cases) {
      const file = writeScratch(name, content)
      expect(classify(file)).toMatchObject({
        code: 'NOT_ELF',
        errno: 'ENOEXEC',
        message: expect.stringMatching(message),
      })
      if (python !== null) expect(execvErrno(python, file)).toBe('ENOEXEC')
    }
  })

  test('an interpreter that is missing', () => {
    const script = writeScratch('lost', '#!/no/such/interpreter\n')
    expect(kernelErrno(script)).toBe('ENOENT')
    expect(classify(script)).toMatchObject({ code: 'INTERPRETER_MISSING', errno: 'ENOENT' })
    const dos = classify(writeScratch('dos', '#!/bin/sh\r\necho\r\n'))
    expect(dos).toMatchObject({ code: 'INTERPRETER_MISSING', hint: expect.stringContaining('carriage return') })
  })

  testUnless(dynamic.missing)('a dynamic linker that is missing, with the system it belongs to', () => {
    const linkers: [string, string][] = [
      ['/no/ld-musl-x86_64.so.1', 'musl'],
      ['/lib64/no/ld-linux.so', 'glibc'],
    ]
    for (const [linker, libc] of linkers) {
      const file = altered(build(dynamic), libc, (bytes) => {
        const at = bytes.indexOf('/lib64/ld-linux')
        bytes.fill(0, at, at + 28).write(linker, at)
      })
      expect(classify(file)).toMatchObject({ code: 'INTERPRETER_MISSING', hint: expect.stringContaining(libc) })
      expect(kernelErrno(file)).toBe('ENOENT')
    }
  })

  testWithGo('truncated programs', () => {
    const bytes = readFileSync(build(fixture))
    for (const length of [4, 19, 40, 100, 4096, bytes.length >> 1]) {
      const file = writeScratch('truncated', bytes.subarray(0, length))
      expect(classify(file)).toMatchObject({ code: 'MALFORMED_ELF' })
    }
  })

  testUnless(missingProgram(arm64Program))('a program for another machine', () => {
    chmodSync(arm64Program.file, 0o755)
    const error = classify(arm64Program.file)
    expect(error).toMatchObject({ code: 'WRONG_ARCH', message: expect.stringMatching(/is a Go program for aarch64$/) })
  })

  testWithGo('a 32-bit program, one packed by UPX, and big endian', () => {
    const narrow = altered(build(fixture), 'narrow', (bytes) => {
      bytes.writeUInt8(1, 4)
      bytes.writeUInt16LE(3, 18)
    })
    expect(classify(narrow).message).toMatch(/is a 32-bit Go program for i386$/)
    const packed = altered(narrow, 'packed', (bytes) => bytes.write('UPX!', 0xec))
    expect(classify(packed)).toMatchObject({ code: 'WRONG_ARCH', message: expect.stringMatching(/packed by UPX/) })
    const big = altered(build(fixture), 'big', (bytes) => bytes.writeUInt8(2, 5))
    expect(classify(big)).toMatchObject({ code: 'WRONG_ARCH', message: expect.stringMatching(/big-endian/) })
  })
})

describe('looking names up', () => {
  const folder = (): string => scratchFolder('path')
  beforeAll(() => folder())

  test('the first executable file in PATH, as a shell finds it', () => {
    const shell = spawnSync('/bin/sh', ['-c', 'command -v env'], { encoding: 'utf8' }).stdout.trim()
    expect(resolveProgram('env', { cwd: '/', env: { path: process.env.PATH } })).toBe(shell)
    scratchFolder('path/a/tool')
    writeScratch('path/tool', 'x', 0o644)
    scratchFolder('path/b')
    writeScratch('path/b/tool', '#!/bin/sh\n')
    const path = `${folder()}/a:${folder()}:${folder()}/b`
    expect(resolveProgram('tool', { cwd: '/', env: { path } })).toBe(`${folder()}/b/tool`)
  })

  test('an empty entry is the working directory; a name with a slash is not looked up', () => {
    writeScratch('path/here', '#!/bin/sh\n')
    for (const path of ['', ':/bin', '/bin:', '/bin::/sbin']) {
      expect(resolveProgram('here', { cwd: folder(), env: { path } })).toBe('./here')
    }
    expect(resolveProgram('./any/where', { cwd: '/', env: { path: '' } })).toBe('./any/where')
  })

  test('without PATH the system’s own directories', () => {
    expect(resolveProgram('true', { cwd: '/', env: { path: undefined } })).toBe('/bin/true')
  })

  test('not found, or found without permission', () => {
    writeScratch('path/denied', 'x', 0o644)
    writeScratch('path/local', '#!/bin/sh\n')
    const search = (name: string, path: string): PremainError =>
      failure(() => resolveProgram(name, { cwd: folder(), env: { path } }))
    expect(search('no-such-program', '/bin')).toMatchObject({ code: 'NOT_FOUND', errno: 'ENOENT' })
    expect(search('denied', folder())).toMatchObject({ code: 'NOT_EXECUTABLE' })
    expect(search('local', '/bin').hint).toContain('./local')
    expect(search('.', '/bin').hint).toBe('. is a directory here: give the path of the program in it.')
  })
})
