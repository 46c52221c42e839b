/** Surroundings that refuse something, for real: seccomp filters, other tracers, limits, mounts. A Node of its own each. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Doctor } from '../../lib/doctor/types'
import type { Trace } from '../../lib/index'
import { buildC } from '../support/c-programs'
import { tsgo } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'
import { AS_NOBODY } from '../support/nobody'
import { findCommand, missingCommand, testUnless } from '../support/skip'

const root = join(__dirname, '..', '..')
const library = join(root, 'dist', 'index.js')
const command = join(root, 'dist', 'cli', 'bin.js')
const LIMIT = 30_000
const BOUND = { timeout: LIMIT - 5000, killSignal: 'SIGKILL' } as const

/** x86-64. Source: linux arch/x86/entry/syscalls/syscall_64.tbl. */
const NUMBER = {
  pwrite64: 18,
  ptrace: 101,
  sched_setaffinity: 203,
  process_vm_readv: 310,
  kcmp: 312,
  pidfd_open: 434,
  clone3: 435,
  close_range: 436,
} as const

const ERRNO = { EPERM: 1, EIO: 5, ENOSYS: 38 } as const

type Refusals = Partial<Record<keyof typeof NUMBER, keyof typeof ERRNO>>

/** The words that run a command under a filter that refuses these calls. */
function under(refusals: Refusals): string[] {
  const pairs = Object.entries(refusals).map(
    ([call, errno]) => `${NUMBER[call as keyof typeof NUMBER]}=${ERRNO[errno]}`,
  )
  return [buildC('refuse'), ...pairs, '--']
}

interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

/** Runs words with a bound; `input` is a script for the shell or for Node where the words say so. */
function run(words: string[], options: { input?: string; env?: Record<string, string> } = {}): Ended {
  const [file, ...args] = words as [string, ...string[]]
  const ended = spawnSync(file, args, {
    encoding: 'utf8',
    ...BOUND,
    input: options.input ?? '',
    env: { ...process.env, ...options.env },
  })
  expect(ended.signal).toBeNull()
  return { status: ended.status, stdout: ended.stdout, stderr: ended.stderr }
}

/** The trace that `premain --json` writes, started by these words. */
function traceUnder(words: string[], program: string, args: string[] = []): Ended & { trace: Trace } {
  const ended = run([...words, process.execPath, command, '--json', program, ...args])
  return { ...ended, trace: JSON.parse(ended.stdout) as Trace }
}

function doctorUnder(words: string[]): Ended & { doctor: Doctor } {
  const ended = run([...words, process.execPath, command, 'doctor', '--json'])
  return { ...ended, doctor: JSON.parse(ended.stdout) as Doctor }
}

function expectReached(seen: Ended & { trace: Trace }): void {
  expect(seen.stderr).toBe('')
  expect(seen.status).toBe(0)
  expect(seen.trace.outcome).toBe('reached-main')
  expect(seen.trace.steps.filter(({ status }) => status === 'missed')).toEqual([])
}

const withC = testUnless(missingCommand('gcc'))
const withGo = testUnless(missingCommand('gcc') ?? missingGo())

