/** `doctor()`: what this machine can do, tried on a throw-away child. */
import { existsSync, readFileSync } from 'node:fs'
import { PremainError } from '../errors'
import { type Binding, binding } from '../session/binding'
import { CONTAINER_FIXES, explainDenial, PROC_FIX, ptraceFacts, statusField } from '../session/denial'
import { systemErrorName } from '../session/errno'
import { TOOL } from '../tool'
import { errorInfo } from '../trace/failure'
import { describeHost } from '../trace/host'
import type { ErrorInfo, Host } from '../trace/types'
import type { CheckId, Doctor, DoctorCheck, DoctorFacts } from './types'

/** What the diagnosis is made from. */
export interface Findings {
  host: Host
  facts: DoctorFacts
  /** Why there is no addon to try anything with; null where it is loaded. */
  addon: ErrorInfo | null
  /** /proc is mounted. */
  proc: boolean
  /** What was tried, to the name of its error, or null for what worked; what was not tried is missing. */
  attempts: ReadonlyMap<string, string | null>
}

/** Tries out what tracing needs and says what is missing, why, and how to mend it. Takes some milliseconds; never rejects. */
export async function doctor(): Promise<Doctor> {
  const here = { host: describeHost(), facts: factsHere(), proc: existsSync('/proc/self/stat') }
  try {
    return diagnose({ ...here, addon: null, attempts: attempt(binding()) })
  } catch (error) {
    if (!(error instanceof PremainError)) throw error
    return diagnose({ ...here, addon: errorInfo(error), attempts: new Map() })
  }
}

function attempt({ probe }: Binding): Map<string, string | null> {
  const tried = probe()
  if (typeof tried === 'number') return new Map([['child', systemErrorName(-tried)]])
  return new Map(tried.map(([name, errno]) => [name, errno === 0 ? null : systemErrorName(errno)]))
}

function factsHere(): DoctorFacts {
  const paranoid = readOrNull('/proc/sys/kernel/perf_event_paranoid')
  const mapped = readOrNull('/proc/self/uid_map')
  return {
    ...ptraceFacts(),
    perfEventParanoid: paranoid === null ? null : Number(paranoid),
    capabilities: statusField('CapEff'),
    userNamespace: mapped !== null && !/^\s*0\s+0\s+4294967295\s*$/.test(mapped),
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    return null
  }
}

/** The answer for what was found. */
export function diagnose(findings: Findings): Doctor {
  const tried = findings.addon ? [] : [ptrace(findings), ...memory(findings), ...comforts(findings)]
  const checks = [machine(findings), addon(findings), proc(findings), ...tried]
  const failed = checks.find(({ status }) => status === 'failed')
  return {
    schema: 'premain.doctor/1',
    tool: TOOL,
    host: findings.host,
    able: failed === undefined,
    cause: failed?.detail ?? null,
    fix: failed?.fix ?? null,
    fixes: failed?.id === 'ptrace' && findings.facts.tracerPid === 0 ? [...CONTAINER_FIXES] : [],
    checks,
    facts: findings.facts,
  }
}

/** The document of a call that failed before anything was tried. */
export function untried(error: ErrorInfo): Doctor {
  const unsaid = { cause: error.message, fix: error.hint, fixes: [] }
  const here = { host: describeHost(), facts: factsHere() }
  return { schema: 'premain.doctor/1', tool: TOOL, able: false, checks: [], ...unsaid, ...here, error }
}

const TITLES: Record<CheckId, string> = {
  machine: 'the processor',
  addon: 'the native addon',
  proc: '/proc',
  ptrace: 'ptrace of an own child',
  'memory-read': "reading a child's memory",
  'memory-write': "writing to a child's text",
  'cpu-clock': "another process's CPU clock",
  kcmp: 'kcmp',
  pidfd: 'pidfd_open',
  affinity: 'sched_setaffinity of a child',
  perf: 'perf_event_open',
}

type Verdict = Pick<DoctorCheck, 'status' | 'detail'> & Partial<DoctorCheck>

function check(id: CheckId, verdict: Verdict): DoctorCheck {
  return { id, title: TITLES[id], errno: null, fix: null, ...verdict }
}

function machine({ host }: Findings): DoctorCheck {
  if (host.arch === 'x86_64') return check('machine', { status: 'ok', detail: host.arch })
  return check('machine', {
    status: 'failed',
    detail: `the tracer does not know ${host.arch}`,
    fix: 'Use x86_64 Linux.',
  })
}

