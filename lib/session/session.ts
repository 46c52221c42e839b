/** `launch()`: a target that stays stopped, all its threads, while its owner looks at it. */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { PremainError, throwNamed } from '../errors'
import { signalName } from './errno'
import { type LiveStop, liveStop, type StopViews } from './live-stop'
import type { ResolvedOptions } from './options'
import { planSymbol } from './program'
import type { BreakpointRecord, EndRecord, ExecRecord } from './records'
import { Run } from './run'
import { pipeSocket } from './stdio'
import type { Batch } from './wire'

/** What later stages make of a session: kept out of this stage, given in by `lib/trace`. */
export interface SessionViews<Trace> extends StopViews {
  /** The trace of a finished run, or of what was seen so far. */
  trace(run: Run): Trace
  /** The error in which a finished run ended, or null. */
  failure(run: Run): PremainError | null
}

/** How the process ended, as the `exit` event says it; both null when premain ended it. */
export interface ExitInfo {
  code: number | null
  signal: string | null
}

/** A thread's start or end, as the `thread` event says it. */
export interface ThreadEvent {
  tid: number
  event: 'start' | 'exit'
}

type StopListener = (stop: LiveStop) => unknown

/** A launched program; see `launch()`. */
export class Session<Trace> implements AsyncIterable<LiveStop>, AsyncDisposable {
  private run: Run | null = null
  private readonly emitter = new EventEmitter()
  private readonly listeners: StopListener[] = []
  private iterating = false
  private stopCount = 0
  private pending: LiveStop | null = null
  /** The stop that the consumer looks at; resuming consumes it. */
  private current: LiveStop | null = null
  private end: EndRecord | null = null
  private detached = false
  private closed = false
  private wake: (() => void) | null = null
  private readonly wanted: string[] = []
  private readonly streams: [Writable | null, Readable | null, Readable | null] = [null, null, null]

  constructor(
    private readonly file: string,
    private readonly args: readonly string[],
    private readonly options: ResolvedOptions,
    private readonly views: SessionViews<Trace>,
  ) {}

  /** The target's process id, or null before it has started. */
  get pid(): number | null {
    return this.run === null || this.run.tracer.pid === 0 ? null : this.run.tracer.pid
  }

  /** The target's standard input, when `stdio[0]` is `pipe`; else null. Null before the start. */
  get stdin(): Writable | null {
    return this.streams[0]
  }

  /** The target's standard output, when `stdio[1]` is `pipe`; else null. */
  get stdout(): Readable | null {
    return this.streams[1]
  }

  /** The target's standard error, when `stdio[2]` is `pipe`; else null. */
  get stderr(): Readable | null {
    return this.streams[2]
  }

  /** Starts the target now instead of at the first iteration. */
  start(): this {
    if (this.run !== null) return this
    if (this.closed) throw new PremainError('INVALID_OPTION', 'the session was closed before it started')
    try {
      this.run = new Run(this.file, this.args, {
        options: this.options,
        allStop: true,
        observer: {
          onBatch: (batch) => this.onBatch(batch),
          onEnd: (end) => this.onEnd(end),
        },
      })
      this.openStreams(this.run)
      for (const symbol of this.wanted.splice(0)) this.stopAt(symbol)
    } catch (error) {
      if (this.run !== null) void this.close()
      throwNamed(error)
    }
    return this
  }

  /**
   * `stop`: every stop; the target goes on once the promises that the listeners returned have settled. `thread`: a
   * thread's start or end. `exit`: how the process ended.
   */
  on(event: 'stop', listener: (stop: LiveStop) => unknown): this
  on(event: 'thread', listener: (event: ThreadEvent) => void): this
  on(event: 'exit', listener: (exit: ExitInfo) => void): this
  // biome-ignore lint/suspicious/noExplicitAny: the overloads above are the type
  on(event: 'stop' | 'thread' | 'exit', listener: (value: any) => unknown): this {
    if (event !== 'stop') {
      this.emitter.on(event, listener)
      return this
    }
    if (this.iterating) throw bothWays()
    this.listeners.push(listener)
    if (this.pending !== null) this.deliver(this.pending)
    return this
  }

  /** Stops once more at a Go symbol, from now on. Throws `INVALID_OPTION` for one that the program does not have. */
  stopAt(symbol: string): void {
    if (this.run === null) {
      this.wanted.push(symbol)
      return
    }
    this.run.addPlan(planSymbol(this.run.image, symbol))
  }

  /** Sets the target free, breakpoints taken out; resolves once it runs on its own. */
  async detach(): Promise<void> {
    const run = this.started()
    if (this.detached || this.end !== null) return
    run.tracer.detach()
    this.current = null
    while (!this.detached && this.end === null) await this.change()
  }