describe('a seccomp filter', () => {
  withC(
    'that refuses ptrace: PTRACE_DENIED with its cause and the fixes, exit code 3',
    () => {
      const { status, trace, stderr } = traceUnder(under({ ptrace: 'EPERM' }), tsgo.file)
      expect(status).toBe(3)
      expect(trace.error).toMatchObject({ code: 'PTRACE_DENIED', errno: 'EPERM', syscall: 'ptrace' })
      expect(trace.error?.message).toContain('seccomp filter')
      for (const where of ['Docker', 'Compose', 'Kubernetes', 'GitLab', 'GitHub']) expect(stderr).toContain(where)
    },
    LIMIT,
  )

  withC(
    'that refuses ptrace: doctor says so, exit code 3',
    () => {
      const { status, doctor } = doctorUnder(under({ ptrace: 'EPERM' }))
      expect(status).toBe(3)
      expect(doctor).toMatchObject({ able: false, facts: { seccomp: 2, noNewPrivileges: true } })
      expect(doctor.checks.find(({ id }) => id === 'ptrace')).toMatchObject({ status: 'failed', errno: 'EPERM' })
      expect(doctor.fixes).toHaveLength(5)
    },
    LIMIT,
  )

  withC(
    'that refuses ptrace leaves no child behind',
    () => {
      const script = `
        const { trace } = require(process.argv[1])
        const { readFileSync } = require('node:fs')
        ;(async () => {
          for (let i = 0; i < 20; i++) await trace(process.argv[2]).catch(() => {})
          console.log(JSON.stringify(readFileSync('/proc/thread-self/children', 'utf8').trim()))
        })()`
      const { stdout } = run([...under({ ptrace: 'EPERM' }), process.execPath, '-e', script, library, tsgo.file])
      expect(stdout).toBe('""\n')
    },
    LIMIT,
  )

  withGo(
    'that refuses writes through /proc/PID/mem: PTRACE_POKEDATA takes their place',
    () => {
      expectReached(traceUnder(under({ pwrite64: 'EIO' }), tsgo.file, tsgo.args))
      const seen = traceUnder(under({ pwrite64: 'EIO' }), buildFixture('forker') as string)
      expectReached(seen)
      const { doctor } = doctorUnder(under({ pwrite64: 'EIO' }))
      expect(doctor.able).toBe(true)
      expect(doctor.checks.find(({ id }) => id === 'memory-write')).toMatchObject({ status: 'limited', errno: 'EIO' })
    },
    LIMIT,
  )

  withGo(
    'that refuses kcmp, as containers do: children that share memory keep the breakpoints, and main does not run',
    () => {
      const seen = traceUnder(under({ kcmp: 'EPERM' }), buildFixture('forker') as string)
      expectReached(seen)
      expect(seen.trace.output.stdout).toBe('')
    },
    LIMIT,
  )

  withGo(
    'that refuses all that tracing can do without',
    () => {
      const refusals: Refusals = {
        kcmp: 'EPERM',
        pidfd_open: 'ENOSYS',
        close_range: 'ENOSYS',
        clone3: 'ENOSYS',
        sched_setaffinity: 'EPERM',
        process_vm_readv: 'EPERM',
      }
      expectReached(traceUnder(under(refusals), buildFixture('forker') as string))
      const { doctor } = doctorUnder(under(refusals))
      expect(doctor.able).toBe(true)
      expect(doctor.checks.filter(({ status }) => status === 'limited').map(({ id }) => id)).toEqual(
        expect.arrayContaining(['kcmp', 'pidfd', 'affinity']),
      )
    },
    LIMIT,
  )
})

