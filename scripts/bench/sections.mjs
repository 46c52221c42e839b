// What is measured: each section runs its contestants in turns and returns rows.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { at } from '../support/project.mjs'
import { awaited, KINDS, premain, ratio, row, spawning, tracing } from './contestants.mjs'
import { Peer, WORK } from './peer.mjs'
import * as programs from './programs.mjs'
import { inTurns, median, p90 } from './sampling.mjs'

/** Launches of a process that has just begun. */
const EARLY = 25
/** How many rounds V8 is given for its compiling, as a part of those that count. */
const COMPILING = 0.25

/** trace() against plain C and Node's own spawn. */
export async function launches({ program, rounds, random }) {
  const peer = new Peer(program)
  const contestants = { exec: peer.spawn(), spawn: spawning(program) }
  for (const [kind, { plan, trace }] of Object.entries(KINDS)) {
    contestants[kind] = tracing(program, { run: true, ...trace })
    contestants[`C ${kind}`] = peer.trace(plan)
    contestants[`C ${kind}, far`] = peer.trace(plan, { place: 'far' })
    contestants[`C ${kind}, awaited`] = awaited(contestants[`C ${kind}`])
  }
  const { evidence, 'C evidence': plainLoop } = contestants
  const early = await inTurns({ evidence, 'C evidence': plainLoop }, { rounds: EARLY, random, warmup: 0 })
  const samples = await inTurns(contestants, { rounds, random, warmup: Math.ceil(rounds * COMPILING) })
  peer.close()
  const loop = (kind) =>
    median(samples[`C ${kind}`]) <= median(samples[`C ${kind}, far`]) ? `C ${kind}` : `C ${kind}, far`
  return {
    title: 'Launching hello, traced and not',
    text: '`run: true`: the 17 steps’ stops, then let go at `main.main` and waited for. The ptrace loop in plain C stops at the same places and takes the same registers, memory and maps; the better of its two placements counts. “Awaited” is the loop on one core by Node’s clock, from the order to the settled promise: no tool that is awaited can do better. V8 compiles for the first hundred launches or so of a process: the first rounds, a quarter as many as count, are left out, and what the first 25 launches of all take is a row of its own.',
    samples,
    rows: [
      row('plain C: posix_spawn, exec, wait', median(samples.exec), { unit: 'ms', samples: samples.exec }),
      ratio('child_process.spawn to exit ÷ plain C', samples, ['spawn', 'exec']),
      ratio('C ptrace loop, on one core ÷ plain C', samples, ['C evidence', 'exec']),
      ratio('C ptrace loop, wherever ÷ plain C', samples, ['C evidence, far', 'exec']),
      ratio('C ptrace loop, awaited ÷ plain C', samples, ['C evidence, awaited', 'exec']),
      ratio('trace() ÷ plain C', samples, ['evidence', 'exec'], { limit: 1.8 }),
      ratio('trace() ÷ child_process.spawn', samples, ['evidence', 'spawn'], { limit: 0.95 }),
      ratio('trace() ÷ C ptrace loop', samples, ['evidence', loop('evidence')], { limit: 1.2 }),
      ratio('trace() ÷ C ptrace loop, in the first 25 launches', early, ['evidence', 'C evidence']),
      ratio('trace() ÷ C ptrace loop, awaited', samples, ['evidence', 'C evidence, awaited']),
      ratio('trace(), every init ÷ plain C', samples, ['inits', 'exec'], { limit: 2.5 }),
      ratio('trace(), every init ÷ C ptrace loop', samples, ['inits', loop('inits')], { limit: 1.2 }),
      ratio('trace(), every init ÷ C ptrace loop, awaited', samples, ['inits', 'C inits, awaited']),
      ratio('trace(), maps at every stop ÷ plain C', samples, ['maps', 'exec'], { limit: 2.8 }),
      ratio('trace(), maps at every stop ÷ child_process.spawn', samples, ['maps', 'spawn'], { limit: 1.2 }),
      ratio('trace(), maps at every stop ÷ C ptrace loop', samples, ['maps', loop('maps')], { limit: 1.2 }),
      ratio('trace(), maps at every stop ÷ C ptrace loop, awaited', samples, ['maps', 'C maps, awaited']),
    ],
  }
}

