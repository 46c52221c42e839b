/** What `doctor()` makes of machines that are not here, by their facts; and of this one, for real. */
import { diagnose, type Findings } from '../../lib/doctor/doctor'
import type { DoctorFacts } from '../../lib/doctor/types'
import { toDoctorText } from '../../lib/export/doctor-text'
import { doctor } from '../../lib/index'
import { explainDenial, type PtraceFacts } from '../../lib/session/denial'
import { describeHost } from '../../lib/trace/host'
import { assertNothingLeft, snapshot } from '../support/leaks'
import { schemaFaults } from '../support/schema'

const PLAIN: DoctorFacts = {
  yama: 1,
  seccomp: 0,
  noNewPrivileges: false,
  capSysPtrace: false,
  tracerPid: 0,
  tracerName: null,
  gvisor: false,
  perfEventParanoid: 2,
  capabilities: '0000000000000000',
  userNamespace: false,
}

const WORKS = [
  'child',
  'seize',
  'stop',
  'registers',
  'syscall-info',
  'mem-open',
  'mem-write-text',
  'poke-text',
  'process-vm-readv',
  'process-clock',
  'kcmp',
  'pidfd',
  'affinity',
  'perf',
]

/** A machine where all works but what is named with its errno, and where what is named null was not tried. */
function machine(refused: Record<string, string | null>, facts: Partial<DoctorFacts> = {}): Findings {
  const attempts = new Map<string, string | null>(WORKS.map((name) => [name, null]))
  for (const [name, errno] of Object.entries(refused)) {
    if (errno === null) attempts.delete(name)
    else attempts.set(name, errno)
  }
  return {
    host: { ...describeHost(), arch: 'x86_64' },
    facts: { ...PLAIN, ...facts },
    addon: null,
    proc: true,
    attempts,
  }
}

/** ptrace is refused: nothing after it was tried. */
function denied(facts: Partial<DoctorFacts>): Findings {
  const untried = WORKS.slice(2, 9).map((name) => [name, null] as const)
  return machine({ ...Object.fromEntries(untried), seize: 'EPERM' }, facts)
}

const TEXT = { width: 80, color: false, lang: 'en', registers: false, maps: false } as const

describe('diagnose()', () => {
  test('a machine where all works is able', () => {
    const found = diagnose(machine({}))
    expect(found).toMatchObject({ able: true, cause: null, fix: null, fixes: [] })
    expect(found.checks.map(({ status }) => status)).toEqual(found.checks.map(() => 'ok'))
  })

  test.each<[string, Partial<DoctorFacts>, RegExp, RegExp]>([
    ['Yama 2', { yama: 2 }, /ptrace_scope is 2/, /sysctl kernel\.yama\.ptrace_scope=1/],
    ['Yama 3', { yama: 3 }, /ptrace_scope is 3/, /Boot with/],
    ['seccomp', { seccomp: 2 }, /seccomp filter/, /--cap-add=SYS_PTRACE/],
    ['strace', { tracerPid: 7, tracerName: 'strace' }, /traced by process 7 \(strace\)/, /outside/],
    ['gVisor', { gvisor: true, seccomp: 2 }, /gVisor/, /runtime=runc/],
    ['nothing known', {}, /security module or sandbox/, /kernel log/],
  ])('%s is named, with its fix', (_, facts, cause, fix) => {
    const found = diagnose(denied(facts))
    expect(found.able).toBe(false)
    expect(found.cause).toMatch(cause)
    expect(found.fix).toMatch(fix)
    expect(found.checks.find(({ id }) => id === 'ptrace')).toMatchObject({ status: 'failed', errno: 'EPERM' })
    expect(found.fixes.map(({ where }) => where)).toEqual(
      facts.tracerPid ? [] : ['Docker', 'Compose', 'Kubernetes', 'GitLab', 'GitHub'],
    )
  })

  test('Yama 2 refuses nobody who has the capability', () => {
    const facts: PtraceFacts = { ...PLAIN, yama: 2, capSysPtrace: true }
    expect(explainDenial(facts).cause).not.toMatch(/ptrace_scope/)
  })

  test('every fix of a container is in the hint of PTRACE_DENIED', () => {
    const { fix } = explainDenial({ ...PLAIN, seccomp: 2 })
    for (const { where, text } of diagnose(denied({ seccomp: 2 })).fixes) expect(fix).toContain(`${where}: \`${text}\``)
  })

  test('what has a second way is limited, not failed', () => {
    const found = diagnose(machine({ 'mem-write-text': 'EIO', kcmp: 'EPERM', pidfd: 'ENOSYS', perf: 'EACCES' }))
    expect(found.able).toBe(true)
    const limited = found.checks.filter(({ status }) => status === 'limited').map(({ id, errno }) => [id, errno])
    expect(limited).toEqual([
      ['memory-write', 'EIO'],
      ['kcmp', 'EPERM'],
      ['pidfd', 'ENOSYS'],
      ['perf', 'EACCES'],
    ])
  })

  test('memory that can be written in no way is a failure', () => {
    const found = diagnose(machine({ 'mem-write-text': 'EIO', 'poke-text': 'EIO' }))
    expect(found).toMatchObject({ able: false, fixes: [] })
    expect(found.cause).toMatch(/writing/)
  })

  test('without /proc, and on another processor', () => {
    expect(diagnose({ ...machine({}), proc: false })).toMatchObject({ able: false, cause: '/proc is not mounted' })
    const other = machine({})
    other.host.arch = 'riscv64'
    expect(diagnose(other).cause).toContain('riscv64')
  })

  test('no child at all', () => {
    const found = diagnose({ ...machine({}), attempts: new Map([['child', 'EAGAIN']]) })
    expect(found.cause).toContain('EAGAIN')
    expect(found.fix).toContain('ulimit -u')
  })

  test.each([40, 80, 200])('the text keeps to %i columns', (width) => {
    for (const findings of [machine({ kcmp: 'EPERM' }), denied({ seccomp: 2 }), denied({ tracerPid: 9 })]) {
      const text = toDoctorText(diagnose(findings), { ...TEXT, width })
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(width)
    }
  })

  test('every answer is as its schema says', () => {
    for (const findings of [machine({}), machine({ kcmp: 'EPERM' }), denied({ yama: 3 })]) {
      expect(schemaFaults(diagnose(findings))).toEqual([])
    }
  })
})

test('doctor() on this machine: programs can be traced, and nothing is left', async () => {
  await doctor()
  const before = snapshot()
  for (let i = 0; i < 20; i++) {
    const found = await doctor()
    expect(found.able).toBe(true)
    expect(found.checks.map(({ id }) => id)).toContain('memory-write')
    expect(structuredClone(found)).toEqual(found)
  }
  await assertNothingLeft(before)
})