describe('another tracer', () => {
  testUnless(missingCommand('strace'))(
    'strace -f: PTRACE_DENIED names it',
    () => {
      const { status, trace } = traceUnder(['strace', '-f', '-o', '/dev/null'], tsgo.file)
      expect(status).toBe(3)
      expect(trace.error).toMatchObject({ code: 'PTRACE_DENIED', hint: expect.stringContaining('outside') })
      expect(trace.error?.message).toMatch(/traced by process \d+ \(strace\)/)
    },
    LIMIT,
  )

  testUnless(missingCommand('strace'))(
    'strace of Node alone does not disturb',
    () => expectReached(traceUnder(['strace', '-o', '/dev/null'], tsgo.file, tsgo.args)),
    LIMIT,
  )

  testUnless(missingCommand('gdb'))(
    'gdb, with Node inside',
    () => {
      const program = ['-batch', '-nx', '-ex', 'set debuginfod enabled off', '-ex', 'run', '--args', process.execPath]
      const folder = mkdtempSync(join(tmpdir(), 'premain-gdb-'))
      try {
        const report = join(folder, 'trace.json')
        const { stdout, stderr } = run(['gdb', ...program, command, '--json', '-o', report, tsgo.file])
        expect(`${stdout}${stderr}`).toContain('exited')
        const { outcome, error } = JSON.parse(readFileSync(report, 'utf8')) as Trace
        // gdb lets go of a forked child, or keeps it: then the refusal says who has it.
        if (error === null) expect(outcome).toBe('reached-main')
        else expect(error).toMatchObject({ code: 'PTRACE_DENIED', message: expect.stringContaining('gdb') })
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    LIMIT,
  )
})

describe('fewer privileges', () => {
  testUnless(missingCommand('setpriv'))(
    'no-new-privs does not hinder',
    () => expectReached(traceUnder(['setpriv', '--no-new-privs'], tsgo.file, tsgo.args)),
    LIMIT,
  )

  testUnless(missingCommand('setpriv') ?? notRoot())(
    'no capability at all does not hinder',
    () => {
      const words = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs']
      expectReached(traceUnder(words, tsgo.file, tsgo.args))
      expect(doctorUnder(words).doctor).toMatchObject({ able: true, facts: { capSysPtrace: false } })
    },
    LIMIT,
  )

  testUnless(noNamespaces())(
    'a user namespace does not hinder',
    () => {
      expectReached(traceUnder(['unshare', '-Ur'], tsgo.file, tsgo.args))
      expect(doctorUnder(['unshare', '-Ur']).doctor.facts.userNamespace).toBe(true)
    },
    LIMIT,
  )
})

describe('mounts', () => {
  /** The shell's words after these have a mount namespace of their own; nothing that they mount is seen outside. */
  const apart = (script: string) => ['unshare', '-rm', 'sh', '-c', `${script} && exec "$@"`, 'sh']

  testUnless(noNamespaces())(
    'no /proc: a clear refusal, with the fix',
    () => {
      const words = apart('mount -t tmpfs none /proc')
      const { status, trace, stderr } = traceUnder(words, tsgo.file)
      expect(status).toBe(3)
      expect(trace.error).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining('/proc') })
      expect(stderr).toContain('mount -t proc')
      expect(doctorUnder(words).doctor).toMatchObject({ able: false, cause: '/proc is not mounted' })
    },
    LIMIT,
  )

  testUnless(noNamespaces())(
    'a noexec mount: NOT_EXECUTABLE',
    () => {
      const words = apart(`mount -t tmpfs -o noexec none /mnt && cp ${tsgo.file} /mnt/program`)
      const { status, trace } = traceUnder(words, '/mnt/program')
      expect(status).toBe(3)
      expect(trace.error?.code).toBe('NOT_EXECUTABLE')
    },
    LIMIT,
  )

  testUnless(noNamespaces())(
    'a read-only file system does not hinder',
    () => {
      const words = apart(
        `mount -t tmpfs none /mnt && cp ${tsgo.file} /mnt/program && mount -o remount,ro /mnt && cd /mnt`,
      )
      expectReached(traceUnder(words, '/mnt/program', tsgo.args))
    },
    LIMIT,
  )

  testUnless(noNamespaces())(
    'a full disk: -o keeps the old file',
    () => {
      const words = apart('mount -t tmpfs -o size=8k none /mnt && echo old > /mnt/report')
      const script = `"$0" "$1" --json -o /mnt/report "$2"; echo "code $?"; cat /mnt/report; ls -A /mnt`
      const { stdout, stderr } = run([...words, 'sh', '-c', script, process.execPath, command, tsgo.file])
      expect(stdout).toBe('code 2\nold\nreport\n')
      expect(stderr).toContain('ENOSPC')
    },
    LIMIT,
  )
})

