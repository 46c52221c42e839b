/**
 * What a session could leave behind in this process: children, threads and descriptors. Take a `snapshot()` before, and
 * `assertNothingLeft()` after.
 */
import { readdirSync, readFileSync, readlinkSync, stat } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

// Node makes its pool of threads and its signal pipe at their first use and keeps them: that first use is here, so that
// it is in no test's account.
stat('/', () => undefined)
process.once('SIGCHLD', ignore).off('SIGCHLD', ignore)

function ignore(): void {}

/** What belonged to this process at one moment. */
export interface Snapshot {
  /** Direct children, zombies among them. */
  children: number[]
  threads: number[]
  /** Descriptor to what it is open on. */
  descriptors: Map<number, string>
}

/** The state of this process now. */
export function snapshot(): Snapshot {
  const threads = numbers('/proc/self/task')
  return { children: childrenOf(process.pid), threads, descriptors: openDescriptors() }
}

/**
 * Asserts that no child, thread or descriptor is there that was not there before. What is on its way out (a zombie that
 * is being reaped, a thread that is leaving) has `timeoutMs` to go.
 *
 * @throws Error that names what was left.
 */
export async function assertNothingLeft(before: Snapshot, timeoutMs = 2000): Promise<void> {
  const left = await until(
    () => difference(before, snapshot()),
    (found) => found.length === 0,
    timeoutMs,
  )
  if (left.length > 0) throw new Error(`left behind:\n  ${left.join('\n  ')}`)
}

/**
 * Polls `read` every few milliseconds until `done` holds for what it returned, at most for `timeoutMs`, and returns the
 * last value either way.
 */
export async function until<T>(read: () => T, done: (value: T) => boolean, timeoutMs = 5000): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = read()
    if (done(value) || Date.now() > deadline) return value
    await delay(5)
  }
}

/** A process's state letter in /proc (`R`, `S`, `t` for a ptrace stop, `Z`), or null when it is gone. */
export function processState(pid: number): string | null {
  return statFields(`/proc/${pid}/stat`)?.[0] ?? null
}

/** The pids whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  return numbers('/proc').filter((candidate) => statFields(`/proc/${candidate}/stat`)?.[1] === String(pid))
}

/** Who traces the process: a pid, 0 for nobody, or null when it is gone. */
export function tracerOf(pid: number): number | null {
  const text = readOrNull(`/proc/${pid}/status`)
  const found = text === null ? null : /^TracerPid:\s*(\d+)/m.exec(text)
  return found === null ? null : Number(found[1])
}

function difference(before: Snapshot, now: Snapshot): string[] {
  const children = now.children.filter((pid) => !before.children.includes(pid))
  const threads = now.threads.filter((tid) => !before.threads.includes(tid))
  const descriptors = [...now.descriptors].filter(([fd, target]) => before.descriptors.get(fd) !== target)
  return [
    ...children.map((pid) => `child ${pid} (${nameOf(`/proc/${pid}`)}, state ${processState(pid)})`),
    ...threads.map((tid) => `thread ${tid} (${nameOf(`/proc/self/task/${tid}`)})`),
    ...descriptors.map(([fd, target]) => `descriptor ${fd} (${target})`),
  ]
}

function openDescriptors(): Map<number, string> {
  const open = new Map<number, string>()
  for (const fd of numbers('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      // The listing's own descriptor is closed by now.
      if (target !== `/proc/${process.pid}/fd`) open.set(fd, target)
    } catch {}
  }
  return open
}

/** The fields of a stat file behind the command's name, which may hold spaces and brackets: state, ppid, … */
function statFields(file: string): string[] | null {
  const text = readOrNull(file)
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function nameOf(folder: string): string {
  return readOrNull(`${folder}/comm`)?.trim() ?? 'gone'
}

function numbers(folder: string): number[] {
  return readdirSync(folder).map(Number).filter(Number.isInteger)
}

/** A /proc file's text, or null where the process or thread has gone in the meantime. */
function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