function addon({ addon: error }: Findings): DoctorCheck {
  if (error === null) return check('addon', { status: 'ok', detail: 'loaded' })
  return check('addon', { status: 'failed', detail: error.message, fix: error.hint })
}

function proc({ proc: mounted }: Findings): DoctorCheck {
  if (mounted) return check('proc', { status: 'ok', detail: 'mounted' })
  return check('proc', { status: 'failed', detail: '/proc is not mounted', fix: PROC_FIX })
}

/** What the tracer asks of ptrace itself, in the order of asking. */
const PTRACE = ['child', 'seize', 'stop', 'registers', 'syscall-info'] as const

function ptrace({ attempts, facts }: Findings): DoctorCheck {
  const broken = PTRACE.find((name) => attempts.get(name) !== null)
  if (broken === undefined) return check('ptrace', { status: 'ok', detail: 'seized, stopped and read' })
  const errno = attempts.get(broken) ?? null
  if (broken === 'child') {
    const detail = `no child could be made: ${errno}`
    return check('ptrace', { status: 'failed', detail, errno, fix: 'Raise the limit of processes (ulimit -u).' })
  }
  if (broken === 'syscall-info') {
    const detail = 'PTRACE_GET_SYSCALL_INFO is not known here'
    return check('ptrace', { status: 'failed', detail, errno, fix: 'Use Linux 5.3 or newer.' })
  }
  const { cause, fix } = explainDenial(facts)
  return check('ptrace', { status: 'failed', detail: `ptrace is refused: ${cause}`, errno, fix })
}

/** Either of two ways will do. Nothing of it was tried where ptrace is refused: then that is the failure to speak of. */
function memory({ attempts }: Findings): DoctorCheck[] {
  const either = (id: CheckId, ways: readonly [best: string, other: string], words: readonly [string, string]) => {
    const [best, other] = ways.map((name) => attempts.get(name))
    if (best === undefined && other === undefined) return []
    if (best === null) return [check(id, { status: 'ok', detail: words[0] })]
    const errno = best ?? null
    if (other === null) return [check(id, { status: 'limited', detail: words[1], errno })]
    const fix = 'Allow it in the seccomp profile or security module.'
    return [check(id, { status: 'failed', detail: `${TITLES[id]} is refused: ${errno}`, errno, fix })]
  }
  return [
    ...either(
      'memory-read',
      ['mem-open', 'process-vm-readv'],
      ['through /proc/PID/mem', '/proc/PID/mem is refused; process_vm_readv takes its place'],
    ),
    ...either(
      'memory-write',
      ['mem-write-text', 'poke-text'],
      [
        'through /proc/PID/mem',
        '/proc/PID/mem does not write to text; PTRACE_POKEDATA does, at the cost of some time for each stop',
      ],
    ),
  ]
}

/** What tracing uses where it is there: what it works like, and what is lost without it. */
const COMFORTS: readonly [id: CheckId, attempt: string, works: string, lost: string][] = [
  ['cpu-clock', 'process-clock', 'readable', 'CPU times in traces are 0'],
  ['kcmp', 'kcmp', 'allowed', 'children that share memory are told by how they were made; nothing else is lost'],
  ['pidfd', 'pidfd', 'allowed', 'targets are ended by number (Linux before 5.3)'],
  ['affinity', 'affinity', 'allowed', 'target and tracer may run on two cores: stops take longer'],
]

function comforts({ attempts, facts }: Findings): DoctorCheck[] {
  const plain = COMFORTS.flatMap(([id, attempt, works, lost]) => {
    const errno = attempts.get(attempt)
    if (errno === undefined) return []
    return [check(id, errno === null ? { status: 'ok', detail: works } : { status: 'limited', detail: lost, errno })]
  })
  const errno = attempts.get('perf')
  if (errno === undefined) return plain
  const level = `kernel.perf_event_paranoid is ${facts.perfEventParanoid ?? 'not readable'}`
  if (errno === null) return [...plain, check('perf', { status: 'ok', detail: level })]
  const detail = `refused (${level}); traces do not need it`
  return [
    ...plain,
    check('perf', { status: 'limited', detail, errno, fix: 'sudo sysctl kernel.perf_event_paranoid=2' }),
  ]
}
