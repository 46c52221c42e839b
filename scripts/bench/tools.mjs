// The tools that people would use otherwise, where they are installed.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findCommand, projectRequire } from '../support/project.mjs'
import { KINDS, row, spawning, tracing } from './contestants.mjs'
import { WORK } from './peer.mjs'
import { inTurns, median } from './sampling.mjs'

const TOOLS = {
  strace: (program) => spawning('strace', ['-f', '-o', '/dev/null', program]),
  gdb: (program) => spawning('gdb', ['-nx', '-batch', '-x', gdbScript(program), program]),
  dlv: (program) =>
    spawning('dlv', ['exec', '--allow-non-terminal-interactive=true', '--init', dlvScript(program), program], {
      env: { ...process.env, HOME: WORK },
    }),
  bpftrace: (program) => spawning('bpftrace', ['-q', '-e', bpftraceScript(program), '-c', program]),
}

/** Names of those that are missing here. */
export function missingTools() {
  return Object.keys(TOOLS).filter((name) => findCommand(name) === null)
}

/** The same stops by other means. */
export async function tools({ program, rounds, random }) {
  const present = Object.keys(TOOLS).filter((name) => findCommand(name) !== null)
  const contestants = { trace: tracing(program, { run: true, ...KINDS.evidence.trace }) }
  for (const name of present) contestants[name] = TOOLS[name](program)
  const samples = await inTurns(contestants, { rounds, random, warmup: rounds > 1 ? 1 : 0 })
  const times = (name) => median(samples[name]) / median(samples.trace)
  const limits = { gdb: 80 }
  return {
    title: 'Other tools',
    text: `gdb and dlv stop once at each of the same places and print registers; strace -f prints system calls, and bpftrace a line for each place. Not installed here: ${missingTools().join(', ') || 'none'}.`,
    samples,
    rows: present.map((name) =>
      row(`${name} ÷ trace()`, times(name), {
        unit: '×',
        limit: limits[name] ?? null,
        least: true,
        decimals: 1,
        samples: samples[name],
      }),
    ),
  }
}

function addresses(program) {
  const { openImage } = projectRequire('./dist/image/image.js')
  const { planStops } = projectRequire('./dist/plan/plan.js')
  const image = openImage(program)
  const { sites } = planStops(image, KINDS.evidence.plan)
  image.close()
  return sites.filter(({ address }) => address !== null).map(({ address }) => `0x${address.toString(16)}`)
}

function script(name, lines) {
  mkdirSync(WORK, { recursive: true })
  const file = join(WORK, name)
  writeFileSync(file, [...lines, ''].join('\n'))
  return file
}

/** The loop ends with the error that the program does not run any more. */
function gdbScript(program) {
  const stops = addresses(program).map((address) => `tbreak *${address}`)
  return script('stops.gdb', [
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
  const stops = addresses(program)
  return script('stops.dlv', [
    ...stops.map((address) => `break *${address}`),
    ...stops.flatMap(() => ['continue', 'regs']),
    'exit',
  ])
}

function bpftraceScript(program) {
  return addresses(program)
    .map((address) => `uprobe:${program}:${address} { printf("%s\\n", probe); }`)
    .join(' ')
}
