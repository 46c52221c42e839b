/** Whatever ends the tracing process or its parts ends the target with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { tsgo } from '../support/corpus'
import { childrenOf, processState, until } from '../support/leaks'

const built = join(__dirname, '..', '..', 'dist', 'index.js')

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** Runs a script in a Node of its own; it prints what the test waits for. */
function node(script: string, ...args: string[]): ChildProcess {
  expect(existsSync(built)).toBe(true)
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const child = spawn(process.execPath, ['-e', script, built, tsgo.file, ...args], { stdio: [...stdio] })
  children.push(child)
  return child
}

function lines(child: ChildProcess, count: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (chunk) => {
      text += chunk
      const all = text.split('\n').slice(0, -1)
      if (all.length >= count) resolve(all)
    })
    child.on('exit', (code, signal) => reject(new Error(`ended with ${code ?? signal} after ${JSON.stringify(text)}`)))
  })
}

function exitOf(child: ChildProcess): Promise<[code: number | null, signal: string | null]> {
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve([code, signal])))
}

/** Nothing but a zombie that init has yet to reap is left within a second. */
async function expectGone(pid: number): Promise<void> {
  const gone = (state: string | null) => state === null || state === 'Z'
  expect(await until(() => processState(pid), gone, 1000)).not.toBe('t')
}

const HOLD = `
  const { launch } = require(process.argv[1])
  const session = launch(process.argv[2], { inits: false })
  ;(async () => {
    for await (const stop of session) {
      if (stop.name !== 'runtime.schedinit') continue
      console.log(session.pid)
      setInterval(() => {}, 1000)
      await new Promise(() => {})
    }
  })()`

test('SIGKILL of Node ends a held target', async () => {
  for (let i = 0; i < 10; i++) {
    const child = node(HOLD)
    const pid = Number((await lines(child, 1))[0])
    expect(processState(pid)).toBe('t')
    const gone = exitOf(child)
    child.kill('SIGKILL')
    await gone
    await expectGone(pid)
  }
})

test('process.exit() in mid-trace leaves nothing', async () => {
  const child = node(`
    const { launch, trace } = require(process.argv[1])
    const session = launch(process.argv[2], { inits: false })
    void trace(process.argv[2], { inits: true })
    ;(async () => {
      for await (const stop of session) {
        if (stop.name !== 'runtime.schedinit') continue
        console.log(session.pid)
        process.exit(7)
      }
    })()`)
  const gone = exitOf(child)
  const pid = Number((await lines(child, 1))[0])
  expect(await gone).toEqual([7, null])
  await expectGone(pid)
})

test('a forgotten session does not keep Node alive', async () => {
  const child = node(`
    const { launch } = require(process.argv[1])
    const session = launch(process.argv[2])
    session.start()
    const timer = setInterval(() => {
      if (session.pid === null) return
      clearInterval(timer)
      console.log(session.pid)
    }, 5)`)
  const gone = exitOf(child)
  const pid = Number((await lines(child, 1))[0])
  expect(await gone).toEqual([0, null])
  await expectGone(pid)
})

test('a session that was collected as garbage has ended its target', async () => {
  const child = node(`
    require('node:v8').setFlagsFromString('--expose-gc')
    const collect = require('node:vm').runInNewContext('gc')
    const { launch } = require(process.argv[1])
    function start() {
      const session = launch(process.argv[2]).start()
      return new Promise((resolve) => {
        const timer = setInterval(() => {
          if (session.pid === null) return
          clearInterval(timer)
          resolve(session.pid)
        }, 5)
      })
    }
    start().then((pid) => {
      console.log(pid)
      setInterval(collect, 20)
    })`)
  const pid = Number((await lines(child, 1))[0])
  expect(
    await until(
      () => processState(pid),
      (state) => state === null,
      10_000,
    ),
  ).toBeNull()
}, 20_000)