/** The same with every core kept busy by other work. */
export async function crowded({ program, rounds, random }) {
  const hogs = Array.from({ length: availableParallelism() }, () => new Peer(program))
  const peer = new Peer(program)
  try {
    for (const hog of hogs) hog.hog()
    const { plan, trace } = KINDS.evidence
    const samples = await inTurns(
      {
        trace: tracing(program, { run: true, ...trace }),
        spawn: spawning(program),
        near: peer.trace(plan),
        exec: peer.spawn(),
      },
      { rounds, random },
    )
    return {
      title: 'With every core kept busy',
      text: 'As many endless loops as there are cores run beside it.',
      samples,
      rows: [
        ratio('trace() ÷ child_process.spawn, median', samples, ['trace', 'spawn'], { limit: 1.5 }),
        row('trace() ÷ child_process.spawn, p90', p90(samples.trace) / p90(samples.spawn), { unit: '×', limit: 4 }),
        ratio('C ptrace loop ÷ plain C, median', samples, ['near', 'exec']),
      ],
    }
  } finally {
    for (const one of [...hogs, peer]) one.close()
  }
}

/** What each init stop costs, as their number grows. */
export async function manyInits({ counts, rounds, random }) {
  const contestants = {}
  const peers = []
  const stops = {}
  for (const count of counts) {
    const program = programs.manyInits(count)
    if (program === null) return absent('The cost of init stops', 'no go command to build the programs with')
    const peer = new Peer(program)
    peers.push(peer)
    const seen = await premain().trace(program, [], { stdio: 'ignore', ...KINDS.inits.trace })
    stops[count] = seen.inits.length
    contestants[`${count} without`] = tracing(program, { run: true, ...KINDS.evidence.trace })
    contestants[`${count} with`] = tracing(program, { run: true, ...KINDS.inits.trace })
    contestants[`${count} C without`] = peer.trace(KINDS.evidence.plan)
    contestants[`${count} C with`] = peer.trace(KINDS.inits.plan)
  }
  const samples = await inTurns(contestants, { rounds, random })
  for (const peer of peers) peer.close()
  const cost = (count, prefix = '') =>
    ((median(samples[`${count} ${prefix}with`]) - median(samples[`${count} ${prefix}without`])) * 1000) / stops[count]
  return {
    title: 'The cost of init stops',
    text: `Programs of N trivial init functions in N ÷ 10 packages: trace() with and without the stops at these and at those of the packages that every program has (${stops[counts[0]] - counts[0]}); the difference divided by the number of these stops.`,
    samples,
    rows: counts.flatMap((count) => [
      row(`an init stop, N = ${count}`, cost(count), { unit: 'µs', limit: 15, decimals: 1 }),
      row(`the same in the C ptrace loop, N = ${count}`, cost(count, 'C '), { unit: 'µs', decimals: 1 }),
    ]),
  }
}

/** A program of hundreds of inits, traced whole, against its plain start to the same point. */
export async function largeStart({ rounds, random }) {
  const program = programs.largePrograms()[0] ?? programs.manyInits(400)
  if (program === null) return absent('A program of hundreds of inits', 'none was found, and there is no go command')
  const peer = new Peer(program)
  const samples = await inTurns(
    {
      trace: tracing(program, { ...KINDS.inits.trace }),
      plain: peer.trace({ only: true, registers: false, maps: false }, { place: 'far', end: 'kill' }),
      loop: peer.trace(KINDS.inits.plan, { end: 'kill' }),
    },
    { rounds, random },
  )
  peer.close()
  const seen = await premain().trace(program, [], { stdio: 'ignore', ...KINDS.inits.trace })
  return {
    title: 'A program of hundreds of inits',
    text: `${program.split('/').at(-1)}: ${seen.inits.length} init functions, ${seen.totals.stops} stops, ended at \`main.main\`. The plain start is a C tracer with that one stop.`,
    samples,
    rows: [
      row('plain start to main.main', median(samples.plain), { unit: 'ms', samples: samples.plain }),
      ratio('trace() with every init ÷ plain start', samples, ['trace', 'plain'], { limit: 1.35 }),
      ratio('C ptrace loop, same stops ÷ plain start', samples, ['loop', 'plain']),
    ],
  }
}

