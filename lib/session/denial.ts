/** Why ptrace is refused on this machine, as far as /proc shows it, and what to do about it. */
import { readFileSync } from 'node:fs'
import { PremainError } from '../errors'

/** What /proc says that bears on ptrace. */
export interface PtraceFacts {
  /** kernel.yama.ptrace_scope, or null without Yama. Source: linux Documentation/admin-guide/LSM/Yama.rst. */
  yama: number | null
  /** 0 none, 1 strict, 2 filter. Source: proc(5), `Seccomp:`. */
  seccomp: number | null
  noNewPrivileges: boolean
  /** CAP_SYS_PTRACE is among this process's effective capabilities. */
  capSysPtrace: boolean
  /** The process that traces this one, or 0. */
  tracerPid: number
  /** gVisor's kernel answers instead of Linux. */
  gvisor: boolean
}

const CAP_SYS_PTRACE = 19n

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** Reads the facts; never throws. */
export function ptraceFacts(): PtraceFacts {
  const status = read('/proc/self/status')
  const field = (name: string): string | null => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? null
  const yama = read('/proc/sys/kernel/yama/ptrace_scope').trim()
  const seccomp = field('Seccomp')
  return {
    yama: yama === '' ? null : Number(yama),
    seccomp: seccomp === null ? null : Number(seccomp),
    noNewPrivileges: field('NoNewPrivs') === '1',
    capSysPtrace: ((BigInt(`0x${field('CapEff') ?? '0'}`) >> CAP_SYS_PTRACE) & 1n) === 1n,
    tracerPid: Number(field('TracerPid') ?? 0),
    gvisor: /gvisor/i.test(read('/proc/version')),
  }
}

const CONTAINER_FIX =
  'Docker: `docker run --cap-add=SYS_PTRACE`; Compose: `cap_add: [SYS_PTRACE]`; Kubernetes: ' +
  'securityContext.capabilities.add: [SYS_PTRACE]; GitLab runner: `cap_add = ["SYS_PTRACE"]` under [runners.docker]; ' +
  'GitHub container job: `options: --cap-add=SYS_PTRACE`.'

/** The most likely cause and its fix. */
export function explainDenial(facts: PtraceFacts): { cause: string; fix: string } {
  if (facts.tracerPid !== 0) {
    return {
      cause: `this process is itself traced by process ${facts.tracerPid} (strace, gdb, …)`,
      fix: 'Run premain outside the debugger; a traced process cannot trace its children under `strace -f`.',
    }
  }
  if (facts.yama === 3) {
    return {
      cause: 'kernel.yama.ptrace_scope is 3: nobody may use ptrace until the next boot',
      fix: 'Boot with kernel.yama.ptrace_scope at 0, 1 or 2.',
    }
  }
  if (facts.yama === 2 && !facts.capSysPtrace) {
    return {
      cause: 'kernel.yama.ptrace_scope is 2 and this process has no CAP_SYS_PTRACE',
      fix: `Run \`sudo sysctl kernel.yama.ptrace_scope=1\`, or give the capability. ${CONTAINER_FIX}`,
    }
  }
  if (facts.seccomp === 2) {
    return {
      cause: 'a seccomp filter of the container or sandbox refuses ptrace',
      fix: `Allow ptrace in the seccomp profile, or give the capability, which Docker's own profile honours. ${CONTAINER_FIX}`,
    }
  }
  if (facts.gvisor)
    return { cause: "gVisor's ptrace refuses it", fix: 'Run on a Linux kernel, or with runsc’s ptrace platform.' }
  return {
    cause: 'a security module or sandbox of this machine refuses ptrace',
    fix: `See /proc/self/status and the kernel log. ${CONTAINER_FIX}`,
  }
}

/** `PTRACE_DENIED`, naming the cause. */
export function ptraceDenied(errno: string): PremainError {
  const { cause, fix } = explainDenial(ptraceFacts())
  return new PremainError('PTRACE_DENIED', `ptrace is refused: ${cause}`, { hint: fix, errno, syscall: 'ptrace' })
}
