/** The error in which a run ended, if it did. */
import { resolve } from 'node:path'
import { PremainError, shortageHint } from '../errors'
import { ptraceDenied } from '../session/denial'
import { systemErrorName } from '../session/errno'
import type { EndRecord } from '../session/records'
import { aborted, type Run } from '../session/run'
import { execFailure } from './exec-failure'
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
  return aborted(interruption?.reason)
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
      // Set free on its way, it has run on to an end of its own.
      if (run.records.some((record) => record.kind === 'detached')) return null
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
    hint: errno === 'EAGAIN' ? 'the limit of processes (ulimit -u) is reached' : shortageHint(errno),
    errno,
    syscall: end.syscall,
  })
}

function execFailed(run: Run, end: EndRecord): PremainError {
  const { program, options, image } = run
  return execFailure(systemErrorName(-end.status), {
    path: resolve(options.cwd, program.path),
    interpreter: image.elf.interpreter,
    argv: program.argv,
    env: options.env.read().split('\0').slice(0, -1),
  })
}

function endedEarly(trace: Trace): PremainError {
  const how = trace.exit?.signal ? `was killed by ${trace.exit.signal}` : `exited with code ${trace.exit?.code}`
  const stderr = complaint(trace.output.stderr.trimEnd())
  return new PremainError('EXITED_BEFORE_MAIN', `the program ${how} before main.main${stderr && `:\n${stderr}`}`, {
    hint: 'The steps show how far it came; its own output is in trace.output.',
  })
}

/** What a dying program said: from where Go begins to report a crash, else the last of it. */
function complaint(stderr: string): string {
  if (stderr.length <= SHOWN_STDERR) return stderr
  const crash = /^(panic: |fatal error: |SIG[A-Z]+: |runtime: )/m.exec(stderr)
  return crash ? stderr.slice(crash.index, crash.index + SHOWN_STDERR) : stderr.slice(-SHOWN_STDERR)
}
