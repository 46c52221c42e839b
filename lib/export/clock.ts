/** Moments of a trace on one clock: that of `startNs`, which stands still while the target is held. */
import type { Trace } from '../trace/types'

/**
 * The function from `atNs` (which runs on while the target is held) to the clock of `startNs`. The hold of execve's
 * entry ends at time zero and takes nothing away.
 */
export function heldFreeClock(trace: Trace): (atNs: number) => number {
  const holds = trace.stops
    .filter((stop) => stop.kind !== 'syscall-entry')
    .map(({ atNs, heldNs }) => ({ from: atNs, to: atNs + heldNs }))
    .sort((a, b) => a.from - b.from)
  return (atNs) => {
    let held = 0
    let until = 0
    for (const { from, to } of holds) {
      if (from >= atNs) break
      held += Math.max(0, Math.min(to, atNs) - Math.max(from, until))
      until = Math.max(until, to)
    }
    return Math.max(0, atNs - held)
  }
}

/** Nanoseconds as a decimal number of `10^digits` ns, exact: `decimal(1500, 9)` is `0.0000015`. */
export function decimal(ns: number, digits: number): string {
  const sign = ns < 0 ? '-' : ''
  const text = String(Math.abs(ns)).padStart(digits + 1, '0')
  const fraction = text.slice(-digits).replace(/0+$/, '')
  return `${sign}${text.slice(0, -digits)}${fraction && `.${fraction}`}`
}
