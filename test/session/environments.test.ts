/** Surroundings that refuse something, for real: seccomp filters, other tracers, mounts. A Node of its own each. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Doctor } from '../../lib/doctor/types'
import type { Trace } from '../../lib/index'
import { type Ended, run } from '../support/bounded'
import { buildC } from '../support/c-programs'
import { tsgo } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'
import { findCommand, missingCommand, testUnless } from '../support/skip'

const root = join(__dirname, '..', '..')
const library = join(root, 'dist', 'index.js')
const command = join(root, 'dist', 'cli', 'bin.js')
const LIMIT = 30_000

/** x86-64. Source: linux arch/x86/entry/syscalls/syscall_64.tbl. */
const NUMBER = {
  pwrite64: 18,
  ptrace: 101,
  sched_setaffinity: 203,
  unshare: 272,
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

  withC(
    'that refuses to end the sharing of descriptors: no child is made before its launch',
    () => {
      const script = `
        const { trace, measure } = require(process.argv[1])
        const [file, ...args] = process.argv.slice(2)
        const work = async () => {
          const seen = []
          for (let i = 0; i < 5; i++) seen.push((await trace(file, args, { until: 'schedinit' })).outcome)
          const { launches } = await measure(file, args, { runs: 3, warmup: 0, until: 'schedinit' })
          return [...seen, ...launches.map(({ outcome }) => outcome)]
        }
        work().then((seen) => console.log(seen.join(' ')))`
      for (const refusals of [
        {},
        { unshare: 'EPERM' },
        { close_range: 'ENOSYS' },
        { unshare: 'EPERM', close_range: 'EPERM' },
      ]) {
        const words = under(refusals as Refusals)
        const ended = run([...words, process.execPath, '-e', script, library, tsgo.file, ...tsgo.args])
        expect(ended).toMatchObject({ status: 0, stderr: '' })
        expect(new Set(ended.stdout.trim().split(' '))).toEqual(new Set(['reached-until']))
      }
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
        unshare: 'EPERM',
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
    'a full disk: -o keeps the old file, and the report is shown',
    () => {
      const words = apart('mount -t tmpfs -o size=8k none /mnt && echo old > /mnt/report')
      const script = `"$0" "$1" --json -o /mnt/report "$2"; echo "code $?"; cat /mnt/report; ls -A /mnt`
      const { stdout, stderr } = run([...words, 'sh', '-c', script, process.execPath, command, tsgo.file])
      const [document = '', rest] = stdout.split(/(?=^code )/m)
      expect(rest).toBe('code 2\nold\nreport\n')
      expect(JSON.parse(document)).toMatchObject({ outcome: 'reached-main', error: { errno: 'ENOSPC' } })
      expect(stderr).toContain('ENOSPC')
    },
    LIMIT,
  )
})

testUnless(notRoot())(
  'a child that waits does not keep rights that were given up after it was made',
  () => {
    const script = `
      const { trace } = require(process.argv[1])
      ;(async () => {
        await trace('/bin/true')
        await trace('/bin/true', { env: { 'a=b': '' } }).catch(() => {})
        process.seteuid(65534)
        const seen = await trace('/bin/id', ['-u'], { run: true }).catch((error) => error)
        console.log(seen.output?.stdout ?? seen.code)
      })()`
    const { stdout, stderr } = run([process.execPath, '-e', script, library])
    expect(stderr).toBe('')
    // Linux lets a process without rights look into another one's memory only before it has changed its identity.
    expect(stdout).toMatch(/^(65534|PTRACE_DENIED)\n/)
  },
  LIMIT,
)

function notRoot(): string | null {
  return process.getuid?.() === 0 ? null : 'not root'
}

function noNamespaces(): string | null {
  if (findCommand('unshare') === null) return 'no unshare on this machine'
  return spawnSync('unshare', ['-rm', 'true']).status === 0 ? null : 'user namespaces are not allowed here'
}
