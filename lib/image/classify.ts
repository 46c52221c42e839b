/**
 * What the kernel would make of a file, found out before exec: an ELF program, a script with its chain of interpreters,
 * or neither. Source: linux fs/binfmt_script.c, fs/exec.c exec_binprm, fs/binfmt_elf.c.
 */
import { existsSync } from 'node:fs'
import { PremainError } from '../errors'
import { malformed } from './cursor'
import { type ElfIdent, readIdent, readInterpreter, readKernelHeaders } from './elf'
import { ProgramFile } from './file'
import { checkExecutable, fromCwd } from './lookup'
import { isUpx } from './program'

export { programName, resolveProgram } from './lookup'

/** The bytes of a file that the kernel looks at (linux include/uapi/linux/binfmts.h BINPRM_BUF_SIZE). */
const BUFFER = 256

/** Interpreters that may follow one another (linux fs/exec.c exec_binprm: more give ELOOP). */
const MAX_SCRIPTS = 5

/** How much of a file is searched for signs of Go, to name a program that cannot be traced. */
const NAMING_SEARCH = 64 * 1024 * 1024
const GO_MAGIC = Buffer.from('\xff Go buildinf:', 'latin1')

const MACHINES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' }

/** A script and the interpreter that its first line names. */
export interface Script {
  path: string
  interpreter: string
  /** The rest of the line as the kernel passes it on: one argument, or null. */
  argument: string | null
}

/** What would be run. */
export interface ProgramClass {
  /** Absolute path of the ELF file that execve puts in place: the program, or the last interpreter of its chain. */
  elf: string
  /** The `#!` chain, outermost first; empty for an ELF file. */
  scripts: Script[]
}

/**
 * Classifies a program that is about to be executed with the working directory `cwd`, and refuses what execve would
 * refuse, or what this machine cannot run.
 * @throws PremainError `NOT_FOUND`, `NOT_EXECUTABLE`, `NOT_ELF`, `MALFORMED_ELF`, `WRONG_ARCH`, `INTERPRETER_MISSING`,
 * `UNSUPPORTED`, `EXEC_FAILED` (too many scripts)
 */
export function classifyProgram(path: string, cwd: string): ProgramClass {
  const scripts: Script[] = []
  for (let current = path; ; ) {
    const absolute = fromCwd(current, cwd)
    checkPresent(absolute, scripts.at(-1))
    const file = new ProgramFile(absolute)
    try {
      const head = file.bytes(0, Math.min(BUFFER, file.size))
      const line = parseScript(head)
      if (line === null) {
        checkElf(file, head)
        return { elf: absolute, scripts }
      }
      scripts.push({ path: current, ...line })
      current = line.interpreter
    } finally {
      file.close()
    }
    if (scripts.length > MAX_SCRIPTS) {
      throw new PremainError('EXEC_FAILED', `${path}: its #! interpreters are scripts, ${scripts.length} deep`, {
        hint: `The kernel follows ${MAX_SCRIPTS} of them.`,
        errno: 'ELOOP',
        syscall: 'execve',
      })
    }
  }
}

function checkPresent(path: string, script: Script | undefined): void {
  try {
    checkExecutable(path)
  } catch (error) {
    if (script === undefined || !(error instanceof PremainError) || error.code !== 'NOT_FOUND') throw error
    const carriageReturn = script.interpreter.endsWith('\r') || script.argument?.endsWith('\r')
    throw new PremainError(
      'INTERPRETER_MISSING',
      `${script.path}: its #! interpreter ${JSON.stringify(script.interpreter)} does not exist`,
      {
        hint: carriageReturn
          ? 'Its first line ends in a carriage return: convert the script to Unix line ends.'
          : 'Install the interpreter, or correct the first line of the script.',
        errno: 'ENOENT',
        syscall: 'execve',
        cause: error,
      },
    )
  }
}

