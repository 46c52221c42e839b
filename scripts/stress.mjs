// `npm run stress [-- NAME[=COUNT]…]`: the long run, every scenario with its full count; with names, only those. The tests
// run the same scenarios with small counts.
import * as files from './stress/files.mjs'
import * as lifetimes from './stress/lifetimes.mjs'
import { Failure, runMain, say } from './support/project.mjs'

/** Each scenario and the count of its long run. */
const SCENARIOS = {
  traces: [lifetimes.traces, 20_000],
  aborts: [lifetimes.aborts, 5000],
  kills: [lifetimes.kills, 5000],
  'node-kills': [lifetimes.nodeKills, 500],
  sessions: [lifetimes.sessions, 64],
  workers: [lifetimes.workers, 200],
  spawns: [lifetimes.spawns, 5000],
  'mutated-inspect': [files.mutatedInspect, 1_000_000],
  'mutated-trace': [files.mutatedTrace, 2000],
}

function chosen(words) {
  if (words.length === 0) return Object.entries(SCENARIOS).map(([name, [work, count]]) => ({ name, work, count }))
  return words.map((word) => {
    const [name, count] = word.split('=')
    if (!(name in SCENARIOS)) throw new Failure(`No scenario ${name}: there are ${Object.keys(SCENARIOS).join(', ')}.`)
    const [work, most] = SCENARIOS[name]
    if (count !== undefined && !/^\d+$/.test(count)) throw new Failure(`${name}=${count}: write a whole number.`)
    return { name, work, count: count === undefined ? most : Number(count) }
  })
}

await runMain(async () => {
  let failed = 0
  for (const { name, work, count } of chosen(process.argv.slice(2))) {
    const started = Date.now()
    try {
      const note = await work(count)
      say(`${name}: ${count} in ${((Date.now() - started) / 1000).toFixed(1)} s: ${note}`)
    } catch (error) {
      failed++
      say(`${name}: FAILED after ${((Date.now() - started) / 1000).toFixed(1)} s: ${error.message}`)
      if (!(error instanceof Failure)) say(error.stack)
    }
  }
  return failed > 0 ? 1 : 0
})
