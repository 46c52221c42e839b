// The tools that people would use otherwise, where they are installed.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findCommand, projectRequire } from '../support/project.mjs'
import { awaited, KINDS, row, spawning, tracing } from './contestants.mjs'
import { Peer, WORK } from './peer.mjs'
import { inTurns, median } from './sampling.mjs'

/** The command of a contestant stands before the comma. */
const TOOLS = {
  strace: (program) => spawning('strace', ['-f', '-o', '/dev/null', program]),
  gdb: (program) => spawning('gdb', ['-nx', '-batch', '-x', gdbScript(program, byName), program]),
  'gdb, told the addresses': (program) =>
    spawning('gdb', ['-nx', '-batch', '-x', gdbScript(program, byAddress), program]),
  dlv: (program) =>
    spawning('dlv', ['exec', '--allow-non-terminal-interactive=true', '--init', dlvScript(program), program], {
      env: { ...process.env, HOME: WORK },
    }),
  bpftrace: (program) => spawning('bpftrace', ['-q', '-e', bpftraceScript(program), '-c', program]),
}

const isMissing = (name) => findCommand(name.split(',')[0]) === null

/** Traces before any that counts, with which V8 is done compiling. */
const WARM_TRACES = 100

/** The same stops by other means: each tool in turns with trace() and the C loop. */
export async function tools({ program, rounds, random }) {
  const missing = Object.keys(TOOLS).filter(isMissing)
  const peer = new Peer(program)
  const trace = tracing(program, { run: true, ...KINDS.evidence.trace })
  const loop = awaited(peer.trace(KINDS.evidence.plan))
  for (let n = 0; n < (rounds > 1 ? WARM_TRACES : 0); n++) await trace()
  const samples = {}
  const rows = []
  for (const name of Object.keys(TOOLS).filter((name) => !isMissing(name))) {
    const [ours, plain] = [`trace() beside ${name}`, `C ptrace loop beside ${name}`]
    const contestants = { [ours]: trace, [plain]: loop, [name]: TOOLS[name](program) }
    Object.assign(samples, await inTurns(contestants, { rounds, random, warmup: rounds > 1 ? 1 : 0 }))
    const line = (what, by, limit = null) =>
      row(`${name} ÷ ${what}`, median(samples[name]) / median(samples[by]), {
        unit: '×',
        limit,
        least: true,
        decimals: 1,
      })
    rows.push(line('trace()', ours, name === 'gdb' ? 80 : null), line('C ptrace loop, awaited', plain))
  }
  peer.close()
  return {
    title: 'Other tools',
    text: `gdb and dlv stop once at each of the same places and print registers; strace -f prints system calls, and bpftrace a line for each place. gdb is asked for the functions by name, as one would type it (it stops behind their prologues then), and once more told the addresses, as are dlv and bpftrace. After a program that takes so much longer, caches are cold for trace() and for the C loop. Not installed here: ${missing.join(', ') || 'none'}.`,
    samples,
    rows,
  }
}

/** Where the stops are that the file tells: their addresses and the names of their functions. */
function places(program) {
  const { openImage } = projectRequire('./dist/image/image.js')
  const { planStops } = projectRequire('./dist/plan/plan.js')
  const image = openImage(program)
  const { sites } = planStops(image, KINDS.evidence.plan)
  image.close()
  return sites
    .filter(({ address }) => address !== null)
    .map(({ address, symbol }) => ({ address: `0x${address.toString(16)}`, symbol }))
}

const byAddress = ({ address }) => `*${address}`

const byName = ({ symbol }) => symbol

function script(name, lines) {
  mkdirSync(WORK, { recursive: true })
  const file = join(WORK, name)
  writeFileSync(file, [...lines, ''].join('\n'))
  return file
}

/** The loop ends with the error that the program does not run any more. */
function gdbScript(program, location) {
  const stops = places(program).map((place) => `tbreak ${location(place)}`)
  return script(`stops-${location.name}.gdb`, [
    'set pagination off',
    'set confirm off',
    ...stops,
    'run > /dev/null',
    'while 1',
    'info registers',
    'continue',
    'end',
  ])
}

function dlvScript(program) {
  const stops = places(program)
  return script('stops.dlv', [
    ...stops.map((place) => `break ${byAddress(place)}`),
    ...stops.flatMap(() => ['continue', 'regs']),
    'exit',
  ])
}

function bpftraceScript(program) {
  return places(program)
    .map(({ address }) => `uprobe:${program}:${address} { printf("%s\\n", probe); }`)
    .join(' ')
}
