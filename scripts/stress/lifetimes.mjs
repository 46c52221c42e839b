// Whatever ends a trace, and whenever: nothing is left of it.
import { spawn } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import {
  account,
  childrenOf,
  expect,
  goProgram,
  library,
  libraryFile,
  manyAtOnce,
  random,
  settled,
  someTime,
  stateOf,
  until,
} from './support.mjs'

/** A trace takes about so many ms: moments are chosen from a little more. */
const SPAN = 25
/** Longer than any trace here should take: who runs into it hangs. */
const BOUND = 20_000

const warmUp = async (count = 30) => {
  for (let i = 0; i < count; i++) await library.trace(goProgram('hello'))
  await new Promise((resolve) => spawn('true').on('exit', resolve))
}

/** No growth in memory, threads, descriptors and children over many traces in one process. */
export async function traces(count) {
  await warmUp(Math.min(200, count))
  const before = account()
  for (let i = 0; i < count; i++) {
    const seen = await library.trace(goProgram('hello'), { timeout: BOUND })
    expect(seen.outcome === 'reached-main', `trace ${i}: ${seen.outcome}`)
  }
  const after = await settled(before)
  const grown = after.heapMb - before.heapMb
  expect(grown < 4, `the heap grew by ${grown.toFixed(1)} MB`)
  const resident = after.rssMb - before.rssMb
  expect(resident < 48, `resident memory grew by ${resident.toFixed(1)} MB`)
  return `heap ${grown.toFixed(1)} MB, resident ${resident.toFixed(1)} MB more`
}

/** An abort at a random moment, of trace() and of launch(). */
export async function aborts(count) {
  await warmUp()
  const before = account()
  let aborted = 0
  await manyAtOnce(count, 4, async (i) => {
    const aborter = new AbortController()
    const options = { signal: aborter.signal, timeout: BOUND }
    const program = goProgram(i % 3 === 0 ? 'forker' : 'hello')
    const running = (i % 4 === 0 ? walk(program, options) : library.trace(program, options)).then(
      () => null,
      (error) => error,
    )
    await someTime(SPAN)
    aborter.abort()
    const error = await running
    expect(error === null || error.code === 'ABORTED', `abort ${i}: ${error?.stack}`)
    if (error !== null) aborted++
  })
  await settled(before)
  return `${aborted} before the end`
}

async function walk(program, options) {
  for await (const stop of library.launch(program, options)) await stop.maps()
}

/** SIGKILL of the traced process at a random moment. */
export async function kills(count) {
  await warmUp()
  const before = account()
  let killed = 0
  for (let i = 0; i < count; i++) {
    const program = goProgram(i % 3 === 0 ? 'forker' : 'hello')
    const running = library.trace(program, { timeout: BOUND, run: i % 2 === 0 }).then(
      (seen) => seen.exit?.signal ?? 'came to main',
      (error) => (error.code === 'EXITED_BEFORE_MAIN' ? error.trace.exit.signal : error.stack),
    )
    await someTime(SPAN)
    for (const pid of childrenOf(process.pid)) killIfThere(pid)
    const how = await running
    // Between its birth and its execve the child has not become the program yet: that too ends in an error.
    expect(how === 'SIGKILL' || how === 'came to main' || /EXEC_FAILED/.test(how), `kill ${i}: ${how}`)
    if (how === 'SIGKILL') killed++
  }
  await settled(before)
  return `${killed} before main.main`
}

function killIfThere(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

const LOOP = `
  const { launch, trace } = require(process.argv[1])
  ;(async () => {
    for (let i = 0; ; i++) {
      if (i % 2 === 0) await trace(process.argv[2]).catch(() => {})
      else for await (const stop of launch(process.argv[2])) await stop.maps()
      if (i === 0) console.log('ready')
    }
  })()`

/** SIGKILL of Node in mid-trace: the target is gone within a second. */
export async function nodeKills(count) {
  let targets = 0
  await manyAtOnce(count, 2, async (i) => {
    const child = spawn(process.execPath, ['-e', LOOP, libraryFile, goProgram('hello')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await someTime(SPAN)
    const family = childrenOf(child.pid)
    const gone = new Promise((resolve) => child.on('exit', resolve))
    child.kill('SIGKILL')
    await gone
    targets += family.length
    const ended = () => family.every((pid) => [null, 'Z', 'X'].includes(stateOf(pid)))
    expect(await until(ended, 1000), `round ${i}: a target outlived Node by a second`)
  })
  return `${targets} targets caught`
}

/** Sessions side by side, all right. */
export async function sessions(count) {
  await warmUp()
  const before = account()
  const names = await namesOf(goProgram('hello'))
  const all = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      if (i % 2 === 0) return namesOf(goProgram('hello'))
      const seen = await library.trace(goProgram('hello'), { timeout: 3 * BOUND })
      expect(seen.outcome === 'reached-main', `session ${i}: ${seen.outcome}`)
      expect(
        seen.steps.every(({ status }) => status !== 'missed'),
        `session ${i} missed a step`,
      )
      return names
    }),
  )
  expect(
    all.every((seen) => seen.join() === names.join()),
    'not all sessions saw the same stops',
  )
  await settled(before)
  return `${names.length} stops in each`
}

async function namesOf(program) {
  const names = []
  for await (const stop of library.launch(program, { timeout: 3 * BOUND })) names.push(stop.name)
  return names
}

const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { launch, trace } = require(workerData[0])
  parentPort.postMessage('ready')
  for (let lane = 0; lane < 3; lane++) void (async () => {
    for (;;) {
      if (lane === 0) for await (const stop of launch(workerData[1])) await stop.maps()
      else await trace(workerData[1]).catch(() => {})
    }
  })()`

/** Workers that load the addon, terminated in mid-trace. */
export async function workers(count) {
  await warmUp()
  const run = async () => {
    const worker = new Worker(WORKER, { eval: true, workerData: [libraryFile, goProgram('hello')] })
    await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject))
    await someTime(3 * SPAN)
    await worker.terminate()
  }
  for (let i = 0; i < 3; i++) await run()
  const before = account()
  for (let i = 0; i < count; i++) await run()
  const after = await settled(before)
  return `resident ${(after.rssMb - before.rssMb).toFixed(1)} MB more`
}

/** Node's own children beside running sessions: every exit is reported, with its own code. */
export async function spawns(count) {
  await warmUp()
  const before = account()
  let running = true
  const lanes = Array.from({ length: 3 }, async (_, lane) => {
    let traced = 0
    for (; running; traced++) await library.trace(goProgram(lane === 0 ? 'forker' : 'hello'), { timeout: BOUND })
    return traced
  })
  await manyAtOnce(count, 4, async (i) => {
    const wanted = Math.floor(random(200))
    const child = spawn('sh', ['-c', `exit ${wanted}`], { stdio: 'ignore' })
    const code = await Promise.race([
      new Promise((resolve, reject) => child.on('exit', resolve).on('error', reject)),
      new Promise((resolve) => setTimeout(resolve, BOUND, 'no exit was reported').unref()),
    ])
    expect(code === wanted, `child ${i} exited with ${wanted}, Node says ${code}`)
  })
  running = false
  const traced = (await Promise.all(lanes)).reduce((sum, one) => sum + one, 0)
  await settled(before)
  return `${traced} traces meanwhile`
}
