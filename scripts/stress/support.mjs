// What every scenario of the stress run needs: the built library, a Go program, and this process's own account.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { at, Failure, projectRequire } from '../support/project.mjs'

/** The library's built file, and what it exports. */
export const libraryFile = at('dist/index.js')
export const library = projectRequire(libraryFile)

/** A folder that is gone at the end of the process. */
export const scratch = mkdtempSync(join(tmpdir(), 'premain-stress-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

const programs = new Map()

/** Builds a program of test/fixtures/go. */
export function goProgram(name, flags = ['-ldflags=-s -w']) {
  if (!programs.has(name)) {
    const file = join(scratch, name)
    const built = spawnSync('go', ['build', ...flags, '-o', file, `./${name}`], {
      cwd: at('test/fixtures/go'),
      encoding: 'utf8',
      env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-buildvcs=false', GO111MODULE: 'on', CGO_ENABLED: '0' },
    })
    if (built.status !== 0) throw new Failure(`go build ./${name}: ${built.error?.message ?? built.stderr}`)
    programs.set(name, file)
  }
  return programs.get(name)
}

/** Throws where `holds` is false. */
export function expect(holds, message) {
  if (!holds) throw new Failure(message)
}

/** A number from 0 up to `limit`. */
export const random = (limit) => Math.random() * limit

/** A moment that is anything from at once to `limit` ms away. */
export async function someTime(limit) {
  const ms = random(limit)
  if (ms < 0.5) return
  await delay(ms)
}

/** The process ids of the direct children of a process, all its threads'. */
export function childrenOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((tid) => {
      const text = readOrEmpty(`/proc/${pid}/task/${tid}/children`)
      return text.split(' ').filter(Boolean).map(Number)
    })
  } catch {
    return []
  }
}

function readOrEmpty(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** A process's state letter, or null once it is gone. */
export function stateOf(pid) {
  const text = readOrEmpty(`/proc/${pid}/stat`)
  return text === '' ? null : text.slice(text.lastIndexOf(')') + 2)[0]
}

/** Polls until `done()` holds, at most for `limit` ms; whether it did. */
export async function until(done, limit) {
  const deadline = Date.now() + limit
  while (!done()) {
    if (Date.now() > deadline) return false
    await delay(2)
  }
  return true
}

/** What this process holds, after a garbage collection. */
export function account() {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  collect()
  collect()
  return {
    children: childrenOf(process.pid).length,
    threads: readdirSync('/proc/self/task').length,
    descriptors: descriptors(),
    heapMb: process.memoryUsage().heapUsed / 2 ** 20,
    rssMb: process.memoryUsage().rss / 2 ** 20,
  }
}

function descriptors() {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) !== `/proc/${process.pid}/fd`
    } catch {
      return false
    }
  }).length
}

/** Waits until as few children, threads and descriptors are there as before; throws what is left after 5 s. */
export async function settled(before) {
  const same = (now) => ['children', 'threads', 'descriptors'].every((key) => now[key] <= before[key])
  await until(() => same(account()), 5000)
  const now = account()
  expect(same(now), `left behind: ${JSON.stringify(now)}, before: ${JSON.stringify(before)}`)
  return now
}

/** Does `work(i)` for every i below `count`, so many at once. */
export async function manyAtOnce(count, width, work) {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: width }, lane))
}
