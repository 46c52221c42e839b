/** The typed edge to the addon: the only file that loads it. */
import { PremainError } from '../errors'
import { ROOT } from '../root'

import load = require('node-gyp-build')

/** What the tracer thread needs to start the target. */
export interface LaunchSpec {
  /** The path given to execve. */
  file: string
  argv: readonly string[]
  /** `NAME=value`, each with a NUL behind it. */
  env: string
  cwd: string | null
  /** Descriptors of this process that become the target's 0, 1 and 2; -1 is /dev/null. */
  stdio: readonly [number, number, number]
  /** Soft and hard RLIMIT_NOFILE for the target; null to inherit. */
  openFiles: readonly [soft: number, hard: number] | null
  /** Descriptors that only the target needs: closed once it has them. */
  handOver: readonly number[]
  /** Another launch follows: the tracer makes its child as soon as nothing is left of this one. */
  followed: boolean
}

/** `native/session/control.h` Command::Type. */
export const COMMAND = { resume: 0, pause: 1, end: 2, detach: 3, addSites: 4 } as const

/** One tracer thread and its target. */
export interface NativeSession {
  /** False where the plan did not decode: nothing was started, and no other method may be called. */
  started(): boolean
  /** Asks the tracer for something; it is woken if it sleeps. */
  post(command: (typeof COMMAND)[keyof typeof COMMAND], plan?: Buffer): void
  /** Kills the target and its direct children at once, without the tracer's help. */
  killNow(): void
  /** The target is stopped and waits for `resume`. */
  held(): boolean
  /** Fills the buffer from the held target's memory: bytes read, or -1 when it is not held. */
  readMemory(address: bigint, into: Buffer): number
  /** /proc/pid/maps of the held target, or null when it is not held. */
  maps(): Buffer | null
  ref(): void
  unref(): void
}

/** What the addon exports. */
export interface Binding {
  /**
   * Starts a target. Blocks hold strings, each with a NUL behind it: one string crosses to the addon faster than many.
   *
   * @param argv a block
   * @param env a block
   * @param numbers `followed` as 0 or 1; the soft and hard RLIMIT_NOFILE, -1 to inherit; the three of `stdio`; those of `handOver`
   * @param onRecords gets batches of records; with the last one the tracer thread has done with the session,
   *   and it is null where there was no memory for it
   */
  NativeSession: new (
    file: string,
    argv: string,
    env: string,
    cwd: string | null,
    numbers: Float64Array,
    plan: Buffer,
    onRecords: (batch: Buffer | null, last: boolean) => void,
  ) => NativeSession
  /**
   * A close-on-exec pipe as [read end, write end], or -errno. What is neither handed over nor released is closed with this
   * thread's environment: a worker may be terminated at any moment.
   */
  pipe(): [number, number] | number
  /** The pipe's end has another owner, who closes it. */
  release(fd: number): void
  /** Reads what there is, without waiting: bytes read, 0 at the end, or -errno. */
  read(fd: number, into: Buffer): number
  /** Closes a pipe's end that nobody else has taken. */
  closePipe(fd: number): void
  /**
   * What may be done to a throw-away child, as names with an errno (0: it works); -errno when no thread can be had. Blocks
   * for some milliseconds. The names are `native/ptrace/probe.cc`'s.
   */
  probe(): [name: string, errno: number][] | number
  /** Drops a file's pages from the page cache, those that no process maps: 0, or -errno. */
  dropCache(path: string): number
  /**
   * Whether a path leads to the file of that identity: device, inode, size, times of modification and change in
   * nanoseconds. False where it leads nowhere, for whatever reason. Where it does, a launch is about to follow: a tracer is
   * woken, and has a child ready for it.
   */
  expectLaunch(path: string, identity: BigInt64Array): boolean
}

let loaded: Binding | null = null

/**
 * The addon, from prebuilds/ or build/. It is loaded at its first use: whoever only reads files does without it.
 * @throws PremainError `UNSUPPORTED` where there is none for this machine
 */
export function binding(): Binding {
  loaded ??= loadAddon()
  return loaded
}

function loadAddon(): Binding {
  try {
    return load(ROOT) as Binding
  } catch (cause) {
    throw noAddon(cause)
  }
}

function noAddon(cause: unknown): PremainError {
  const { code, message = '' } = cause as NodeJS.ErrnoException
  const { platform, arch } = process
  if (platform !== 'linux' || arch !== 'x64') {
    const hint = 'Trace on Linux on x86-64. Program files can be inspected, and saved measurements compared, here too.'
    return new PremainError('UNSUPPORTED', `programs cannot be traced on ${platform} ${arch}`, { hint, cause })
  }
  // The dynamic linker's own words, a line of them.
  const why = code === 'ERR_DLOPEN_FAILED' ? `cannot be loaded: ${message.split('\n', 1)[0]}` : 'has not been built'
  return new PremainError('UNSUPPORTED', `premain’s native addon ${why}`, {
    hint:
      'It comes ready-made for Linux on x86-64 with glibc. Elsewhere build it, with python3, make and g++: ' +
      `npm install node-gyp node-addon-api && npx node-gyp rebuild -C ${ROOT}`,
    cause,
  })
}