test('worker.terminate() in mid-trace leaves nothing, twenty times over', async () => {
  const child = node(`
    const { Worker } = require('node:worker_threads')
    const body = \`
      const { parentPort, workerData } = require('node:worker_threads')
      const { launch, trace } = require(workerData[0])
      const session = launch(workerData[1], { inits: false })
      void trace(workerData[1]).catch(() => {})
      ;(async () => {
        for await (const stop of session) {
          if (stop.name !== 'runtime.schedinit') continue
          parentPort.postMessage(session.pid)
          setInterval(() => {}, 1000)
          await new Promise(() => {})
        }
      })()\`
    ;(async () => {
      for (let i = 0; i < 20; i++) {
        const worker = new Worker(body, { eval: true, workerData: process.argv.slice(1) })
        const pid = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject))
        await worker.terminate()
        console.log(pid)
      }
      console.log(require('node:fs').readdirSync('/proc/self/task').length)
      setInterval(() => {}, 1000)
    })()`)
  const seen = await lines(child, 21)
  for (const pid of seen.slice(0, 20)) expect(processState(Number(pid))).toBeNull()
  expect(childrenOf(child.pid as number)).toEqual([])
  // Node's own: the main thread, four of V8's platform, the inspector's, and the pool's four.
  expect(Number(seen[20])).toBeLessThanOrEqual(12)
}, 30_000)

test('a tracer thread serves the next session, leaves when none comes, and keeps neither Node nor a worker', async () => {
  const child = node(`
    const { readdirSync } = require('node:fs')
    const { trace } = require(process.argv[1])
    const tids = () => readdirSync('/proc/self/task')
    const others = (before) => tids().filter((tid) => !before.includes(tid)).join()
    ;(async () => {
      await require('node:fs/promises').stat('/')
      const before = tids()
      await trace(process.argv[2], { inits: false })
      const first = others(before)
      await trace(process.argv[2], { inits: false })
      console.log(first !== '' && others(before) === first)
      const poll = setInterval(() => {
        if (others(before) !== '') return
        clearInterval(poll)
        console.log('left')
        trace(process.argv[2], { inits: false }).then(({ outcome }) => console.log(outcome))
      }, 5)
    })()`)
  const exited = new Promise((resolve) => child.on('exit', resolve))
  expect(await lines(child, 3)).toEqual(['true', 'left', 'reached-main'])
  expect(await exited).toBe(0)
}, 20_000)

test("a thread that is leaving just then is not mistaken for JavaScript's own", async () => {
  const child = node(`
    const { readFileSync } = require('node:fs')
    const { trace } = require(process.argv[1])
    const cores = () => /^Cpus_allowed:.*$/m.exec(readFileSync('/proc/self/task/' + process.pid + '/status', 'utf8'))[0]
    ;(async () => {
      const before = cores()
      for (let i = 0; i < 40; i++) {
        await trace('true', { until: 'entry' })
        const until = performance.now() + 99 + i / 20
        while (performance.now() < until);
      }
      console.log(cores() === before)
    })()`)
  expect(await lines(child, 1)).toEqual(['true'])
}, 20_000)

test("a target has the priority that its maker's thread has by then", async () => {
  const child = node(`
    const { trace } = require(process.argv[1])
    const os = require('node:os')
    const nice = async () => (await trace('nice', { until: 'entry', run: true })).output.stdout.trim()
    ;(async () => {
      const before = Number(await nice())
      os.setPriority(before + 3)
      console.log(Number(await nice()) - before, Number(await nice()) - before)
    })()`)
  expect(await lines(child, 1)).toEqual(['3 3'])
})

test("a listener's failure is told as an unhandled rejection, and the session goes on", async () => {
  const child = node(`
    const { launch } = require(process.argv[1])
    const told = new Set()
    process.on('unhandledRejection', (error) => told.add(error.message))
    const session = launch(process.argv[2], { inits: false })
    const fail = (event) => session.on(event, () => { throw new Error(event) })
    fail('thread')
    fail('exit')
    session.on('stop', () => {})
    session.start().trace().then(({ outcome }) => setImmediate(() => console.log([...told].sort().join(), outcome)))`)
  expect(await lines(child, 1)).toEqual(['exit,thread reached-main'])
}, 20_000)

test("a worker's trace with a piped standard input closes it without a warning", async () => {
  const child = node(`
    const { Worker } = require('node:worker_threads')
    const body = \`
      const { parentPort, workerData } = require('node:worker_threads')
      process.on('warning', ({ message }) => parentPort.postMessage(message))
      require(workerData[0])
        .trace(workerData[1], { stdio: ['pipe', 'pipe', 'pipe'], inits: false })
        .then(({ outcome }) => setImmediate(() => parentPort.postMessage(outcome)))\`
    new Worker(body, { eval: true, workerData: process.argv.slice(1) }).on('message', console.log)
    setInterval(() => {}, 1000)`)
  expect(await lines(child, 1)).toEqual(['reached-main'])
})
