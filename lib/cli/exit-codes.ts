/** The exit codes of the command line, one table. */
import { constants } from 'node:os'
import { type ErrorCode, PremainError } from '../errors'
import { OutputError } from './sink'

/** What each exit code means; `docs` and the README print it. */
export const EXIT = {
  done: 0,
  /** A budget or baseline was broken; `compare --fail-on slower` found it slower. */
  broken: 1,
  usage: 2,
  cannotTrace: 3,
  endedBeforeMain: 4,
  /** With `--strict`. */
  inconclusive: 5,
  timeout: 124,
  /** With `--run`: premain itself failed. */
  ownFailure: 125,
  /** With `--run`. */
  notExecutable: 126,
  /** With `--run`. */
  notFound: 127,
} as const

const PLAIN: Record<ErrorCode, number> = {
  NOT_FOUND: EXIT.cannotTrace,
  NOT_EXECUTABLE: EXIT.cannotTrace,
  INTERPRETER_MISSING: EXIT.cannotTrace,
  WRONG_ARCH: EXIT.cannotTrace,
  NOT_ELF: EXIT.cannotTrace,
  MALFORMED_ELF: EXIT.cannotTrace,
  EXEC_FAILED: EXIT.cannotTrace,
  PTRACE_DENIED: EXIT.cannotTrace,
  UNSUPPORTED: EXIT.cannotTrace,
  EXITED_BEFORE_MAIN: EXIT.endedBeforeMain,
  TIMEOUT: EXIT.timeout,
  ABORTED: 130,
  INVALID_OPTION: EXIT.usage,
}

/** As `env` and `timeout` do: ENOENT of execve is 127, any other refusal of execve is 126. */
const RUN: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: EXIT.notFound,
  INTERPRETER_MISSING: EXIT.notFound,
  NOT_EXECUTABLE: EXIT.notExecutable,
  WRONG_ARCH: EXIT.notExecutable,
  NOT_ELF: EXIT.notExecutable,
  EXEC_FAILED: EXIT.notExecutable,
  MALFORMED_ELF: EXIT.ownFailure,
  PTRACE_DENIED: EXIT.ownFailure,
  UNSUPPORTED: EXIT.ownFailure,
}

/** The exit code of a failure. `run`: the program was to run on, and its own exit code is what counts. */
export function exitCodeOf(error: unknown, run = false): number {
  if (!(error instanceof PremainError)) return run ? EXIT.ownFailure : EXIT.cannotTrace
  if (run && error instanceof OutputError) return EXIT.ownFailure
  return (run ? RUN[error.code] : undefined) ?? PLAIN[error.code]
}

/** The exit code that a shell would show for a program that ended so. */
export function exitCodeOfProgram(exit: { code: number | null; signal: string | null }): number {
  return exit.signal === null ? (exit.code ?? 0) : exitCodeOfSignal(exit.signal)
}

/** 128 + the signal's number. */
export function exitCodeOfSignal(signal: string): number {
  const known = constants.signals as Record<string, number>
  return 128 + (known[signal] ?? Number(/\d+$/.exec(signal)?.[0] ?? 0))
}
