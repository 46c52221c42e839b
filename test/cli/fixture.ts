/** A trace as a stripped, static Go program with some inits leaves it, made by hand, and variations of it. */
import { STEPS } from '../../lib/plan/catalogue'
import type { Image } from '../../lib/plan/inspect'
import type { StepId } from '../../lib/plan/types'
import type { Init, Step, Stop, Trace } from '../../lib/trace/types'

const BASE = 0x400000

/** What is particular of a step: its symbol, wall time in µs, and status where it is not `observed`. */
const PARTICULARS: Record<StepId, [symbol: string | null, wallUs: number, status?: Step['status']]> = {
  execve: [null, 412.5],
  image: [null, 0, 'derived'],
  stack: [null, 0, 'derived'],
  interp: [null, 0, 'not-applicable'],
  entry: ['_rt0_amd64_linux', 3.2],
  rt0: ['runtime.rt0_go', 21.75],
  args: ['runtime.args', 8.1],
  osinit: ['runtime.osinit', 35.4],
  schedinit: ['runtime.schedinit', 14.9],
  mallocinit: ['runtime.mallocinit', 96.3],
  modules: ['runtime.alginit', 61],
  procs: ['runtime.goargs', 143.7],
  newproc: ['runtime.newproc', 9.6],
  mstart: ['runtime.mstart1', 17.2],
  sysmon: ['runtime.main', 188.4],
  inits: ['runtime.doInit1', 2345.678],
  main: ['main.main', 0],
}

const REASONS: Partial<Record<StepId, string>> = {
  image: 'from the maps at the exec stop',
  stack: 'from the stack at the exec stop',
  interp: 'the program has no PT_INTERP',
}

/** Package, function, wall time in µs, whether it is the runtime's own. */
const INITS: [string, string, number, boolean?][] = [
  ['internal/runtime/maps', 'internal/runtime/maps.init', 2.5, true],
  ['runtime', 'runtime.init.5', 51.2, true],
  ['runtime', 'runtime.init.6', 12.3, true],
  ['unicode', 'unicode.init', 402.75],
  ['net/http', 'net/http.init', 211],
  [
    'github.com/example/colossal-module-name/internal/registry',
    'github.com/example/colossal-module-name/internal/registry.init.0',
    1203.4,
  ],
  ['time', 'time.init', 22.1],
  ['os', 'os.init', 41],
  ['os', 'os.init.0', 9],
  ['main', 'main.init', 101],
]

function hex(value: number): string {
  return `0x${value.toString(16)}`
}

/** The trace, complete; changes are laid over its top level. */
export function fixtureTrace(changes: Partial<Trace> = {}): Trace {
  const { steps, stops } = stepsAndStops()
  const wallNs = steps.reduce((total, step) => total + step.wallNs, 0)
  const cpuNs = steps.reduce((total, step) => total + step.cpuNs, 0)
  const heldNs = stops.reduce((total, stop) => total + stop.heldNs, 0)
  return {
    schema: 'premain.trace/1',
    tool: { name: 'premain', version: '0.1.0' },
    target: fixtureTarget(),
    execs: [{ path: '/opt/demo/bin/hello', interpreter: null }],
    host: {
      kernel: '6.18.0',
      arch: 'x64',
      cpu: 'Example CPU',
      cpus: 2,
      virtualization: 'kvm',
      container: null,
      libc: 'glibc 2.36',
      node: '20.20.2',
    },
    startedAt: '2026-11-23T07:00:00.123Z',
    pid: 4242,
    outcome: 'reached-main',
    exit: null,
    error: null,
    totals: {
      wallNs,
      cpuNs,
      cpuCorrectedNs: cpuNs - 41_000,
      minorFaults: 412,
      majorFaults: 3,
      stops: stops.length,
      threads: 4,
    },
    overhead: {
      perStopNs: Math.round(heldNs / stops.length),
      armNs: 31_000,
      heldNs,
      crossings: 2,
      stopCpuNs: { sameCoreNs: 1600, crossCoreNs: 21_000, eventNs: 1500 },
    },
    descendants: [],
    steps,
    stops,
    inits: INITS.map(init),
    threads: [{ tid: 4242, startedNs: 0, entry: null }],
    output: { stdout: '', stderr: '' },
    ...changes,
  }
}

function fixtureTarget(): Trace['target'] {
  return {
    path: '/opt/demo/bin/hello',
    argv: ['./hello', '--name', 'world'],
    cwd: '/opt/demo',
    size: 1_500_000,
    stdio: ['null', 'pipe', 'pipe'],
    elf: {
      type: 'EXEC',
      machine: 'x86_64',
      entry: hex(BASE + 0x1000),
      interpreter: null,
      needed: [],
      static: true,
      pie: false,
      buildId: null,
      goBuildId: 'abc/def',
      has: { sectionHeaders: true, symtab: false, dwarf: false, pclntab: true, buildinfo: true, gosymtab: false },
      segments: [],
    },
    go: {
      version: 'go1.26.4',
      versionRange: null,
      pclntab: { magic: '0xfffffff1', address: hex(BASE + 0x80000), functions: 2012 },
      module: 'example.com/hello',
      main: 'example.com/hello',
      deps: [],
      settings: { GOARCH: 'amd64' },
      cgo: false,
    },
  }
}

