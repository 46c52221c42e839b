/** Why ptrace is refused on this machine, as far as /proc shows it, and what to do about it. */
import { existsSync, readFileSync } from 'node:fs'
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
  /** Its name, such as `strace`; null without one, or where it cannot be seen. */
  tracerName: string | null
  /** gVisor's kernel answers instead of Linux. */
  gvisor: boolean
}

/** How to allow ptrace in one kind of surroundings. */
export interface PtraceFix {
  /** `Docker`, `Compose`, `Kubernetes`, `GitLab` or `GitHub`. */
  where: string
  /** What to write there, literally. */
  text: string
}

const CAP_SYS_PTRACE = 19n

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** A field of /proc/self/status, or null. */
export function statusField(name: string): string | null {
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(read('/proc/self/status'))?.[1] ?? null
}

/** Reads the facts; never throws. */
export function ptraceFacts(): PtraceFacts {
  const yama = read('/proc/sys/kernel/yama/ptrace_scope').trim()
  const seccomp = statusField('Seccomp')
  const tracerPid = Number(statusField('TracerPid') ?? 0)
  return {
    yama: yama === '' ? null : Number(yama),
    seccomp: seccomp === null ? null : Number(seccomp),
    noNewPrivileges: statusField('NoNewPrivs') === '1',
    capSysPtrace: ((BigInt(`0x${statusField('CapEff') ?? '0'}`) >> CAP_SYS_PTRACE) & 1n) === 1n,
    tracerPid,
    tracerName: (tracerPid !== 0 && read(`/proc/${tracerPid}/comm`).trim()) || null,
    gvisor: /gvisor/i.test(read('/proc/version')),
  }
}

/** What gives a container the capability; Docker's and containerd's own seccomp profiles allow ptrace to those who have it. */
export const CONTAINER_FIXES: readonly PtraceFix[] = [
  { where: 'Docker', text: 'docker run --cap-add=SYS_PTRACE IMAGE' },
  { where: 'Compose', text: 'cap_add: [SYS_PTRACE]' },
  { where: 'Kubernetes', text: 'securityContext: { capabilities: { add: [SYS_PTRACE] } }' },
  { where: 'GitLab', text: 'cap_add = ["SYS_PTRACE"] under [runners.docker] in config.toml' },
  { where: 'GitHub', text: 'container: { options: --cap-add=SYS_PTRACE }' },
]

const CONTAINER_FIX = `${CONTAINER_FIXES.map(({ where, text }) => `${where}: \`${text}\``).join('; ')}.`

/** The most likely cause and its fix. */
export function explainDenial(facts: PtraceFacts): { cause: string; fix: string } {
  if (facts.tracerPid !== 0) {
    const who = facts.tracerName === null ? '(strace, gdb, …)' : `(${facts.tracerName})`
    return {
      cause: `this process is itself traced by process ${facts.tracerPid} ${who}`,
      fix: 'Run premain outside of it: the children of a process under `strace -f` have a tracer already, and may have one only.',
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
  if (facts.gvisor) {
    return {
      cause: "gVisor's kernel refuses it",
      fix: 'Run on a Linux kernel: in Docker `--runtime=runc`, in Kubernetes a runtimeClassName other than gvisor.',
    }
  }
  if (facts.seccomp === 2) {
    return {
      cause: 'a seccomp filter of the container or sandbox refuses ptrace',
      fix: `Allow ptrace in the seccomp profile, or give the capability, which Docker's own profile honours. ${CONTAINER_FIX}`,
    }
  }
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

/** What to do where /proc is missing. */
export const PROC_FIX =
  'Run `mount -t proc proc /proc` as root; in a chroot, `mount --bind /proc ROOT/proc` before entering it.'

let procSeen = false

/** Throws `UNSUPPORTED` where there is no /proc: maps, argument checks and clocks come from there. */
export function requireProc(): void {
  procSeen ||= existsSync('/proc/self/stat')
  if (procSeen) return
  throw new PremainError('UNSUPPORTED', '/proc is not mounted, and tracing needs it', { hint: PROC_FIX })
}
