// Who runs against whom, and the figures that come of it.
import { spawn } from 'node:child_process'
import { projectRequire } from '../support/project.mjs'
import { median } from './sampling.mjs'

/** The library as it was built. */
export const premain = () => projectRequire('./dist/index.js')

/** Options of planStops and of trace(), for the same stops and reads. */
export const KINDS = {
  evidence: { plan: { inits: false, maps: 'evidence' }, trace: { inits: false, maps: false } },
  maps: { plan: { inits: false, maps: true }, trace: { inits: false, maps: true } },
  inits: { plan: { inits: true, maps: 'evidence' }, trace: { inits: true, maps: false } },
}

/** A contestant: trace() in this process, nothing kept of the target's output. */
export function tracing(program, options, args = []) {
  const { trace } = premain()
  return async () => {
    await trace(program, args, { stdio: 'ignore', ...options })
  }
}

/** A contestant: a process by Node's child_process, to its exit event. */
export function spawning(file, args = [], options = {}) {
  return () =>
    new Promise((resolve, reject) => {
      const child = spawn(file, args, { stdio: 'ignore', ...options })
      child.on('error', reject)
      child.on('exit', () => resolve())
    })
}

/** A peer as Node sees it: the time from the order to the settled promise, not the peer's own. */
export function awaited(peer) {
  return async () => {
    await peer()
  }
}

/** One figure. `limit`: what it is to be at most (`least`: at least); null where it is only for comparison. */
export function row(what, value, { unit, limit = null, least = false, samples = null, decimals = 2, note = null }) {
  const reached = limit === null ? null : least ? value >= limit : value <= limit
  return { what, value, unit, limit, least, reached, median: samples && median(samples), decimals, note }
}

/** The ratio of two contestants' medians. */
export function ratio(what, samples, [over, under], { limit = null, note = null } = {}) {
  const value = median(samples[over]) / median(samples[under])
  return row(what, value, { unit: '×', limit, samples: samples[over], note })
}
