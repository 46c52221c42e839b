/** A program that starts in a made-up time: traces with seeded noise, for what is to be judged on known truth. */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { PremainError } from '../../lib/errors'
import type { Machinery, RunOptions } from '../../lib/measure/options'
import { STEPS } from '../../lib/plan/catalogue'
import type { Host, Init, Trace } from '../../lib/trace/types'

export const HOST: Host = {
  kernel: '6.1.0',
  arch: 'x64',
  cpu: 'Test CPU',
  cpus: 2,
  virtualization: null,
  container: null,
  libc: 'glibc 2.36',
  node: 'v20.20.2',
}

/** One made-up init function: nanoseconds at the median. */
export interface FakeInit {
  package: string
  function?: string
  ns: number
  runtime?: boolean
  /** Default: `/src/PACKAGE/init.go`. */
  file?: string
  /** Runs in every n-th launch only; default 1. */
  every?: number
}

export interface FakeOptions {
  seed?: number
  /** Standard deviation of the logarithm of each time; default 0.03. */
  noise?: number
  /** All times are multiplied by this; default 1. */
  scale?: number
  inits?: FakeInit[]
  host?: Partial<Host>
  path?: string
  /** The launches (0-based, of all) that exit before main. */
  failing?: (launch: number) => boolean
  stderr?: string
  /** Microseconds of step `main`; default 5. */
  mainUs?: number
  /** Of the steps that a launch with one stop runs through; default `not-reached`. */
  onlyStatus?: Trace['steps'][number]['status']
  /** Default `reached-main`. */
  outcome?: Trace['outcome']
  /** The size of the file, by launch; default 1000. */
  size?: (launch: number) => number
  /** Go's path of the main package. */
  goMain?: string
  /** What step `inits` takes though it does not apply. */
  restNs?: number
  majorFaults?: number
}

export const INITS: FakeInit[] = [
  { package: 'runtime', function: 'runtime.init', ns: 5_000, runtime: true },
  { package: 'unicode', function: 'unicode.init', ns: 20_000 },
  { package: 'net/http', function: 'net/http.init', ns: 300_000 },
  { package: 'net/http', function: 'net/http.init.0', ns: 100_000 },
  { package: 'gopkg.in/yaml.v3', function: 'gopkg.in/yaml%2ev3.init', ns: 40_000 },
  { package: 'main', function: 'main.init', ns: 10_000 },
]

/** A source of positive noise with median 1. */
function noiseSource(seed: number, spread: number): () => number {
  const random = xoroshiro128plus(seed)
  return () => {
    const u = Math.max(uniformFloat64(random), 1e-12)
    return Math.exp(spread * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * uniformFloat64(random)))
  }
}

/** Made-up times of the steps, microseconds at the median, in order. */
const STEP_US = [400, 0, 0, null, 20, 10, 2, 5, 8, 60, 30, 50, 10, 15, 90, null, 5]

export interface FakeWorld extends Machinery {
  /** What was asked for, launch by launch. */
  asked: { file: string; args: readonly string[]; options: RunOptions }[]
  dropped: string[]
  /** What was read anew, and after how many launches. */
  reloaded: { path: string; launches: number }[]
}

/** Machinery that makes traces up. */
export function fakeWorld(fake: FakeOptions = {}): FakeWorld {
  const noise = noiseSource(fake.seed ?? 1, fake.noise ?? 0.03)
  const asked: FakeWorld['asked'] = []
  const dropped: string[] = []
  const reloaded: FakeWorld['reloaded'] = []
  return {
    asked,
    dropped,
    reloaded,
    dropCache: (path) => void dropped.push(path),
    reloadCache: async (path) => void reloaded.push({ path, launches: asked.length }),
    runOnce: async (file, args, options) => {
      const launch = asked.push({ file, args, options }) - 1
      const trace = fakeTrace(fake, { noise, launch, only: options.only, file, args })
      if (!fake.failing?.(launch)) return trace
      const error = new PremainError('EXITED_BEFORE_MAIN', `${file} ended with code 2 before main.main`)
      error.trace = { ...trace, outcome: 'exited', exit: { code: 2, signal: null } } satisfies Trace
      throw error
    },
  }
}

