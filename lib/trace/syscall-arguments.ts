/**
 * What the arguments of the system calls that loading uses mean, as data. Values are written as strace writes them.
 * Sources: linux include/linux/syscalls.h and include/uapi (asm-generic/mman-common.h, fcntl.h, sched.h, futex.h,
 * resource.h, signal-defs.h), arch/x86/include/uapi/asm/prctl.h.
 */
import { signalName } from '../session/errno'
import { hex } from './addresses'

/** What the bits of an argument are called. */
interface Names {
  /** The name of 0. */
  zero?: string
  /** Names of what stands in the bits of `mask`; by default in all of them, where no bit has a name of its own. */
  values?: Readonly<Record<number, string>>
  mask?: number
  bits?: Readonly<Record<number, string>>
}

/** `pointer` and `path`: NULL or hexadecimal; `size` and `int`: decimal; `at`: a directory's descriptor. */
type Kind = 'pointer' | 'path' | 'size' | 'int' | 'offset' | 'fd' | 'at' | 'signal' | 'hex' | Names

const PROT: Names = { zero: 'PROT_NONE', bits: { 1: 'PROT_READ', 2: 'PROT_WRITE', 4: 'PROT_EXEC' } }
const MAP: Names = {
  values: { 1: 'MAP_SHARED', 2: 'MAP_PRIVATE' },
  mask: 0xf,
  bits: {
    16: 'MAP_FIXED',
    32: 'MAP_ANONYMOUS',
    2048: 'MAP_DENYWRITE',
    16384: 'MAP_NORESERVE',
    32768: 'MAP_POPULATE',
    131072: 'MAP_STACK',
    1048576: 'MAP_FIXED_NOREPLACE',
  },
}
const OPEN: Names = {
  values: { 0: 'O_RDONLY', 1: 'O_WRONLY', 2: 'O_RDWR' },
  mask: 3,
  bits: {
    64: 'O_CREAT',
    128: 'O_EXCL',
    512: 'O_TRUNC',
    1024: 'O_APPEND',
    2048: 'O_NONBLOCK',
    32768: 'O_LARGEFILE',
    65536: 'O_DIRECTORY',
    524288: 'O_CLOEXEC',
    2097152: 'O_PATH',
  },
}
const AT: Names = {
  zero: '0',
  bits: { 256: 'AT_SYMLINK_NOFOLLOW', 2048: 'AT_NO_AUTOMOUNT', 4096: 'AT_EMPTY_PATH' },
}
const ACCESS: Names = { zero: 'F_OK', bits: { 4: 'R_OK', 2: 'W_OK', 1: 'X_OK' } }
const ADVICE: Names = {
  values: {
    0: 'MADV_NORMAL',
    3: 'MADV_WILLNEED',
    4: 'MADV_DONTNEED',
    8: 'MADV_FREE',
    14: 'MADV_HUGEPAGE',
    15: 'MADV_NOHUGEPAGE',
    25: 'MADV_COLLAPSE',
  },
}
const ARCH: Names = {
  values: { 4097: 'ARCH_SET_GS', 4098: 'ARCH_SET_FS', 4099: 'ARCH_GET_FS', 4100: 'ARCH_GET_GS' },
}
const HOW: Names = { values: { 0: 'SIG_BLOCK', 1: 'SIG_UNBLOCK', 2: 'SIG_SETMASK' } }
const FUTEX: Names = {
  values: {
    0: 'FUTEX_WAIT',
    1: 'FUTEX_WAKE',
    128: 'FUTEX_WAIT_PRIVATE',
    129: 'FUTEX_WAKE_PRIVATE',
    137: 'FUTEX_WAIT_BITSET_PRIVATE',
  },
}
const FCNTL: Names = {
  values: { 0: 'F_DUPFD', 1: 'F_GETFD', 2: 'F_SETFD', 3: 'F_GETFL', 4: 'F_SETFL', 1030: 'F_DUPFD_CLOEXEC' },
}
const RESOURCE: Names = {
  values: { 3: 'RLIMIT_STACK', 6: 'RLIMIT_NPROC', 7: 'RLIMIT_NOFILE', 8: 'RLIMIT_MEMLOCK', 9: 'RLIMIT_AS' },
}
const CLONE: Names = {
  bits: {
    256: 'CLONE_VM',
    512: 'CLONE_FS',
    1024: 'CLONE_FILES',
    2048: 'CLONE_SIGHAND',
    16384: 'CLONE_VFORK',
    65536: 'CLONE_THREAD',
    262144: 'CLONE_SYSVSEM',
    524288: 'CLONE_SETTLS',
    1048576: 'CLONE_PARENT_SETTID',
    2097152: 'CLONE_CHILD_CLEARTID',
    16777216: 'CLONE_CHILD_SETTID',
  },
}
const PRCTL: Names = {
  values: { 15: 'PR_SET_NAME', 16: 'PR_GET_NAME', 38: 'PR_SET_NO_NEW_PRIVS', 1398164801: 'PR_SET_VMA' },
}
const RANDOM: Names = { zero: '0', bits: { 1: 'GRND_NONBLOCK', 2: 'GRND_RANDOM', 4: 'GRND_INSECURE' } }

/** How many arguments there are, for the calls where that hangs on one of them. */
const COUNTS: Readonly<Record<string, (args: readonly bigint[]) => number>> = {
  // F_GETFD and F_GETFL
  fcntl: ([, command]) => (command === 1n || command === 3n ? 2 : 3),
  futex: ([, operation = 0n]) => ((operation & 0x7fn) === 1n ? 3 : (operation & 0x7fn) === 0n ? 4 : 6),
  open: ([, flags = 0n]) => ((flags & 0x40n) === 0n ? 2 : 3),
  openat: ([, , flags = 0n]) => ((flags & 0x40n) === 0n ? 3 : 4),
}

