// Program files that lie: inspected without a crash, a hang or a wait, and traced under limits.
import { copyFileSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Failure } from '../support/project.mjs'
import { runLimited } from './limited.mjs'
import { expect, goProgram, libraryFile, scratch } from './support.mjs'

const LANES = 2
/** A worker that is silent for longer hangs. */
const SILENCE = 15_000
/** Traces by one Node: what they take of its CPU time has to fit in a target's. */
const BATCH = 50

/** How a greedy program ends under the limits. Source: signal(7), setrlimit(2), Go's runtime/malloc.go. */
const REFUSALS = {
  memory: /out of memory|cannot allocate memory/,
  processes: /ended by: resource temporarily unavailable/,
  file: /ended by: write eaten: file too large/,
  cpu: /"signal":"SIGKILL"/,
}

/** Damaged program files through inspect(): every error a PremainError, no parse over a second, no hang. */
export async function mutatedInspect(count) {
  const bases = [goProgram('hello'), goProgram('inits', []), goProgram('threads', ['-buildmode=pie'])]
  const lanes = Array.from({ length: LANES }, (_, lane) => inspectLane(bases, lane, Math.ceil(count / LANES)))
  const refused = (await Promise.all(lanes)).reduce((sum, one) => sum + one, 0)
  return `${refused} refused`
}

function inspectLane(bases, lane, count) {
  const folder = join(scratch, `lane-${lane}`)
  mkdirSync(folder, { recursive: true })
  const files = bases.map((base) => {
    const copy = join(folder, basename(base))
    copyFileSync(base, copy)
    return copy
  })
  const workerData = { library: libraryFile, files, count }
  const worker = new Worker(new URL('inspect-worker.mjs', import.meta.url), { workerData })
  return new Promise((resolve, reject) => {
    let last = null
    const fail = (why) => {
      clearInterval(watchdog)
      void worker.terminate()
      reject(new Failure(`${why}\nafter ${JSON.stringify(last)}`))
    }
    let heard = Date.now()
    const watchdog = setInterval(() => {
      if (Date.now() - heard > SILENCE) fail('inspect() hangs')
    }, 500)
    worker.on('error', (error) => fail(`the worker died: ${error.stack}`))
    worker.on('exit', (code) => code !== 0 && fail(`the worker exited with ${code}`))
    worker.on('message', (message) => {
      heard = Date.now()
      if (message.fault !== undefined) return fail(message.fault)
      if (message.done === undefined) {
        last = message
        return
      }
      clearInterval(watchdog)
      resolve(message.refused)
    })
  })
}

/** Damaged programs that still run, through trace() under limits, which are first seen to hold. */
export async function mutatedTrace(count) {
  for (const [appetite, refusal] of Object.entries(REFUSALS)) {
    const seen = await runLimited('trace-worker.mjs', { program: goProgram('greedy'), appetite })
    const how = JSON.stringify(seen)
    expect(seen.code === 'EXITED_BEFORE_MAIN' && refusal.test(how), `nothing limits ${appetite}: ${how}`)
  }
  const programs = [goProgram('hello'), goProgram('inits', [])]
  const all = {}
  for (let left = count; left > 0; left -= BATCH) {
    const { ends } = await runLimited('trace-worker.mjs', { programs, count: Math.min(left, BATCH) })
    for (const [how, times] of Object.entries(ends)) all[how] = (all[how] ?? 0) + times
  }
  return Object.entries(all)
    .map(([how, times]) => `${how} ${times}`)
    .join(', ')
}
