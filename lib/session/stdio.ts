/** The target's descriptors 0, 1 and 2: which ones of ours they are, and our ends of the pipes. */
import { fstatSync } from 'node:fs'
import type { Socket } from 'node:net'
// Not the global ones: under a test's false clock, a target that fills its pipe would wait for ever.
import { clearTimeout, setTimeout } from 'node:timers'
import { PremainError } from '../errors'
import { binding } from './binding'
import { systemErrorName } from './errno'
import type { ResolvedEntry } from './options'
import { isTerminal } from './terminal'

/** What a descriptor of the target is. */
export type StdioKind = 'tty' | 'pipe' | 'file' | 'null' | 'socket'

/** How much of a piped stream is kept. */
export const KEPT_OUTPUT_BYTES = 65536

/** The three descriptors, made before the target and released after it. */
export class TargetStdio {
  /** What the tracer passes to the target; -1 is /dev/null. */
  readonly target: [number, number, number] = [-1, -1, -1]
  /** The target's ends of the pipes: the tracer closes them once the target has them. */
  readonly handOver: number[] = []
  readonly kinds: [StdioKind, StdioKind, StdioKind] = ['null', 'null', 'null']
  /** Our ends of the pipes. */
  readonly ours: [number | null, number | null, number | null] = [null, null, null]

  constructor(entries: readonly [ResolvedEntry, ResolvedEntry, ResolvedEntry]) {
    try {
      for (let i = 0; i < 3; i++) this.open(i, entries[i])
    } catch (error) {
      for (const fd of [...this.handOver, ...this.ours]) if (fd !== null) binding().closePipe(fd)
      throw error
    }
  }

  /** The target reads end of file. */
  closeInput(): void {
    if (this.ours[0] !== null) binding().closePipe(this.ours[0])
    this.ours[0] = null
  }

  private open(index: number, entry: ResolvedEntry): void {
    if (entry === 'ignore' || entry == null) return
    if (entry === 'pipe') {
      const pair = binding().pipe()
      if (typeof pair === 'number') throw noPipe(-pair)
      const [target, ours] = index === 0 ? pair : [pair[1], pair[0]]
      this.target[index] = target
      this.handOver.push(target)
      this.ours[index] = ours
      this.kinds[index] = 'pipe'
      return
    }
    if (entry instanceof SharedPipe) {
      this.target[index] = entry.fd
      this.kinds[index] = 'pipe'
      return
    }
    const fd = entry === 'inherit' ? index : typeof entry === 'number' ? entry : (entry as unknown as { fd: number }).fd
    this.target[index] = fd
    this.kinds[index] = kindOf(fd)
  }
}

function noPipe(errno: number): PremainError {
  return new PremainError('EXEC_FAILED', 'no pipe could be made for the target', {
    hint: 'this process has too many open descriptors',
    errno: systemErrorName(errno),
    syscall: 'pipe2',
  })
}

function kindOf(fd: number): StdioKind {
  try {
    const stat = fstatSync(fd)
    if (stat.isFIFO()) return 'pipe'
    if (stat.isSocket()) return 'socket'
    if (!stat.isCharacterDevice()) return 'file'
    if (isTerminal(fd)) return 'tty'
    return stat.rdev === 0x103 ? 'null' : 'file'
  } catch (cause) {
    throw new PremainError('INVALID_OPTION', `descriptor ${fd} of stdio is not open`, {
      hint: 'an entry of stdio is an open descriptor, or a stream that has one',
      cause,
    })
  }
}

/** A socket on our end of a pipe, which is the socket's from here on. */
export function pipeSocket(fd: number, direction: 'read' | 'write'): Socket {
  const { Socket } = require('node:net') as typeof import('node:net')
  const socket = new Socket({ fd, readable: direction === 'read', writable: direction === 'write' })
  // Not before: a worker that is terminated in between would lose it.
  binding().release(fd)
  return socket
}

/** A pipe that targets, one after another, are given as a standard stream. */
export class SharedPipe {
  /** The targets' end. */
  readonly fd: number
  private readonly tail: OutputTail

  /** @param most bytes that are kept of what is written to it */
  constructor(most = KEPT_OUTPUT_BYTES) {
    const pair = binding().pipe()
    if (typeof pair === 'number') throw noPipe(-pair)
    this.tail = new OutputTail(pair[0], most)
    this.fd = pair[1]
  }

  /** The last of what was written since the last time. */
  take(): string {
    return this.tail.take().toString('utf8')
  }

  close(): void {
    this.tail.finish()
    binding().closePipe(this.fd)
  }
}

/**
 * What was written by now is at most so much; a descendant that goes on to write is not waited for. Source: pipe(7),
 * /proc/sys/fs/pipe-max-size.
 */
const MOST_IN_A_PIPE = 1 << 20

/** What is drained passes through here. */
const chunk = Buffer.allocUnsafeSlow(KEPT_OUTPUT_BYTES)

/**
 * A pipe is looked at now and then before it is listened to: most targets are gone by then and have written nothing. Node's
 * sockets, whose code takes 3 ms to load and 0.1 to use, are not needed for them. A writer that fills the pipe meanwhile waits
 * for the next look.
 */
const LOOK_EVERY_MS = 5
const LOOKS = 4

/** Reads one piped stream while the target runs and keeps its last bytes, 64 KB if nothing else is said. */
export class OutputTail {
  private socket: Socket | null = null
  private timer = this.lookLater()
  private looks = LOOKS
  private chunks: Buffer[] = []
  private kept = 0
  private finished = false

  constructor(
    private readonly fd: number,
    private readonly most = KEPT_OUTPUT_BYTES,
  ) {}

  /** Takes what is still in the pipe, releases it, and returns the tail. */
  finish(): Buffer {
    const tail = this.take()
    clearTimeout(this.timer)
    this.finished = true
    if (this.socket === null) binding().closePipe(this.fd)
    else this.socket.destroy()
    return tail
  }

  private lookLater(): NodeJS.Timeout {
    return setTimeout(() => this.look(), LOOK_EVERY_MS).unref()
  }

  private look(): void {
    this.drain()
    if (this.kept === 0 && --this.looks > 0) this.timer = this.lookLater()
    else this.listen()
  }

  private listen(): void {
    try {
      this.socket = pipeSocket(this.fd, 'read')
    } catch {
      return // somebody has closed it: nobody above a timer could be told, and the end comes all the same
    }
    this.socket.on('data', (chunk: Buffer) => this.keep(chunk))
    this.socket.on('error', () => {})
    this.socket.unref()
  }

  /** Takes what is still in the pipe and returns the tail of what came since the last time. */
  take(): Buffer {
    if (!this.finished && !this.socket?.destroyed) this.drain()
    const all = Buffer.concat(this.chunks)
    this.chunks = []
    this.kept = 0
    return all.subarray(Math.max(0, all.length - this.most))
  }

  private drain(): void {
    // EAGAIN: empty, though a descendant of the target still holds its end. readSync() would wait for it or throw.
    const { read } = binding()
    for (let left = MOST_IN_A_PIPE; left > 0; ) {
      const n = read(this.fd, chunk)
      if (n <= 0) return
      this.keep(Buffer.from(chunk.subarray(0, n)))
      left -= n
    }
  }

  private keep(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.kept += chunk.length
    while (this.kept - (this.chunks[0] as Buffer).length >= this.most) {
      this.kept -= (this.chunks.shift() as Buffer).length
    }
  }
}