function stepsAndStops(): { steps: Step[]; stops: Stop[] } {
  const stops: Stop[] = []
  let startNs = 0
  const steps = STEPS.map(({ index, id, title }): Step => {
    const [symbol, wallUs, status = 'observed'] = PARTICULARS[id]
    const wallNs = wallUs * 1000
    const address = status === 'observed' ? hex(BASE + index * 0x1000) : null
    const own =
      status === 'observed' ? [stops.push(stop({ index: stops.length, id, symbol, address, atNs: startNs })) - 1] : []
    const step: Step = {
      index,
      id,
      title,
      status,
      reason: REASONS[id] ?? null,
      stops: own,
      symbol,
      address,
      startNs,
      wallNs,
      cpuNs: Math.round(wallNs * 0.9),
      minorFaults: index,
      majorFaults: 0,
      evidence: id === 'stack' ? { argc: 3, envc: 2 } : {},
    }
    startNs += wallNs
    return step
  })
  return { steps, stops }
}

function stop(of: { index: number; id: StepId; symbol: string | null; address: string | null; atNs: number }): Stop {
  const address = of.address!
  return {
    index: of.index,
    kind: of.id === 'execve' ? 'syscall-entry' : 'breakpoint',
    name: of.symbol ?? of.id,
    symbol: of.symbol,
    file: null,
    line: null,
    address,
    tid: 4242,
    atNs: of.atNs,
    heldNs: 7_500,
    cpuNs: of.atNs,
    threadCpuNs: of.atNs,
    minorFaults: of.index,
    majorFaults: 0,
    crossedCores: false,
    registers: { rax: '0x0', rbx: '0x1', rcx: '0xdeadbeefcafe', rip: address, rsp: '0x7ffd12345678', eflags: '0x246' },
    maps: [
      {
        start: '0x400000',
        end: '0x48a000',
        perms: 'r-xp',
        offset: '0x0',
        dev: '08:01',
        inode: 1234,
        path: '/opt/demo/bin/hello',
        role: 'text',
      },
      {
        start: '0x7ffd12325000',
        end: '0x7ffd12346000',
        perms: 'rw-p',
        offset: '0x0',
        dev: '00:00',
        inode: 0,
        path: '[stack]',
        role: 'stack',
      },
    ],
  }
}

function init([name, fn, wallUs, runtime = false]: (typeof INITS)[number], order: number): Init {
  return {
    order,
    task: order,
    package: name,
    function: fn,
    address: hex(BASE + 0x40000 + order * 0x100),
    file: `/src/${name}/init.go`,
    line: 10 + order,
    runtime,
    startNs: 1_000_000 + order * 1000,
    wallNs: Math.round(wallUs * 1000),
    cpuNs: Math.round(wallUs * 900),
    minorFaults: 1,
  }
}

/** The same program, ended by a panic while its inits ran. */
export function diedInInits(): Trace {
  const whole = fixtureTrace()
  const last = whole.steps.at(-1)!
  return {
    ...whole,
    outcome: 'exited',
    exit: { code: 2, signal: null },
    error: {
      code: 'EXITED_BEFORE_MAIN',
      message: 'the program exited with code 2 before main.main',
      hint: null,
      errno: null,
      syscall: null,
    },
    steps: [
      ...whole.steps.slice(0, -1),
      {
        ...last,
        status: 'not-reached',
        reason: 'the program exited with code 2',
        stops: [],
        symbol: null,
        address: null,
      },
    ],
    stops: whole.stops.slice(0, -1),
    output: { stdout: '', stderr: 'panic: no configuration\n\ngoroutine 1 [running]:\nmain.init.0()\n' },
  }
}

/** The same program, described without being run. */
export function fixtureImage(changes: Partial<Image> = {}): Image {
  const { target, inits } = fixtureTrace()
  return {
    schema: 'premain.image/1',
    tool: { name: 'premain', version: '0.1.0' },
    path: target.path,
    size: target.size,
    elf: { ...target.elf!, goBuildId: 'word'.repeat(20) },
    go: target.go,
    notes: [],
    initTasks: inits.map(({ package: name, function: fn, address, file, line }) => ({
      package: name,
      functions: [{ name: fn, address, file, line }],
    })),
    functions: 2012,
    scripts: [],
    steps: STEPS.map(({ index, id, title }) => {
      const [symbol] = PARTICULARS[id]
      const address = hex(BASE + index * 0x1000)
      const file = `/usr/local/go/src/runtime/${id}.go`
      return { index, id, title, places: symbol ? [{ name: symbol, symbol, address, file, line: index }] : [] }
    }),
    ...changes,
  }
}
