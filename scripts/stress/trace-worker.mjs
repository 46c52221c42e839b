// Under limits: damages copies of programs and traces them, or traces a greedy one; sends what became of each, and the sum
// at last, or what went wrong.
import { closeSync, copyFileSync, openSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { damage, hotStretches, randomDamage } from './mutations.mjs'
import { account, expect, library, scratch, settled } from './support.mjs'

/** No trace of a damaged program may take longer, in milliseconds; killing it has a second of its own. */
const TRACE_BOUND = 1500
const PATIENCE = 4000
/** A greedy program is to be ended by its limit. */
const GREEDY_BOUND = 12_000

/** A program of this user's own. */
function copyOf(program) {
  const file = join(scratch, basename(program))
  copyFileSync(program, file)
  return file
}

function subject(program) {
  const file = copyOf(program)
  const fd = openSync(file, 'r')
  const stretches = hotStretches(fd, { text: true })
  closeSync(fd)
  return { file, stretches, size: statSync(file).size }
}

async function mutants({ programs, count }) {
  const subjects = programs.map(subject)
  await library.trace(subjects[0].file)
  const before = account()
  const ends = {}
  for (let ran = 0, made = 0; ran < count; made++) {
    const { file, stretches, size } = subjects[made % subjects.length]
    const done = randomDamage(stretches, size)
    process.send({ file, damage: done })
    const undo = damage(file, done)
    const end = await boundedTrace(file)
    undo()
    ends[end.how] = (ends[end.how] ?? 0) + 1
    if (end.ran) ran++
  }
  await settled(before)
  return { ends }
}

/** How it ended, and whether the program was started at all. */
async function boundedTrace(file) {
  const started = Date.now()
  const env = { PATH: '/nonexistent' }
  const end = await library.trace(file, [], { timeout: TRACE_BOUND, env, cwd: scratch }).then(
    (seen) => ({ how: seen.outcome, ran: true }),
    (error) => {
      expect(error instanceof library.PremainError, error?.stack)
      return { how: error.code, ran: error.trace !== undefined }
    },
  )
  const ms = Date.now() - started
  expect(ms < PATIENCE, `a trace took ${ms} ms (${end.how})`)
  return end
}

async function greedy({ program, appetite }) {
  const before = account()
  const options = { timeout: GREEDY_BOUND, env: { APPETITE: appetite }, cwd: scratch }
  const { code, trace } = await library.trace(copyOf(program), [], options).catch((error) => error)
  await settled(before)
  return { code, exit: trace?.exit, complaint: trace?.output.stderr.split('\n')[0] }
}

const task = JSON.parse(process.argv[2])
try {
  process.send(await (task.appetite === undefined ? mutants(task) : greedy(task)))
} catch (error) {
  process.send({ fault: error.stack })
}
process.disconnect()
