// `npm run bench`: what premain costs, as ratios to its peers, in one run. `--quick` takes less than 40 seconds, `--only=NAME`
// one section, `--seed=N` its order again, `--write` renews docs/performance.md, `--json=FILE` keeps every sample.
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { dirname, resolve } from 'node:path'
import { inspecting } from './bench/inspecting.mjs'
import * as measuring from './bench/measuring.mjs'
import { buildPeers, WORK } from './bench/peer.mjs'
import * as programs from './bench/programs.mjs'
import { document, score, sectionText } from './bench/report.mjs'
import { randomFrom } from './bench/sampling.mjs'
import * as sections from './bench/sections.mjs'
import { tools } from './bench/tools.mjs'
import { setup } from './setup.mjs'
import { at, Failure, projectRequire, runMain, say } from './support/project.mjs'

/** Rounds of each section: the whole run, and `--quick`. */
const SECTIONS = {
  launches: [sections.launches, { rounds: 200 }, { rounds: 40 }],
  crowded: [sections.crowded, { rounds: 120 }, { rounds: 15 }],
  inits: [sections.manyInits, { rounds: 40, counts: [10, 100, 300, 1000] }, { rounds: 5, counts: [10, 300] }],
  large: [sections.largeStart, { rounds: 40 }, { rounds: 6 }],
  measure: [measuring.throughput, { rounds: 30 }, { rounds: 3 }],
  aa: [measuring.comparisons, { rounds: 200 }, { rounds: 10 }],
  cpu: [sections.cpuTime, { rounds: 150 }, { rounds: 30 }],
  live: [sections.liveStops, { rounds: 20 }, { rounds: 3 }],
  command: [sections.command, { rounds: 40 }, { rounds: 8 }],
  inspect: [inspecting, { rounds: 20 }, { rounds: 5 }],
  heap: [sections.largeHeap, { rounds: 60 }, { rounds: 12 }],
  accuracy: [sections.accuracy, { rounds: 20 }, { rounds: 5 }],
  tools: [tools, { rounds: 15 }, { rounds: 1 }],
}

function readOptions(args) {
  const options = { quick: false, write: false, seed: Date.now() % 1_000_000, only: null, json: `${WORK}/bench.json` }
  for (const arg of args) {
    const [, name, value] = /^--(\w+)(?:=(.+))?$/.exec(arg) ?? []
    if (!(name in options)) throw new Failure(`No option ${arg}: --quick, --write, --only=NAME, --seed=N, --json=FILE`)
    options[name] = value === undefined ? true : name === 'seed' ? Number(value) : value
  }
  if (options.only !== null && !(options.only in SECTIONS))
    throw new Failure(`No section ${options.only}: there are ${Object.keys(SECTIONS).join(', ')}.`)
  if (options.write && (options.quick || options.only !== null))
    throw new Failure('--write takes the whole run: without --quick and --only.')
  return options
}

async function hostOf(program) {
  const { trace } = projectRequire('./dist/index.js')
  return (await trace(program, [], { until: 'entry', stdio: 'ignore' })).host
}

await runMain(async () => {
  const options = readOptions(process.argv.slice(2))
  setup()
  buildPeers()
  const program = programs.hello() ?? programs.tsgo()
  const random = randomFrom(options.seed)
  const load = loadavg()[0]
  const made = []
  for (const [name, [measure, whole, quick]] of Object.entries(SECTIONS)) {
    if (options.only !== null && options.only !== name) continue
    const began = performance.now()
    const section = await measure({ program, random, ...(options.quick ? quick : whole) })
    const seconds = (performance.now() - began) / 1000
    made.push({ name, seconds, ...section })
    console.log(sectionText(section))
    if (process.stderr.isTTY) say(`  (${seconds.toFixed(1)} s)`)
  }
  const { reached, of } = score(made)
  console.log(`\n${reached} of ${of} targets reached. Seed ${options.seed}.`)
  const result = {
    date: new Date().toISOString().slice(0, 10),
    seed: options.seed,
    load,
    host: await hostOf(program),
    sections: made,
  }
  const json = resolve(options.json)
  mkdirSync(dirname(json), { recursive: true })
  writeFileSync(json, `${JSON.stringify(result, null, 1)}\n`)
  say(`Samples: ${json}`)
  if (options.write) {
    writeFileSync(at('docs/performance.md'), `${document(result).trimEnd()}\n`)
    say('wrote docs/performance.md')
  }
})