/** What the stops add to the CPU time that a trace reports. */
export async function cpuTime({ program, rounds, random }) {
  const { trace } = premain()
  const crossed = { all: 0, one: 0 }
  const cpu = (name, options, key) => async () => {
    const { totals, overhead } = await trace(program, [], {
      stdio: 'ignore',
      maps: false,
      registers: false,
      ...options,
    })
    if (overhead.crossings === 0) return totals[key]
    crossed[name]++
    return Number.NaN
  }
  const samples = await inTurns(
    {
      all: cpu('all', { inits: false }, 'cpuCorrectedNs'),
      one: cpu('one', { inits: false, only: true }, 'cpuCorrectedNs'),
    },
    { rounds, random },
  )
  // Of each round: how fast the machine is changes from second to second, and which launches are dropped with it.
  const ratios = samples.all.map((ns, at) => ns / samples.one[at]).filter((ratio) => !Number.isNaN(ratio))
  for (const name of Object.keys(samples)) samples[name] = samples[name].filter((ns) => !Number.isNaN(ns))
  if (ratios.length === 0) return absent('CPU time', 'every round had a launch with stops across cores')
  const off = 100 * Math.abs(median(ratios) - 1)
  return {
    title: 'CPU time',
    text: `CPU time to \`main.main\`, corrected, with all stops against one launched just before or after; the median of ${ratios.length} such ratios. Launches with a stop across cores are dropped: ${crossed.all} and ${crossed.one}.`,
    samples,
    rows: [row('all stops and one stop differ by', off, { unit: '%', limit: 5, decimals: 1 })],
  }
}

/** The whole command as a process. */
export async function command({ program, rounds, random }) {
  const called = (more) =>
    spawning(process.execPath, [at('dist/cli/bin.js'), '--json', program], { env: { ...process.env, ...more } })
  const caches = ['again', 'first'].map((name) => join(WORK, `cache-${name}`))
  for (const cache of caches) mkdirSync(cache, { recursive: true })
  const [again, first] = caches.map((cache) => called({ XDG_CACHE_HOME: cache, NODE_DISABLE_COMPILE_CACHE: '' }))
  const samples = await inTurns(
    {
      premain: again,
      first: () => {
        forgetPrograms(join(caches[1], 'premain'))
        return first()
      },
      bare: called({ NODE_DISABLE_COMPILE_CACHE: '1' }),
      node: spawning(process.execPath, ['-e', '0']),
    },
    { rounds, random },
  )
  const beyond = (what, name, more = {}) =>
    row(`premain --json hello, beyond node -e 0${what}`, median(samples[name]) - median(samples.node), {
      unit: 'ms',
      decimals: 1,
      ...more,
    })
  return {
    title: 'The command',
    text: 'As a process. The first trace keeps the code that V8 made of the command, and what it found out of the program’s file.',
    samples,
    rows: [
      row('node -e 0', median(samples.node), { unit: 'ms', decimals: 1 }),
      beyond('', 'premain', { limit: 30 }),
      beyond(': a program that it has not traced before', 'first'),
      beyond(': nothing kept', 'bare'),
    ],
  }
}

/** Removes what the command keeps of programs, but not its own code. */
function forgetPrograms(folder) {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) if (name.startsWith('program-')) rmSync(join(folder, name))
}

/** How much a large JavaScript heap adds to a launch. */
export async function largeHeap({ program, rounds, random }) {
  const heaps = [0, 1024].map((megabytes) => new Heap(program, megabytes))
  const [empty, full] = heaps
  const samples = await inTurns(
    { empty: () => empty.launch(), full: () => full.launch() },
    { rounds, random, warmup: 5 },
  )
  for (const heap of heaps) heap.close()
  return {
    title: 'A large JavaScript heap',
    text: 'trace() of hello in a process with 1 GB of live objects, against one with none.',
    samples,
    rows: [ratio('launch with a heap of 1 GB ÷ empty', samples, ['full', 'empty'], { limit: 1.1 })],
  }
}

class Heap {
  constructor(program, megabytes) {
    const args = ['--max-old-space-size=4096', at('scripts/bench/heap.mjs'), program, String(megabytes)]
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  }

  launch() {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error('the process with the heap ended'))
      this.child.once('exit', ended)
      this.child.once('message', (ms) => {
        this.child.off('exit', ended)
        resolve(ms)
      })
      this.child.send('launch')
    })
  }

  close() {
    this.child.removeAllListeners('exit')
    this.child.kill('SIGKILL')
  }
}

