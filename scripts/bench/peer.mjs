// The plain C peers as contestants: compiled once, then a process for each program that takes orders.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { at, findCommand, fingerprint, runQuietly, unlessStamped } from '../support/project.mjs'
import { writePlan } from './plan.mjs'

/** Where the benchmark builds what it needs. */
export const WORK = at('node_modules/.cache/premain/bench')

const SOURCE = 'scripts/bench/peers.c'
const BINARY = join(WORK, 'peers')

/** Compiles the peers, unless that is done. */
export function buildPeers() {
  const compiler = findCommand('gcc') ?? 'cc'
  mkdirSync(WORK, { recursive: true })
  unlessStamped('node_modules/.cache/premain/bench/peers.stamp', fingerprint([SOURCE], [compiler]), () =>
    runQuietly('The build of the C peers', compiler, ['-O2', '-o', BINARY, at(SOURCE)]),
  )
}

let plans = 0

/** The peers for one program. */
export class Peer {
  constructor(program, args = []) {
    this.program = program
    this.waiting = []
    this.plans = []
    this.child = spawn(BINARY, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.child.stdout }).on('line', (line) => this.waiting.shift()?.(line))
    this.child.on('exit', () => {
      for (const answer of this.waiting) answer(null)
    })
  }

  /** A contestant that starts the program and waits for its exit. */
  spawn() {
    return () => this.order('spawn')
  }

  /** A contestant that traces it by premain's own plan. `place`: near or far; `end`: run or kill. */
  trace(planOptions, { place = 'near', end = 'run' } = {}) {
    const file = join(WORK, `plan-${process.pid}-${plans++}.txt`)
    writePlan(this.program, planOptions, file)
    this.plans.push(file)
    return () => this.order(`trace ${file} ${place} ${end}`)
  }

  /** Keeps a core busy until `close`. */
  hog() {
    this.child.stdin.write('hog\n')
  }

  close() {
    this.child.kill('SIGKILL')
    for (const file of this.plans) rmSync(file, { force: true })
  }

  async order(line) {
    const answer = new Promise((resolve) => this.waiting.push(resolve))
    this.child.stdin.write(`${line}\n`)
    const text = await answer
    if (text === null) throw new Error(`the C peer ended at: ${line}`)
    return Number(text.split(' ')[0]) / 1e6
  }
}