/** The `#!` line as the kernel reads it; null where the bytes are no script that the kernel would run. */
export function parseScript(head: Buffer): Omit<Script, 'path'> | null {
  const text = head.subarray(0, BUFFER).toString('latin1')
  if (!text.startsWith('#!')) return null
  const newline = text.indexOf('\n')
  const line = newline < 0 ? text.slice(2, BUFFER - 1) : text.slice(2, newline)
  const [, interpreter, blank, rest] = /^[ \t]*([^ \t\0]+)([ \t\0]?)([^\0]*)/.exec(line) ?? []
  if (interpreter === undefined) return null
  // Without an end of line in the buffer, an interpreter that fills it may be cut off: the kernel refuses it.
  if (newline < 0 && blank === '' && head.length >= BUFFER) return null
  const argument = (rest ?? '').replace(/^[ \t]+|[ \t]+$/g, '')
  const utf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8')
  return { interpreter: utf8(interpreter), argument: argument === '' ? null : utf8(argument) }
}

function checkElf(file: ProgramFile, head: Buffer): void {
  const ident = readIdent(head)
  if (ident === null) throw notElf(file, head)
  const host = MACHINES[process.arch] ?? process.arch
  if (ident.bits !== 64 || !ident.littleEndian || ident.machine !== host)
    throw wrongMachine(file, { ident, head, host })
  const interpreter = readInterpreter(file, readKernelHeaders(file))
  if (interpreter === '') throw malformed('PT_INTERP is not a path')
  if (interpreter !== null && !existsSync(interpreter)) throw noInterpreter(file.path, interpreter)
}

function notElf(file: ProgramFile, head: Buffer): PremainError {
  const details = { errno: 'ENOEXEC', syscall: 'execve' }
  if (head.length === 0) {
    return new PremainError('NOT_ELF', `${file.path} is empty`, {
      hint: 'Was its build or download cut short?',
      ...details,
    })
  }
  const text = !head.includes(0) && /^[\t\n\r\x20-\x7e\x80-\xff]*$/.test(head.toString('latin1'))
  if (!text) {
    const foreign =
      head.toString('latin1', 0, 2) === 'MZ' ? 'a Windows program' : machO(head) ? 'a macOS program' : null
    return new PremainError('NOT_ELF', `${file.path} is ${foreign ?? 'neither an ELF file nor a script'}`, {
      hint: foreign === null ? null : 'Build it for this system: GOOS=linux.',
      ...details,
    })
  }
  return new PremainError('NOT_ELF', `${file.path} is a text file without a #! line`, {
    hint: `A shell would run it, the kernel does not: begin it with #!/bin/sh, or trace the shell: premain sh ${file.path}`,
    ...details,
  })
}

function machO(head: Buffer): boolean {
  return (
    head.length >= 4 &&
    [0xfeedface, 0xfeedfacf, 0xcafebabe].some(
      (magic) => head.readUInt32LE(0) === magic || head.readUInt32BE(0) === magic,
    )
  )
}

interface Foreign {
  ident: ElfIdent
  head: Buffer
  host: string
}

function wrongMachine(file: ProgramFile, { ident, head, host }: Foreign): PremainError {
  const [go] = file.search(GO_MAGIC, 0, Math.min(file.size, NAMING_SEARCH))
  const program = isUpx(file) ? 'program packed by UPX' : go === undefined ? 'program' : 'Go program'
  const width = ident.bits === 32 ? '32-bit ' : ident.littleEndian ? '' : 'big-endian '
  const hint =
    ident.machine === 'i386'
      ? 'premain traces 64-bit programs: build it with GOARCH=amd64.'
      : `Trace it on a machine of its own kind, or build it for this one (${host}).`
  return new PremainError('WRONG_ARCH', `${file.path} is a ${width}${program} for ${ident.machine}`, {
    hint,
    errno: head.length > 0 ? 'ENOEXEC' : null,
    syscall: 'execve',
  })
}

function noInterpreter(path: string, interpreter: string): PremainError {
  const hints: [RegExp, string][] = [
    [/ld-musl/, 'It was built for musl (Alpine): run it there, or build it with CGO_ENABLED=0.'],
    [
      /ld-linux/,
      'It was built for glibc, and this system (Alpine?) has none: build it with CGO_ENABLED=0, or on Alpine itself.',
    ],
    [/^\/nix\//, 'It was built by Nix, whose store is not here: build it with CGO_ENABLED=0, or use patchelf.'],
  ]
  return new PremainError(
    'INTERPRETER_MISSING',
    `${path} needs the dynamic linker ${interpreter}, which does not exist`,
    {
      hint: hints.find(([name]) => name.test(interpreter))?.[1] ?? 'Build it with CGO_ENABLED=0 for a static program.',
      errno: 'ENOENT',
      syscall: 'execve',
    },
  )
}
