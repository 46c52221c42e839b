/** One run of a tracer thread: starts it, decodes what it reports, and tells when it is over. */
import { PremainError } from '../errors'
import type { StopPlan } from '../plan/types'
import { binding, COMMAND, type LaunchSpec, type NativeSession } from './binding'
import { encodePlan, type WalkOptions } from './plan-wire'
import type { EndRecord, SessionRecord } from './records'
import { type Batch, RecordDecoder } from './wire'

/** How long a wake-up may take before the target is killed without the tracer's help. */
const PATIENCE_MS = 1000

/** What the owner of a run is told. */
export interface TracerObserver {
  /** Records as they come. `held`: the target waits at the last one for {@link Tracer.resume}. */
  onBatch(batch: Batch): void
  /** The target is gone, and the thread has nothing of it any more. `end` is always the last record. */
  onEnd(end: EndRecord): void
}

/**
 * What the addon holds of a tracer: all of it while it is to report something. One that waits at a held stop and that
 * nobody else knows is garbage, and its target is ended.
 */
interface Hold {
  awaited: Tracer | null
  known: WeakRef<Tracer> | null
}

/** For the limits of open files. */
const INHERITED = [-1, -1] as const
/** Where the addon looks for them among its numbers. */
const LIMITS_AT = 1
const STDIO_AT = LIMITS_AT + INHERITED.length
const HAND_OVER_AT = STDIO_AT + 3

/** A running tracer. */
export class Tracer {
  /** Every record so far. */
  readonly records: SessionRecord[] = []
  private readonly native: NativeSession
  private readonly hold: Hold
  private readonly decoder = new RecordDecoder()
  private patience: NodeJS.Timeout | null = null
  private over = false

  constructor(
    spec: LaunchSpec,
    plan: Buffer,
    private readonly observer: TracerObserver,
  ) {
    const hold: Hold = { awaited: this, known: null }
    this.hold = hold
    const { NativeSession } = binding()
    const { file, argv, env, cwd, openFiles, stdio, handOver, followed } = spec
    const numbers = new Float64Array(HAND_OVER_AT + handOver.length)
    numbers[0] = Number(followed)
    numbers.set(openFiles ?? INHERITED, LIMITS_AT)
    numbers.set(stdio, STDIO_AT)
    numbers.set(handOver, HAND_OVER_AT)
    this.native = new NativeSession(file, `${argv.join('\0')}\0`, env, cwd, numbers, plan, (batch, last) =>
      (hold.awaited ?? hold.known?.deref())?.receive(batch, last),
    )
    // A defect of plan-wire.ts, or an addon of another version: never a user's mistake.
    if (!this.native.started()) throw new Error('the stop plan does not decode: rebuild premain')
  }

  /** The target's process id; 0 until it has been started. */
  get pid(): number {
    return this.records[0]?.tid ?? 0
  }

  get ended(): boolean {
    return this.over
  }

  private receive(bytes: Buffer | null, last: boolean): void {
    try {
      if (bytes === null) return
      const batch = this.decoder.decode(bytes)
      this.records.push(...batch.records)
      this.calm()
      this.observer.onBatch(batch)
    } finally {
      if (last) this.finish()
    }
  }

  private finish(): void {
    this.over = true
    this.hold.awaited = null
    this.calm()
    const end = this.records.at(-1)
    if (end?.kind !== 'end') throw new PremainError('EXEC_FAILED', 'the tracer ended without saying how')
    this.observer.onEnd(end)
  }

  /** Lets the held target go on. */
  resume(): void {
    this.expect(true)
    this.native.post(COMMAND.resume)
  }

  /** Stops every thread, reports their states and holds; kills when that cannot be done in time. */
  pause(): void {
    this.native.post(COMMAND.pause)
    this.hurry()
  }

  /** Ends the target and its direct children. */
  end(): void {
    if (this.over) return
    this.expect(true)
    this.native.post(COMMAND.end)
    this.hurry()
  }

  /** Sets the target free at once, breakpoints taken out. */
  detach(): void {
    this.expect(true)
    this.native.post(COMMAND.detach)
  }

  /** Arms more stops; their sites follow those already known. */
  addSites(plan: StopPlan, walk: WalkOptions): void {
    this.native.post(COMMAND.addSites, encodePlan(plan, walk))
  }

  /** Memory of the held target, as much of it as is mapped; null when it is not held. */
  readMemory(address: bigint, length: number): Buffer | null {
    const bytes = Buffer.alloc(length)
    const have = this.native.readMemory(address, bytes)
    return have < 0 ? null : bytes.subarray(0, have)
  }

  /** /proc/pid/maps of the held target; null when it is not held. */
  maps(): Buffer | null {
    return this.native.maps()
  }

  /** Whether something is to come: it keeps Node's event loop, and this tracer, alive. */
  expect(something: boolean): void {
    if (something) {
      this.hold.awaited = this
      this.native.ref()
    } else {
      this.hold.known ??= new WeakRef(this)
      this.hold.awaited = null
      this.native.unref()
    }
  }

  private hurry(): void {
    this.calm()
    this.patience = setTimeout(() => this.native.killNow(), PATIENCE_MS)
  }

  private calm(): void {
    if (this.patience !== null) clearTimeout(this.patience)
    this.patience = null
  }
}