  /** Ends the target, if it still runs under the tracer; resolves once nothing is left of it. */
  async close(): Promise<void> {
    this.closed = true
    if (this.run === null) return
    if (!this.detached) this.run.tracer.end()
    this.current = null
    this.pending = null
    while (this.end === null && !this.detached) await this.change()
    for (const stream of this.streams) stream?.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** What was seen, as a Trace: of the whole run once it has ended, else of what came so far. Waits for a free run's end. */
  async trace(): Promise<Trace> {
    const run = this.started()
    if (this.current === null) while (this.end === null) await this.change()
    if (this.end !== null) this.throwFailure(run)
    return this.seen(() => this.views.trace(run))
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LiveStop, void, undefined> {
    if (this.listeners.length > 0 || this.iterating) throw bothWays()
    this.iterating = true
    try {
      this.start()
      for (let stop = await this.next(); stop !== null; stop = await this.next()) yield stop
    } finally {
      if (!this.detached) await this.close()
    }
    if (this.run !== null && this.end !== null) this.throwFailure(this.run)
  }

  /** Throws the error in which a finished run ended, if it did. */
  private throwFailure(run: Run): void {
    const failure = this.seen(() => this.views.failure(run))
    if (failure !== null) throw failure
  }

  private seen<T>(look: () => T): T {
    try {
      return look()
    } catch (error) {
      throwNamed(error)
    }
  }

  private async next(): Promise<LiveStop | null> {
    this.letGo()
    while (this.pending === null && this.end === null && !this.detached) await this.change()
    this.current = this.pending
    this.pending = null
    return this.current
  }

  private letGo(): void {
    if (this.current === null) return
    this.current = null
    this.run?.tracer.resume()
  }

  private started(): Run {
    if (this.run !== null) return this.run
    throw new PremainError('INVALID_OPTION', 'the session has not started', {
      hint: 'iterate over it, or call start()',
    })
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.wake
      this.wake = () => {
        before?.()
        resolve()
      }
    })
  }

  private changed(): void {
    const wake = this.wake
    this.wake = null
    wake?.()
  }

  private onBatch(batch: Batch): void {
    for (const record of batch.records) {
      if (record.kind === 'thread') this.tell('thread', { tid: record.newTid, event: record.event })
      if (record.kind === 'detached') this.detached = true
    }
    const last = batch.records.at(-1)
    if (batch.held && !this.closed && (last?.kind === 'breakpoint' || last?.kind === 'exec')) {
      // A held target produces nothing: what keeps Node alive is its consumer's business.
      this.run?.tracer.expect(false)
      this.deliver(this.view(last))
    }
    this.changed()
  }

  private onEnd(end: EndRecord): void {
    this.end = end
    this.current = null
    this.tell('exit', exitInfo(end))
    if (end.how !== 'detached') for (const stream of this.streams) (stream as Readable | null)?.resume?.()
    this.changed()
  }

  /** A listener's failure is the owner's: it surfaces as an unhandled rejection, and the session goes on. */
  private tell(event: 'thread' | 'exit', value: ThreadEvent | ExitInfo): void {
    try {
      this.emitter.emit(event, value)
    } catch (error) {
      void Promise.reject(error)
    }
  }

  private deliver(stop: LiveStop): void {
    if (this.listeners.length === 0) {
      this.pending = stop
      return
    }
    this.pending = null
    this.current = stop
    const results = this.listeners.map((listener) => {
      try {
        return Promise.resolve(listener(stop))
      } catch (error) {
        return Promise.reject(error)
      }
    })
    // A listener's failure is the owner's: it surfaces as an unhandled rejection, after the target went on.
    void Promise.allSettled(results).then((settled) => {
      this.letGo()
      const failed = settled.find((one) => one.status === 'rejected')
      if (failed?.status === 'rejected') throw failed.reason
    })
  }

  private view(record: BreakpointRecord | ExecRecord): LiveStop {
    const run = this.started()
    const stop: LiveStop = liveStop(run, record, {
      index: this.stopCount++,
      views: this.views,
      held: () => {
        if (this.current === stop) return run
        throw new PremainError('INVALID_OPTION', 'the target has gone on from this stop')
      },
    })
    return stop
  }

  private openStreams(run: Run): void {
    const [input, output, error] = run.stdio.ours
    if (input !== null) this.streams[0] = pipeSocket(input, 'write')
    if (output !== null) this.streams[1] = pipeSocket(output, 'read')
    if (error !== null) this.streams[2] = pipeSocket(error, 'read')
    for (const stream of this.streams) (stream as Socket | null)?.unref().on('error', () => {})
  }
}

function exitInfo(end: EndRecord): ExitInfo {
  return {
    code: end.how === 'exited' ? end.status : null,
    signal: end.how === 'signaled' ? signalName(end.status) : null,
  }
}

function bothWays(): PremainError {
  return new PremainError('INVALID_OPTION', 'a session is either iterated over or listened to, not both', {
    hint: "use `for await (const stop of session)` or session.on('stop', …)",
  })
}