/** A stop of launch(), to JavaScript and back. */
export async function liveStops({ rounds }) {
  const program = programs.manyInits(100) ?? programs.tsgo()
  const byThreads = new Map()
  for (let round = -1; round < rounds; round++) {
    for (const { threads, us } of await stopTimes(program)) {
      if (round < 0) continue
      if (!byThreads.has(threads)) byThreads.set(threads, [])
      byThreads.get(threads).push(us)
    }
  }
  const several = [...byThreads.keys()].filter((n) => n > 1).sort((a, b) => Math.abs(a - 4) - Math.abs(b - 4))
  const chosen = [
    [1, 100],
    [several[0], 250],
  ].filter(([threads]) => byThreads.has(threads))
  return {
    title: 'A stop of launch()',
    text: 'From the stop to JavaScript, through an empty loop body, and back to the running target; its own time in between is left out.',
    samples: Object.fromEntries([...byThreads].map(([threads, us]) => [`${threads} threads`, us])),
    rows: chosen.map(([threads, limit]) =>
      row(`a stop of launch(), ${threads} thread${threads > 1 ? 's' : ''}`, median(byThreads.get(threads)), {
        unit: 'µs',
        limit,
        decimals: 0,
      }),
    ),
  }
}

async function stopTimes(program) {
  const session = premain().launch(program, [], { stdio: 'ignore', maps: false })
  const arrivals = []
  for await (const _ of session) arrivals.push(performance.now())
  const { stops } = await session.trace()
  let threads = 1
  let previous = null
  const times = []
  for (const stop of stops) {
    if (stop.kind === 'thread') {
      threads += stop.name.startsWith('clone') ? 1 : -1
      previous = null
    }
    if (stop.kind !== 'exec' && stop.kind !== 'breakpoint') continue
    const arrival = arrivals.shift()
    if (previous !== null) {
      const ownNs = stop.atNs - previous.stop.atNs - previous.stop.heldNs
      times.push({ threads, us: (arrival - previous.arrival) * 1000 - ownNs / 1000 })
    }
    previous = { stop, arrival }
  }
  return times
}

/** The inits' times beside those that Go's runtime prints, in the same launches and in untraced ones. */
export async function accuracy({ rounds, random }) {
  const program = programs.busyInits()
  if (program === null) return absent('Accuracy', 'no go command to build the program with')
  const env = { ...process.env, GODEBUG: 'inittrace=1' }
  const times = new Map()
  const add = (name, column, ms) => {
    if (!times.has(name)) times.set(name, { premain: [], traced: [], untraced: [] })
    times.get(name)[column].push(ms)
  }
  await inTurns(
    {
      trace: async () => {
        const options = { run: true, env, stdio: ['ignore', 'ignore', 'pipe'], maps: false, registers: false }
        const { inits, output } = await premain().trace(program, [], options)
        for (const init of inits) if (init.package.startsWith('bench/')) add(init.package, 'premain', init.wallNs / 1e6)
        for (const [name, ms] of inittraceTimes(output.stderr)) add(name, 'traced', ms)
      },
      untraced: () => {
        const { stderr } = spawnSync(program, [], { env, encoding: 'utf8' })
        for (const [name, ms] of inittraceTimes(stderr)) add(name, 'untraced', ms)
      },
    },
    { rounds, random, warmup: 0 },
  )
  const points = [...times].map(([name, columns]) => {
    const [ours, traced, untraced] = ['premain', 'traced', 'untraced'].map((column) => median(columns[column]))
    // The first two stand in pairs, one of each launch.
    const ratios = columns.premain.map((ms, launch) => ms / columns.traced[launch])
    return { name, premain: ours, traced, untraced, off: 100 * Math.abs(median(ratios) - 1) }
  })
  // The last of the two digits that are printed.
  const digit = (ms) => 10 ** (Math.floor(Math.log10(ms)) - 1)
  const apart = points.map((point) => (Math.abs(point.premain - point.traced) <= digit(point.traced) ? 0 : point.off))
  return {
    title: 'Accuracy',
    text: 'Package inits of 1 ms and more: premain’s `wallNs` beside what `GODEBUG=inittrace=1` prints (two digits) in the same launches, and in launches that were not traced; medians. A difference within one printed digit counts as none.',
    samples: {},
    points,
    rows: [
      row('worst difference from inittrace, beyond one printed digit', Math.max(...apart), {
        unit: '%',
        limit: 15,
        decimals: 1,
      }),
    ],
  }
}

function inittraceTimes(text) {
  return [...text.matchAll(/^init (bench\/\S+) @\S+ ms, (\S+) ms clock/gm)].map(([, name, ms]) => [name, Number(ms)])
}

/** A section that cannot be measured here, and why. */
export function absent(title, reason) {
  return { title, text: `Not measured: ${reason}.`, samples: {}, rows: [] }
}
