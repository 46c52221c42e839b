/** Why execve refused a program that the checks before it had let through: races, limits, and the dynamic linker. */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { type ErrorCode, PremainError } from '../errors'
import { checkExecutable } from '../image/lookup'

/** What was given to execve. */
export interface ExecAttempt {
  /** Absolute. */
  path: string
  /** PT_INTERP of the file that was to be put in place, or null. */
  interpreter: string | null
  argv: readonly string[]
  /** `NAME=value` each. */
  env: readonly string[]
}

/** The longest string that execve takes, its NUL included. Source: linux include/uapi/linux/binfmts.h MAX_ARG_STRLEN. */
const LONGEST_STRING = 131072

/** The most bytes of strings and pointers, whatever the stack's limit. Source: linux fs/exec.c bprm_stack_limits. */
const MOST_BYTES = 6 * 1024 * 1024

/** O_WRONLY or O_RDWR in the octal flags of fdinfo. */
const WRITING = 0o3

/** Source: execve(2). */
const MEANINGS: Record<string, { code: ErrorCode; hint: string }> = {
  ENOENT: { code: 'INTERPRETER_MISSING', hint: 'The program is there, so its interpreter (PT_INTERP or #!) is not.' },
  EACCES: { code: 'NOT_EXECUTABLE', hint: 'No execute permission, a noexec mount, or a directory on the way.' },
  EPERM: { code: 'NOT_EXECUTABLE', hint: 'A security module refuses it, or it is set-user-ID with tracing forbidden.' },
  ENOEXEC: { code: 'NOT_ELF', hint: 'The kernel has no loader for this format.' },
  ELIBBAD: { code: 'EXEC_FAILED', hint: 'Its dynamic linker (PT_INTERP) is not a program of this machine.' },
  ELOOP: { code: 'NOT_FOUND', hint: 'Too many symbolic links on the way, or too many interpreters.' },
  ENOMEM: { code: 'EXEC_FAILED', hint: 'Not enough memory for the new image.' },
  EINVAL: { code: 'EXEC_FAILED', hint: 'Its segments cannot be mapped as its program headers say.' },
  ETXTBSY: { code: 'EXEC_FAILED', hint: 'Wait for the build or the copy that still writes it.' },
  E2BIG: { code: 'EXEC_FAILED', hint: 'Give it fewer or shorter arguments, or a smaller environment.' },
}

/** The error for an execve that failed with `errno`, a name such as `ETXTBSY`. */
export function execFailure(errno: string, attempt: ExecAttempt): PremainError {
  const { code, hint } = MEANINGS[errno] ?? { code: 'EXEC_FAILED' as const, hint: null }
  const reason = reasonOf(errno, attempt)
  return new PremainError(code, `execve of ${attempt.path} failed with ${errno}${reason && `: ${reason}`}`, {
    hint,
    errno,
    syscall: 'execve',
  })
}

/** What can be found out about it now, in words; empty for nothing. */
function reasonOf(errno: string, attempt: ExecAttempt): string {
  switch (errno) {
    case 'ETXTBSY':
      return writers(attempt.path)
    case 'E2BIG':
      return tooBig(attempt)
    case 'EACCES':
      return refusedInterpreter(attempt)
    default:
      return ''
  }
}

function writers(path: string): string {
  const names = processIds()
    .filter((pid) => writes(pid, path))
    .map((pid) => `${commandOf(pid)} (${pid})`)
  return names.length === 0 ? 'it is open for writing' : `${names.join(', ')} has it open for writing`
}

function processIds(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** False also where the process may not be looked at. */
function writes(pid: number, path: string): boolean {
  try {
    const real = realpathSync(path)
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== real) return false
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'))
      return (Number.parseInt(flags?.[1] ?? '0', 8) & WRITING) !== 0
    })
  } catch {
    return false
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return 'a process'
  }
}

function tooBig({ argv, env }: ExecAttempt): string {
  const size = (text: string): number => Buffer.byteLength(text) + 1
  const long = argv.findIndex((argument) => size(argument) > LONGEST_STRING)
  if (long >= 0) return `argument ${long} has ${size(argv[long] as string)} bytes, the kernel takes ${LONGEST_STRING}`
  const variable = env.find((text) => size(text) > LONGEST_STRING)
  if (variable !== undefined)
    return `the variable ${variable.split('=', 1)[0]} is longer than the ${LONGEST_STRING} bytes the kernel takes`
  const total = [...argv, ...env].reduce((sum, text) => sum + size(text) + 8, 0)
  return `arguments and environment take ${total} bytes, more than a quarter of the stack’s limit (ulimit -s) or ${MOST_BYTES}`
}

function refusedInterpreter({ interpreter }: ExecAttempt): string {
  if (interpreter === null) return ''
  try {
    checkExecutable(interpreter)
    return ''
  } catch (error) {
    return `its dynamic linker: ${(error as Error).message}`
  }
}
