/** The error in which a run ended, if it did. */
import { PremainError } from '../errors'
import { ptraceDenied } from '../session/denial'
import { systemErrorName } from '../session/errno'
import type { EndRecord } from '../session/records'
import type { Run } from '../session/run'
import { stuckFrames, stuckWhere } from './stuck'
import type { ErrorInfo, Trace } from './types'

/** How much of a dead program's standard error the message of `EXITED_BEFORE_MAIN` shows. */
const SHOWN_STDERR = 2000

/**
 * The error of a finished run, with the partial trace on it and in `trace.error`; null when it came as far as asked.
 */
export function failureOf(run: Run, trace: Trace): PremainError | null {
  const end = run.records.at(-1)
  const error =
    run.interruption !== null ? interrupted(run, trace) : end?.kind === 'end' ? ended(run, end, trace) : null
  if (error === null) return null
  trace.error = errorInfo(error)
  error.trace = trace
  return error
}

/** An error as data. */
export function errorInfo(error: PremainError): ErrorInfo {
  const { code, message, hint, errno, syscall } = error
  return { code, message, hint, errno, syscall }
}

function interrupted(run: Run, trace: Trace): PremainError {
  const { interruption, options } = run
  if (interruption?.outcome === 'timeout') {
    const { stuck = null } = trace
    const where = stuck === null ? '' : `: ${stuckWhere(stuck, trace)}`
    return new PremainError('TIMEOUT', `the program did not get there within ${options.timeout} ms${where}`, {
      hint: (stuck && stuckFrames(stuck)) ?? 'Give it more time, or end the trace at an earlier step with `until`.',
    })
  }
  if (interruption?.reason instanceof PremainError) return interruption.reason
  return new PremainError('ABORTED', 'the trace was aborted', { cause: interruption?.reason })
}

function ended(run: Run, end: EndRecord, trace: Trace): PremainError | null {
  switch (end.how) {
    case 'launch-failed':
      return launchFailed(run, end)
    case 'exec-failed':
      return execFailed(run, end)
    case 'killed-by-us':
    case 'detached':
      return null
    case 'exited':
    case 'signaled':
      return trace.outcome === 'exited' || trace.outcome === 'killed' ? endedEarly(trace) : null
  }
}

function launchFailed(run: Run, end: EndRecord): PremainError {
  const errno = systemErrorName(-end.status)
  if (end.syscall === 'ptrace') return ptraceDenied(errno)
  if (end.syscall === 'chdir') {
    return new PremainError('NOT_FOUND', `the working directory ${run.options.cwd} cannot be entered`, {
      hint: 'option cwd (--cwd) names a directory that exists and may be searched',
      errno,
      syscall: 'chdir',
    })
  }
  if (end.syscall === 'pwrite64') {
    return new PremainError('UNSUPPORTED', 'the program was ended: a stop could not be written into its memory', {
      hint: 'its file says that code is where it is not mapped, or this machine lets nobody write to text',
      errno,
      syscall: 'pwrite64',
    })
  }
  return new PremainError('EXEC_FAILED', 'the target could not be started', {
    hint: errno === 'EAGAIN' ? 'the limit of processes (ulimit -u) is reached' : null,
    errno,
    syscall: end.syscall,
  })
}

/** What execve's errno means where the checks before exec had nothing to say. Source: execve(2). */
const EXEC_ERRORS: Record<string, { code: PremainError['code']; hint: string }> = {
  ENOENT: { code: 'INTERPRETER_MISSING', hint: 'the program is there, so its interpreter (PT_INTERP or #!) is not' },
  EACCES: { code: 'NOT_EXECUTABLE', hint: 'no execute permission, a noexec mount, or a directory on the way' },
  EPERM: { code: 'NOT_EXECUTABLE', hint: 'a nosuid mount or a security module refuses it' },
  ENOEXEC: { code: 'NOT_ELF', hint: 'the kernel has no loader for this format' },
  ETXTBSY: { code: 'EXEC_FAILED', hint: 'the file is open for writing: a build is still going on' },
  E2BIG: { code: 'EXEC_FAILED', hint: 'arguments and environment are larger than the kernel takes' },
  ELOOP: { code: 'NOT_FOUND', hint: 'too many symbolic links on the way' },
  ENOMEM: { code: 'EXEC_FAILED', hint: 'not enough memory for the new image' },
}

function execFailed(run: Run, end: EndRecord): PremainError {
  const errno = systemErrorName(-end.status)
  const known = EXEC_ERRORS[errno]
  return new PremainError(known?.code ?? 'EXEC_FAILED', `execve of ${run.program.path} failed with ${errno}`, {
    hint: known?.hint ?? null,
    errno,
    syscall: 'execve',
  })
}

function endedEarly(trace: Trace): PremainError {
  const how = trace.exit?.signal ? `was killed by ${trace.exit.signal}` : `exited with code ${trace.exit?.code}`
  const stderr = trace.output.stderr.trimEnd().slice(-SHOWN_STDERR)
  return new PremainError('EXITED_BEFORE_MAIN', `the program ${how} before main.main${stderr && `:\n${stderr}`}`, {
    hint: 'The steps show how far it came; its own output is in trace.output.',
  })
}
