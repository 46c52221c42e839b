/** Ctrl-C and its kin: the trace is aborted, the target ended, and the exit code says so. */
import { PremainError } from '../errors'
import type { Aborting } from '../session/options'
import type { Context, Interrupt } from './context'
import { exitCodeOfSignal } from './exit-codes'

/** The reason that an interrupted trace is aborted with. */
class Interrupted extends Error {
  constructor(readonly interrupt: Interrupt) {
    super(`interrupted by ${interrupt}`)
  }
}

/** In the place of an `AbortController`, which Node compiles at its first use: that takes half a millisecond. */
class InterruptSignal implements Aborting {
  reason: unknown
  private readonly listeners = new Set<() => void>()

  get aborted(): boolean {
    return this.reason !== undefined
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.delete(listener)
  }

  abort(reason: Interrupted): void {
    if (this.aborted) return
    this.reason = reason
    for (const listener of this.listeners) listener()
  }
}

/** Listens for interrupts while a target is there. */
export class Interruption {
  readonly signal = new InterruptSignal()
  private readonly stopListening: () => void
  private spared: boolean

  /**
   * @param run the program runs on. The first interrupt from its keyboard is then the program's own business: the
   *   terminal sends it to both. A second one ends it.
   */
  constructor(context: Context, run: boolean) {
    this.spared = run && context.interactive
    this.stopListening = context.onInterrupt((interrupt) => {
      if (this.spared && interrupt === 'SIGINT') this.spared = false
      else this.signal.abort(new Interrupted(interrupt))
    })
  }

  /**
   * Throws the error of an interruption in the place of what it led to. The keyboard's interrupt reaches the target too,
   * which may die of it before the abort does: still an interruption.
   */
  explain(error: unknown): void {
    const { reason } = this.signal
    if (!(reason instanceof Interrupted) || !(error instanceof PremainError)) return
    const hint = 'The program was ended with it. --until ends earlier by itself, --timeout after a time.'
    throw Object.assign(new PremainError('ABORTED', reason.message, { hint, cause: reason }), {
      trace: error.trace,
      measurement: error.measurement,
    })
  }

  end(): void {
    this.stopListening()
  }
}

/** 128 + the signal's number for an error that {@link Interruption} caused, else null. */
export function exitCodeOfInterruption(error: unknown): number | null {
  const cause = error instanceof PremainError && error.code === 'ABORTED' ? error.cause : null
  return cause instanceof Interrupted ? exitCodeOfSignal(cause.interrupt) : null
}
