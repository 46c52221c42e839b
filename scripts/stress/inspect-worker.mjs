// Damages copies of programs and inspects them; posts how many it has done, and what went wrong.
import { closeSync, openSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { damage, hotStretches, randomDamage } from './mutations.mjs'

/** No parse may take longer, in milliseconds. */
const LONGEST = 1000

const { inspect, PremainError } = createRequire(import.meta.url)(workerData.library)

const subjects = workerData.files.map((file) => {
  const fd = openSync(file, 'r')
  const stretches = hotStretches(fd)
  closeSync(fd)
  return { file, stretches, size: statSync(file).size }
})

/** How long the inspection took, and what it threw that is no PremainError. */
async function attempt(file) {
  const started = performance.now()
  try {
    await inspect(file)
    return { ms: performance.now() - started, refused: false, fault: null }
  } catch (error) {
    const fault = error instanceof PremainError ? null : String(error?.stack ?? error)
    return { ms: performance.now() - started, refused: true, fault }
  }
}

let refused = 0
for (let i = 0; i < workerData.count; i++) {
  const { file, stretches, size } = subjects[i % subjects.length]
  const done = randomDamage(stretches, size)
  parentPort.postMessage({ file, damage: done })
  const undo = damage(file, done)
  let seen = await attempt(file)
  // A busy machine is slow once; a bad parse is slow again.
  if (seen.ms > LONGEST) seen = await attempt(file)
  if (seen.ms > LONGEST) seen.fault = `took ${seen.ms.toFixed(0)} ms`
  undo()
  if (seen.refused) refused++
  if (seen.fault !== null) parentPort.postMessage({ fault: seen.fault, file, damage: done })
}
parentPort.postMessage({ done: workerData.count, refused })