/** Two fakes behind one machinery, told apart by the file's name. */
export function fakeWorlds(worlds: Record<string, FakeOptions>): Machinery & { order: string[] } {
  const made = new Map(Object.entries(worlds).map(([file, fake]) => [file, fakeWorld({ path: file, ...fake })]))
  const order: string[] = []
  return {
    order,
    dropCache: () => {},
    reloadCache: async () => {},
    runOnce: (file, args, options) => {
      order.push(file)
      const world = made.get(file)
      if (!world) throw new PremainError('NOT_FOUND', `${file}: no such program`)
      return world.runOnce(file, args, options)
    },
  }
}

function goInfo(main: string): Trace['target']['go'] {
  const pclntab = { magic: '0xfffffff1', address: '0x500000', functions: 1000 } as const
  const rest = { version: 'go1.26.0', versionRange: null, deps: [], settings: {}, cgo: false }
  return { ...rest, pclntab, module: main, main }
}

interface Run {
  noise: () => number
  launch: number
  only: boolean
  file: string
  args: readonly string[]
}

export function fakeTrace(fake: FakeOptions = {}, run?: Partial<Run>): Trace {
  const noise = run?.noise ?? noiseSource(fake.seed ?? 1, fake.noise ?? 0.03)
  const launch = run?.launch ?? 0
  const only = run?.only ?? false
  const path = fake.path ?? run?.file ?? '/bin/fake'
  const time = (ns: number) => Math.round(ns * (fake.scale ?? 1) * noise())
  const inits = (fake.inits ?? INITS)
    .filter((init) => launch % (init.every ?? 1) === 0)
    .map((init, order): Init => {
      const wallNs = time(init.ns)
      return {
        order,
        task: order,
        package: init.package,
        function: init.function ?? `${init.package}.init`,
        address: '0x401000',
        file: init.file ?? `/src/${init.package}/init.go`,
        line: 10 + order,
        runtime: init.runtime ?? false,
        startNs: 0,
        wallNs,
        cpuNs: Math.round(wallNs * 0.95),
        minorFaults: 1,
      }
    })
  const initNs = inits.filter((init) => !init.runtime).reduce((sum, init) => sum + init.wallNs, 0)
  let startNs = 0
  const steps = STEPS.map((info, at): Trace['steps'][number] => {
    const us = info.id === 'main' ? (fake.mainUs ?? STEP_US[at]) : STEP_US[at]
    const wallNs = info.id === 'inits' ? initNs + (fake.restNs ?? 0) : time((us ?? 0) * 1000)
    const passed = info.id !== 'interp' && !(info.id === 'inits' && fake.restNs !== undefined)
    const seen = !only || info.id === 'execve' || info.id === 'main'
    const step: Trace['steps'][number] = {
      index: info.index,
      id: info.id,
      title: info.title,
      status: !passed ? 'not-applicable' : seen ? 'observed' : (fake.onlyStatus ?? 'not-reached'),
      reason: passed && seen ? null : 'made up',
      stops: [],
      symbol: null,
      address: null,
      startNs,
      wallNs,
      cpuNs: Math.round(wallNs * 0.95),
      minorFaults: 0,
      majorFaults: 0,
      evidence: {},
    }
    startNs += wallNs
    return step
  })
  const cpuNs = steps.reduce((sum, step) => sum + step.cpuNs, 0)
  return {
    schema: 'premain.trace/1',
    tool: { name: 'premain', version: '0.0.0' },
    target: {
      path,
      argv: [path, ...(run?.args ?? [])],
      cwd: '/',
      size: fake.size?.(launch) ?? 1000,
      stdio: ['null', 'pipe', 'pipe'],
      elf: null,
      go: fake.goMain === undefined ? null : goInfo(fake.goMain),
    },
    execs: [{ path, interpreter: null }],
    host: { ...HOST, ...fake.host },
    startedAt: '2026-01-01T00:00:00.000Z',
    pid: 100,
    outcome: fake.outcome ?? 'reached-main',
    exit: null,
    error: null,
    totals: {
      wallNs: startNs,
      cpuNs,
      cpuCorrectedNs: Math.round(cpuNs * 0.98),
      minorFaults: Math.round(120 * noise()) + (only ? 40 : 0),
      majorFaults: fake.majorFaults ?? 0,
      stops: only ? 4 : 40,
      threads: 4,
    },
    overhead: {
      perStopNs: 5000,
      armNs: 1000,
      heldNs: 200_000,
      crossings: 0,
      stopCpuNs: { sameCoreNs: 1600, crossCoreNs: 20_000, eventNs: 1500 },
    },
    descendants: [],
    steps,
    stops: [],
    inits: only ? [] : inits,
    threads: [],
    output: { stdout: '', stderr: fake.stderr ?? '' },
  }
}
