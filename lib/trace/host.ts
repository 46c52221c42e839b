/** What the machine is, as far as /proc, /sys and Node's own variables tell at once. */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { arch, cpus, release } from 'node:os'
import type { Host } from './types'

let known: Host | null = null

/** The machine that this process runs on. Worked out once; nothing is executed. */
export function describeHost(): Host {
  known ??= describe()
  return { ...known }
}

function describe(): Host {
  const processor = firstProcessor()
  return {
    kernel: release(),
    arch: arch() === 'x64' ? 'x86_64' : arch() === 'arm64' ? 'aarch64' : arch(),
    cpu: /^model name\s*:\s*(.+)$/m.exec(processor)?.[1]?.trim() ?? 'unknown',
    cpus: onlineCpus() ?? cpus().length,
    virtualization: virtualization(/^flags\s*:.*\bhypervisor\b/m.test(processor)),
    container: container(),
    libc: libc(),
    node: process.version,
  }
}

function text(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** Longer than one processor's paragraph of /proc/cpuinfo. */
const PARAGRAPH = 8192

/** The first paragraph of /proc/cpuinfo. The kernel asks a core for its clock to print its paragraph: one is enough. */
function firstProcessor(): string {
  try {
    const file = openSync('/proc/cpuinfo', 'r')
    try {
      const bytes = Buffer.alloc(PARAGRAPH)
      return bytes.toString('latin1', 0, readSync(file, bytes)).split('\n\n', 1)[0] ?? ''
    } finally {
      closeSync(file)
    }
  } catch {
    return ''
  }
}

/** How many CPUs a list such as `0-3,8` names. */
function onlineCpus(): number | null {
  const list = text('/sys/devices/system/cpu/online')?.trim()
  if (!list || !/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) return null
  return list
    .split(',')
    .map((range) => range.split('-').map(Number))
    .reduce((total, [first = 0, last = first]) => total + last - first + 1, 0)
}

/** DMI strings by which a hypervisor gives itself away. */
const DMI: readonly [pattern: RegExp, name: string][] = [
  [/QEMU|KVM|Google Compute|Amazon EC2|DigitalOcean|OpenStack/i, 'kvm'],
  [/Firecracker/i, 'firecracker'],
  [/VMware/i, 'vmware'],
  [/VirtualBox|innotek/i, 'virtualbox'],
  [/Microsoft Corporation.*Virtual|Hyper-V/i, 'hyper-v'],
  [/Xen/i, 'xen'],
  [/Parallels/i, 'parallels'],
]

/** Clocks that only a guest of that hypervisor has. */
const CLOCKS: readonly [clock: string, name: string][] = [
  ['kvm-clock', 'kvm'],
  ['hyperv', 'hyper-v'],
  ['xen', 'xen'],
]

function virtualization(hypervisor: boolean): string | null {
  const names = ['sys_vendor', 'product_name', 'board_vendor'].map((name) => text(`/sys/class/dmi/id/${name}`) ?? '')
  const dmi = names.join(' ').replace(/\s+/g, ' ')
  const found = DMI.find(([pattern]) => pattern.test(dmi))
  if (found) return found[1]
  if (/microsoft/i.test(release())) return 'wsl'
  const clocks = text('/sys/devices/system/clocksource/clocksource0/available_clocksource') ?? ''
  const clock = CLOCKS.find(([name]) => clocks.includes(name))
  return clock?.[1] ?? (hypervisor ? 'unknown' : null)
}

function container(): string | null {
  if (existsSync('/.dockerenv')) return 'docker'
  const podman = text('/run/.containerenv')
  if (podman !== null) return 'podman'
  if (process.env.KUBERNETES_SERVICE_HOST !== undefined) return 'kubernetes'
  const cgroup = `${text('/proc/1/cgroup') ?? ''}\n${text('/proc/self/cgroup') ?? ''}`
  return /\b(docker|kubepods|containerd|lxc|libpod)\b/.exec(cgroup)?.[1] ?? null
}

/** By the dynamic linker that this process runs with: process.report tells it too, but takes milliseconds. */
function libc(): string {
  const mapped = text('/proc/self/maps') ?? ''
  if (/\/ld-musl-/.test(mapped)) return 'musl'
  if (/\/(libc\.so\.6|libc-2\.\d+\.so)$/m.test(mapped)) return 'glibc'
  try {
    return readdirSync('/lib').some((name) => name.startsWith('ld-musl-')) ? 'musl' : 'glibc'
  } catch {
    return 'unknown'
  }
}
