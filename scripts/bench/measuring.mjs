// measure() and compare(): how fast they launch, and whether they tell what differs from what does not.
import { premain, row } from './contestants.mjs'
import { Peer } from './peer.mjs'
import * as programs from './programs.mjs'
import { inTurns, median } from './sampling.mjs'
import { absent } from './sections.mjs'

/** measure() against a loop in C. */
export async function throughput({ program, rounds, random }) {
  const { measure } = premain()
  const batch = 20
  const peer = new Peer(program)
  const kill = peer.trace({ only: true, registers: false, maps: false }, { end: 'kill' })
  const everyStop = peer.trace({ inits: true, registers: false, maps: false, evidence: false }, { end: 'kill' })
  const samples = await inTurns(
    {
      measure: async () => {
        const before = performance.now()
        const { launches: made } = await measure(program, { runs: batch, warmup: 0 })
        return (performance.now() - before) / made.length
      },
      loop: async () => {
        let total = 0
        for (let i = 0; i < batch; i++) total += await kill()
        return total / batch
      },
      'loop, same stops': async () => {
        let total = 0
        for (let i = 0; i < batch; i++) total += await everyStop()
        for (let i = 0; i < batch / 2; i++) total += await kill()
        return total / (batch * 1.5)
      },
    },
    { rounds, random, warmup: 1 },
  )
  peer.close()
  const throughput = (name) => median(samples.loop) / median(samples[name])
  return {
    title: 'measure()',
    text: `Launches a second by measure() with its defaults, against a C loop that starts the program, stops it at \`main.main\` alone and kills it. The last row is a C loop with measure()’s own stops: two launches with all of them, one with the last only.`,
    samples,
    rows: [
      row('throughput of measure() ÷ C loop', throughput('measure'), {
        unit: '×',
        limit: 0.6,
        least: true,
        samples: samples.measure,
      }),
      row('C loop with the same stops ÷ C loop', throughput('loop, same stops'), { unit: '×' }),
    ],
  }
}

/** Injected slow-downs of the whole start. */
const SLOWDOWNS = [0.03, 0.05, 0.1]

/** A program compared with itself, and with itself slowed down by a known part. */
export async function comparisons({ rounds, random }) {
  const program = programs.slowedDown()
  if (program === null) return absent('compare()', 'no go command to build the program with')
  const seed = () => Math.floor(random() * 2 ** 31)
  const side = (extra) => ({ file: program, args: [String(programs.SLOWED_ROUNDS + extra)] })
  const judge = async (extra, runs) => {
    const options = { runs, warmup: 1, faultRuns: 0, seed: seed() }
    const { comparison } = await premain().comparePrograms(side(0), side(extra), options)
    return comparison
  }
  const called = { whole: 0, anything: 0 }
  for (let round = 0; round < rounds; round++) {
    const { verdict, differences } = await judge(0, SMALL_RUNS)
    if (differs({ verdict })) called.whole++
    if (differences.some(differs)) called.anything++
  }
  const perRound = await nsPerRound(program)
  const slower = []
  const tries = Math.max(1, Math.round(rounds / 10))
  for (const part of SLOWDOWNS) {
    const extra = Math.round((part * perRound.wholeNs) / perRound.ns)
    let found = 0
    for (let n = 0; n < tries; n++) if ((await judge(extra, LARGE_RUNS)).verdict === 'slower') found++
    slower.push({ part, found: (100 * found) / tries })
  }
  const percent = (n) => (100 * n) / rounds
  return {
    title: 'compare()',
    text: `A program of ${(perRound.wholeNs / 1e6).toFixed(1)} ms compared with itself ${rounds} times, ${SMALL_RUNS} runs a side; and, ${tries} times each with ${LARGE_RUNS} runs a side, with itself slowed down by an init that computes for longer.`,
    samples: {},
    rows: [
      row('of itself called faster or slower', percent(called.whole), { unit: '%', limit: 5, decimals: 1 }),
      row('the same, any step or init of it', percent(called.anything), { unit: '%', limit: 5, decimals: 1 }),
      ...slower.map(({ part, found }) =>
        row(`a slow-down of ${100 * part} % called slower`, found, { unit: '%', limit: 80, least: true, decimals: 0 }),
      ),
    ],
  }
}

const SMALL_RUNS = 20
const LARGE_RUNS = 100

const differs = ({ verdict }) => verdict === 'faster' || verdict === 'slower'

/** What a round of the init's loop takes, and what the whole start. */
async function nsPerRound(program) {
  const wall = async (rounds) => {
    const { totals } = await premain().measure(program, [String(rounds)], { runs: 60, faultRuns: 0 })
    return totals.wallNs.median
  }
  const wholeNs = await wall(programs.SLOWED_ROUNDS)
  return { wholeNs, ns: ((await wall(2 * programs.SLOWED_ROUNDS)) - wholeNs) / programs.SLOWED_ROUNDS }
}
