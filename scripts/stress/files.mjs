// Program files that lie: inspected without a crash, a hang or a wait, and traced under a bound.
import { closeSync, copyFileSync, mkdirSync, openSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Failure } from '../support/project.mjs'
import { damage, hotStretches, randomDamage } from './mutations.mjs'
import { account, expect, goProgram, library, libraryFile, scratch, settled } from './support.mjs'

const LANES = 2
/** A worker that is silent for longer hangs. */
const SILENCE = 15_000
/** No trace of a damaged program may take longer, in milliseconds; killing it has a second of its own. */
const TRACE_BOUND = 1500
const PATIENCE = 4000

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

/** Damaged programs that still run, through trace() under a bound. */
export async function mutatedTrace(count) {
  const bases = [goProgram('hello'), goProgram('inits', [])].map((base) => {
    const file = join(scratch, `mutant-${basename(base)}`)
    copyFileSync(base, file)
    const fd = openSync(file, 'r')
    const stretches = hotStretches(fd, { text: true })
    closeSync(fd)
    return { file, stretches, size: statSync(file).size }
  })
  await library.trace(bases[0].file)
  const before = account()
  const ends = new Map()
  for (let ran = 0, made = 0; ran < count; made++) {
    const { file, stretches, size } = bases[made % bases.length]
    const done = randomDamage(stretches, size)
    const undo = damage(file, done)
    const end = await boundedTrace(file, done)
    undo()
    ends.set(end.how, (ends.get(end.how) ?? 0) + 1)
    if (end.ran) ran++
  }
  await settled(before)
  return [...ends].map(([how, times]) => `${how} ${times}`).join(', ')
}

/** How it ended, and whether the program was started at all. */
async function boundedTrace(file, done) {
  const started = Date.now()
  const env = { PATH: '/nonexistent' }
  const end = await library.trace(file, [], { timeout: TRACE_BOUND, env, cwd: scratch }).then(
    (seen) => ({ how: seen.outcome, ran: true }),
    (error) => {
      expect(error instanceof library.PremainError, `${error?.stack}\nafter ${JSON.stringify(done)}`)
      return { how: error.code, ran: error.trace !== undefined }
    },
  )
  const ms = Date.now() - started
  expect(ms < PATIENCE, `a trace took ${ms} ms (${end.how}) after ${JSON.stringify(done)}`)
  return end
}
