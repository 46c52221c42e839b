// A Node whose targets may take only so much: limits are inherited, so its own needs have to fit in them, too.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Failure } from '../support/project.mjs'
import { childrenOf, expect, until } from './support.mjs'

const MB = 2 ** 20
/** A worker that is silent for longer hangs. */
const SILENCE = 15_000

/**
 * Go reserves a gigabyte of addresses, and so does Node without V8's handler of WebAssembly's traps; of memory to write to
 * Node needs 100 MB, of CPU time 0.7 seconds for 50 traces, and files as large as the programs. Processes are counted
 * together with threads.
 */
const LIMITS = { as: 2048 * MB, data: 256 * MB, cpu: 3, fsize: 16 * MB, core: 0 }
const PROCESSES = 64

/** A user that nobody else is, each run of the stress tests another one. Root is not held to a number of processes. */
const user = process.getuid() === 0 ? 60_000 + (process.pid % 5000) : null

/** Reading is left to that user: the checkout may be root's own. Source: capabilities(7). */
const AS_USER =
  user === null
    ? []
    : [
        'setpriv',
        `--reuid=${user}`,
        `--regid=${user}`,
        '--clear-groups',
        '--inh-caps=+dac_read_search',
        '--ambient-caps=+dac_read_search',
      ]

/**
 * Runs a script of this folder under the limits and returns the last message that it sent.
 *
 * @param task its argument, as JSON
 * @throws Failure with `fault` of a message, for a worker that hangs or dies, and for processes that are left
 */
export async function runLimited(script, task) {
  const limits = Object.entries(LIMITS).map(([name, value]) => `--${name}=${value}:${value}`)
  const processes = `--nproc=${PROCESSES + tasksOf(process.getuid())}`
  const node = [process.execPath, '--disable-wasm-trap-handler', fileURLToPath(new URL(script, import.meta.url))]
  const words = [
    ...limits,
    user === null ? processes : `--nproc=${PROCESSES}`,
    ...AS_USER,
    ...node,
    JSON.stringify(task),
  ]
  const worker = spawn('prlimit', words, { stdio: ['ignore', 2, 2, 'ipc'] })
  const last = await lastMessage(worker)
  if (user !== null) expect(await until(() => tasksOf(user) === 0, 2000), `${tasksOf(user)} processes are left`)
  return last
}

function lastMessage(worker) {
  let last = null
  return new Promise((resolve, reject) => {
    const fail = (why) => {
      clearInterval(watchdog)
      for (const pid of childrenOf(worker.pid)) process.kill(pid, 'SIGKILL')
      worker.kill('SIGKILL')
      reject(new Failure(`${why}\nafter ${JSON.stringify(last)}`))
    }
    let heard = Date.now()
    const watchdog = setInterval(() => {
      if (Date.now() - heard > SILENCE) fail('trace() hangs')
    }, 500)
    worker.on('error', (error) => fail(`no worker: ${error.message}`))
    worker.on('message', (message) => {
      heard = Date.now()
      if (message.fault !== undefined) return fail(message.fault)
      last = message
    })
    worker.on('exit', (code, signal) => {
      if (code !== 0) return fail(`the worker ended with ${signal ?? code}`)
      clearInterval(watchdog)
      resolve(last)
    })
  })
}

/** How many threads a user has, of all its processes. */
function tasksOf(uid) {
  const own = new RegExp(`^Uid:\\s*${uid}\\s`, 'm')
  let tasks = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (own.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) tasks += readdirSync(`/proc/${pid}/task`).length
    } catch {}
  }
  return tasks
}