describe('limits', () => {
  const limited = (limit: string) => ['prlimit', limit]
  const script = `
    const { trace } = require(process.argv[1])
    trace(process.argv[2], ['--version'], { run: process.argv[3] === 'run' }).then(
      (seen) => console.log(seen.outcome, JSON.stringify(seen.exit)),
      (error) => console.log(error.name, error.code, error.errno, error.syscall))`

  function outcomeUnder(words: string[], program: string, how = ''): string {
    return run([...words, process.execPath, '-e', script, library, program, how]).stdout.trim()
  }

  testUnless(missingCommand('prlimit'))(
    'descriptors: few enough, and too few',
    () => {
      expect(outcomeUnder(limited('--nofile=64:64'), tsgo.file)).toBe('reached-main null')
      const seen = [24, 26, 28, 30, 32, 34, 36].map((n) => outcomeUnder(limited(`--nofile=${n}:${n}`), tsgo.file))
      for (const outcome of seen) expect(outcome).toMatch(/^(reached-main null|PremainError [A-Z_]+ .*|)$/)
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit', 'setpriv') ?? notRoot() ?? notForNobody())(
    'processes: a refused thread or child is an error, not an abort',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'premain-nproc-'))
      try {
        // As nobody: root is not limited. Node itself needs about a dozen threads; between that and enough for all are
        // the limits at which the tracer's thread or its child is refused.
        const program = join(folder, 'program')
        copyFileSync(tsgo.file, program)
        run(['chmod', '-R', 'a+rx', folder])
        const outcomes = [7, 8, 9, 10, 11, 12, 40].map((n) =>
          outcomeUnder([...limited(`--nproc=${n}:${n}`), ...AS_NOBODY], program),
        )
        expect(outcomes.at(-1)).toBe('reached-main null')
        for (const outcome of outcomes) expect(outcome).toMatch(/^(reached-main null|PremainError [A-Z_]+ .*|)$/)
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit') ?? missingGo())(
    'CPU time and file size reach the target as a shell would pass them on',
    () => {
      expect(outcomeUnder(limited('--cpu=60:60'), tsgo.file, 'run')).toBe('reached-main {"code":0,"signal":null}')
      expect(outcomeUnder(limited('--fsize=0:0'), tsgo.file, 'run')).toBe('reached-main {"code":0,"signal":null}')
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit'))(
    'a report beyond the limit of file sizes leaves the old one',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'premain-fsize-'))
      try {
        const report = join(folder, 'report')
        writeFileSync(report, 'old\n')
        const words = limited('--fsize=4096:4096')
        const { status, stderr } = run([...words, process.execPath, command, '--json', '-o', report, tsgo.file])
        expect(status).toBe(2)
        expect(stderr).toContain('EFBIG')
        expect(readFileSync(report, 'utf8')).toBe('old\n')
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit'))(
    'address space: an error or a trace, never a hang',
    () => {
      for (const megabytes of [716, 800, 1200, 4000]) {
        const words = [`--as=${megabytes * 2 ** 20}`, process.execPath, '-e', script, library, tsgo.file]
        const { stdout } = spawnSync('prlimit', words, { ...BOUND, encoding: 'utf8' })
        expect(stdout).toMatch(/^(reached-main null|PremainError [A-Z_]+ .*|)\n?$/)
      }
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit'))(
    'address space: what Node cannot have is UNSUPPORTED, and its hint helps',
    () => {
      const words = [...limited(`--as=${4000 * 2 ** 20}`), process.execPath, command, '--json', tsgo.file, ...tsgo.args]
      const { status, stdout, stderr } = run(words)
      expect(status).toBe(3)
      expect((JSON.parse(stdout) as Trace).error).toMatchObject({ code: 'UNSUPPORTED', errno: 'ENOMEM' })
      const [flag = ''] = /(?<=NODE_OPTIONS=)\S+/.exec(stderr) ?? []
      expect(run(words, { env: { NODE_OPTIONS: flag } }).status).toBe(0)
    },
    LIMIT,
  )
})

function notRoot(): string | null {
  return process.getuid?.() === 0 ? null : 'not root'
}

/** A checkout below root's home may not be read by anybody else. */
function notForNobody(): string | null {
  const words = [...AS_NOBODY.slice(1), process.execPath, '-e', `require('${library}')`]
  return spawnSync('setpriv', words).status === 0 ? null : 'nobody but root can read this checkout'
}

function noNamespaces(): string | null {
  if (findCommand('unshare') === null) return 'no unshare on this machine'
  return spawnSync('unshare', ['-rm', 'true']).status === 0 ? null : 'user namespaces are not allowed here'
}