/** By the call's name, or by its name and first argument where the others hang on that one. */
const SIGNATURES: Readonly<Record<string, readonly Kind[]>> = {
  access: ['path', ACCESS],
  arch_prctl: [ARCH, 'pointer'],
  brk: ['pointer'],
  chdir: ['path'],
  clone: [CLONE, 'pointer', 'pointer', 'pointer', 'pointer'],
  clone3: ['pointer', 'size'],
  close: ['fd'],
  epoll_create1: [{ zero: '0', bits: { 524288: 'EPOLL_CLOEXEC' } }],
  eventfd2: ['int', { zero: '0', bits: { 2048: 'EFD_NONBLOCK', 524288: 'EFD_CLOEXEC' } }],
  exit: ['int'],
  exit_group: ['int'],
  faccessat: ['at', 'path', ACCESS],
  faccessat2: ['at', 'path', ACCESS, AT],
  fcntl: ['fd', FCNTL, 'hex'],
  fstat: ['fd', 'pointer'],
  futex: ['pointer', FUTEX, 'int', 'pointer', 'pointer', 'hex'],
  getegid: [],
  geteuid: [],
  getgid: [],
  getpid: [],
  getppid: [],
  getrlimit: [RESOURCE, 'pointer'],
  getrandom: ['pointer', 'size', RANDOM],
  gettid: [],
  getuid: [],
  lstat: ['path', 'pointer'],
  madvise: ['pointer', 'size', ADVICE],
  mincore: ['pointer', 'size', 'pointer'],
  mmap: ['pointer', 'size', PROT, MAP, 'fd', 'offset'],
  mprotect: ['pointer', 'size', PROT],
  munmap: ['pointer', 'size'],
  nanosleep: ['pointer', 'pointer'],
  newfstatat: ['at', 'path', 'pointer', AT],
  open: ['path', OPEN, 'hex'],
  openat: ['at', 'path', OPEN, 'hex'],
  pipe2: ['pointer', { zero: '0', bits: { 2048: 'O_NONBLOCK', 524288: 'O_CLOEXEC' } }],
  prctl: [PRCTL, 'hex', 'hex', 'hex', 'hex'],
  'prctl 0x53564d41': [PRCTL, { values: { 0: 'PR_SET_VMA_ANON_NAME' } }, 'pointer', 'size', 'pointer'],
  pread64: ['fd', 'pointer', 'size', 'size'],
  prlimit64: ['int', RESOURCE, 'pointer', 'pointer'],
  read: ['fd', 'pointer', 'size'],
  readlink: ['path', 'pointer', 'size'],
  readlinkat: ['at', 'path', 'pointer', 'size'],
  rseq: ['pointer', 'hex', 'int', 'hex'],
  rt_sigaction: ['signal', 'pointer', 'pointer', 'size'],
  rt_sigprocmask: [HOW, 'pointer', 'pointer', 'size'],
  sched_getaffinity: ['int', 'size', 'pointer'],
  sched_yield: [],
  setrlimit: [RESOURCE, 'pointer'],
  set_robust_list: ['pointer', 'size'],
  set_tid_address: ['pointer'],
  sigaltstack: ['pointer', 'pointer'],
  stat: ['path', 'pointer'],
  statx: ['at', 'path', AT, 'hex', 'pointer'],
  tgkill: ['int', 'int', 'signal'],
  uname: ['pointer'],
  write: ['fd', 'pointer', 'size'],
}

/**
 * The arguments that a call has, in words; all six in hexadecimal for one that is not known here.
 *
 * @param paths what the arguments that are paths point to, by index, quoted
 */
export function describeArguments(name: string, args: readonly bigint[], paths: ReadonlyMap<number, string>): string[] {
  const key = [`${name} ${hex(args[0] ?? 0n)}`, name].find((one) => Object.hasOwn(SIGNATURES, one))
  const kinds = (key === undefined ? undefined : SIGNATURES[key]) ?? args.map((): Kind => 'hex')
  const count = Object.hasOwn(COUNTS, name) ? COUNTS[name]?.(args) : undefined
  return kinds.slice(0, count).map((kind, index) => paths.get(index) ?? describe(kind, args[index] ?? 0n))
}

function describe(kind: Kind, value: bigint): string {
  const int = BigInt.asIntN(32, value)
  switch (kind) {
    case 'pointer':
    case 'path':
      return value === 0n ? 'NULL' : hex(value)
    case 'size':
      return value.toString()
    case 'int':
    case 'fd':
      return int.toString()
    case 'at':
      return int === -100n ? 'AT_FDCWD' : int.toString()
    case 'offset':
      return value === 0n ? '0' : hex(value)
    case 'signal':
      return signalName(Number(int))
    case 'hex':
      return hex(value)
    default:
      return named(kind, Number(BigInt.asUintN(32, value)))
  }
}

function named({ zero, values = {}, mask, bits }: Names, value: number): string {
  if (value === 0 && zero !== undefined) return zero
  const part = (value & (mask ?? (bits === undefined ? -1 : 0))) >>> 0
  const name = values[part]
  const words = name === undefined ? [] : [name]
  let rest = name === undefined ? value : value - part
  for (const [bit, word] of Object.entries(bits ?? {})) {
    if ((rest & Number(bit)) === 0) continue
    words.push(word)
    rest -= Number(bit)
  }
  if (rest !== 0) words.push(hex(BigInt(rest)))
  return words.join('|')
}
