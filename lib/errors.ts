/**
 * Every way premain can fail, by name.
 *
 * - `NOT_FOUND` the program, or a component of its path, does not exist
 * - `NOT_EXECUTABLE` it exists, but may not be executed (permission, noexec mount, a directory)
 * - `INTERPRETER_MISSING` its `#!` interpreter or its PT_INTERP does not exist
 * - `WRONG_ARCH` an ELF file for another machine or word size
 * - `NOT_ELF` neither an ELF file nor a script
 * - `MALFORMED_ELF` an ELF file whose tables contradict themselves or the file's size
 * - `EXEC_FAILED` execve refused for another reason (`errno` says which)
 * - `PTRACE_DENIED` the kernel or a sandbox does not let this process trace its own child
 * - `EXITED_BEFORE_MAIN` the program ended before `main.main`
 * - `TIMEOUT` the `timeout` option ran out
 * - `ABORTED` the `signal` option was aborted, or the session was closed
 * - `INVALID_OPTION` an option or argument has no meaning here
 * - `UNSUPPORTED` a program that premain knows it cannot trace truthfully
 */
export type ErrorCode =
  | 'NOT_FOUND'
  | 'NOT_EXECUTABLE'
  | 'INTERPRETER_MISSING'
  | 'WRONG_ARCH'
  | 'NOT_ELF'
  | 'MALFORMED_ELF'
  | 'EXEC_FAILED'
  | 'PTRACE_DENIED'
  | 'EXITED_BEFORE_MAIN'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'INVALID_OPTION'
  | 'UNSUPPORTED'

/** What a {@link PremainError} carries beside its code and message. */
export interface ErrorDetails {
  /** What to do about it, in one or two sentences. */
  hint?: string | null
  /** The error underneath, if any. */
  cause?: unknown
  /** The kernel's errno by name, such as `ENOENT`. */
  errno?: string | null
  /** The system call that failed, such as `execve`. */
  syscall?: string | null
}

/** The one error class that premain throws or rejects with. */
export class PremainError extends Error {
  /** The kind of failure, stable across versions. */
  readonly code: ErrorCode
  /** What to do about it, or null when there is nothing to say. */
  readonly hint: string | null
  /** The kernel's errno by name, or null when the kernel was not the one to refuse. */
  readonly errno: string | null
  /** The system call that failed, or null. */
  readonly syscall: string | null
  /** What was seen before the failure: a partial `Trace`, when there is one. */
  trace?: unknown
  /** What `measure()` or `check()` had measured before it: a `Measurement` of the launches until then, when there is one. */
  measurement?: unknown

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = code === 'ABORTED' ? 'AbortError' : 'PremainError'
    this.code = code
    this.hint = details.hint ?? null
    this.errno = details.errno ?? null
    this.syscall = details.syscall ?? null
  }
}

/** What Node calls it when V8, a buffer or WebAssembly gets no memory: these errors have no code. */
const NO_MEMORY = /allocation failed|out of memory|could not allocate/i

const SHORTAGES: Record<string, [what: string, hint: string]> = {
  ENOMEM: [
    'this process is given too little memory',
    'Raise the limit of the address space (ulimit -v). NODE_OPTIONS=--disable-wasm-trap-handler makes premain’s ' +
      'disassembler reserve ten gigabytes less of it.',
  ],
  EMFILE: [
    'this process has no file descriptor left',
    'Raise the limit of open files (ulimit -n), or trace fewer at once.',
  ],
  ENFILE: ['this machine has no file descriptor left', 'Raise fs.file-max, or find who keeps so many files open.'],
}

/** What to do about a shortage of memory or descriptors, by its errno; null for any other. */
export function shortageHint(errno: string | null): string | null {
  return SHORTAGES[errno ?? '']?.[1] ?? null
}

/**
 * A failure as users may see it: what Node throws where memory or descriptors are refused becomes `UNSUPPORTED` with errno
 * `ENOMEM`, `EMFILE` or `ENFILE`; everything else stays as it is.
 */
export function named(failure: unknown): unknown {
  if (failure instanceof PremainError) return failure
  // by name: under Jest, Node's own errors are no instances of the test's RangeError
  const { name, message, code, syscall } = (failure ?? {}) as Partial<NodeJS.ErrnoException>
  const refused = (name === 'RangeError' && NO_MEMORY.test(message ?? '')) || code === 'ERR_MEMORY_ALLOCATION_FAILED'
  const errno = refused ? 'ENOMEM' : (code ?? '')
  const shortage = SHORTAGES[errno]
  if (shortage === undefined) return failure
  const [what, hint] = shortage
  return new PremainError('UNSUPPORTED', what, { hint, errno, syscall: syscall ?? null, cause: failure })
}

/** Throws {@link named} of a failure. */
export function throwNamed(failure: unknown): never {
  throw named(failure)
}
