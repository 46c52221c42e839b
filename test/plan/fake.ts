/** A Go program that exists only as far as a plan asks. */
import type { FileAddress, FunctionInfo, GoImage, InitTask, ProgramImage } from '../../lib/image/types'
import { STOPS } from '../../lib/plan/stops'

export interface FakeOptions {
  /** Go minor versions, both included. */
  minors?: { min: number; max: number }
  /** Names to leave out of those that the version has. */
  without?: string[]
  /** More functions, after the runtime's. */
  functions?: string[]
  /** Init functions by package. */
  inits?: Record<string, string[]>
  interpreter?: string | null
  needed?: string[]
  machine?: string
  entry?: string
  go?: boolean
}

export const TEXT = 0x401000
const SIZE = 0x100

/** Functions lie 256 bytes apart, in the order of the catalogue; ABI0 wrappers of the usual five come last. */
export function fakeImage(options: FakeOptions = {}): ProgramImage {
  const minors = options.minors ?? { min: 26, max: 26 }
  const inits = options.inits ?? { runtime: ['runtime.init.0'], os: ['os.init', 'os.init.0'] }
  const entry = options.entry ?? '_rt0_amd64_linux'
  const known = STOPS.filter((stop) => stop.from <= minors.max && stop.to >= minors.min).map((stop) => stop.symbol)
  const names = [entry, ...known, ...(options.functions ?? []), ...Object.values(inits).flat()]
  const wanted = [...new Set(names)].filter((name) => !options.without?.includes(name))
  const wrapped = minors.min >= 17 ? ['runtime.check', 'runtime.args', 'runtime.osinit', 'runtime.schedinit'] : []
  const functions = [...wanted, ...wrapped].map((name, at): FunctionInfo => {
    const start = (TEXT + at * SIZE) as FileAddress
    return { name, entry: start, end: (start + SIZE) as FileAddress }
  })
  const body = (name: string): FunctionInfo | null => functions.find((one) => one.name === name) ?? null
  const at = (pc: FileAddress): FunctionInfo | null => functions.find((one) => pc >= one.entry && pc < one.end) ?? null
  const tasks: InitTask[] = Object.entries(inits).map(([path, list]) => ({
    address: null,
    package: path,
    functions: list.map(body).filter((one) => one !== null),
  }))
  const go: GoImage = {
    version: null,
    minors,
    info: { cgo: false } as GoImage['info'],
    pclntab: {
      magic: 0xfffffff1,
      address: 0x500000 as FileAddress,
      count: functions.length,
      find: (list) =>
        new Map(
          list
            .map((name) => [name, functions.filter((one) => one.name === name).map((one) => one.entry)] as const)
            .filter(([, found]) => found.length > 0),
        ),
      all: () => functions,
      functionAt: at,
      lineAt: (pc) => (at(pc) ? { file: '/src/fake.go', line: ((pc - TEXT) / SIZE) | 0 } : null),
      ownLineAt: (pc) => (at(pc) ? { file: '/src/fake.go', line: ((pc - TEXT) / SIZE) | 0 } : null),
      framesAt: () => [],
      startLine: () => null,
      spDelta: (pc) => ((pc - TEXT) % SIZE < 5 ? 0 : 0x18),
    },
    moduledata: {
      address: 0x600000 as FileAddress,
      text: TEXT as FileAddress,
      etext: (TEXT + functions.length * SIZE) as FileAddress,
    },
    initTasks: tasks,
    body,
    tlsOffset: -8,
    tlsSlot: null,
    statics: {
      g0: 0x610000 as FileAddress,
      m0: 0x611000 as FileAddress,
      ncpu: 0x612000 as FileAddress,
      physPageSize: 0x612008 as FileAddress,
      physHugePageSize: 0x612010 as FileAddress,
      sched: 0x613000 as FileAddress,
      mheap: 0x620000 as FileAddress,
      mainPC: null,
      gomaxprocs: null,
    },
  }
  return {
    path: '/fake',
    identity: { dev: 1n, ino: 2n, size: 3n, mtimeNs: 4n, ctimeNs: 5n, mode: 0o100755n, uid: 0n, gid: 0n },
    elf: {
      type: 'EXEC',
      machine: options.machine ?? 'x86_64',
      interpreter: options.interpreter ?? null,
      static: !options.interpreter,
      needed: options.needed ?? [],
    } as ProgramImage['elf'],
    entry: (body(entry) as FunctionInfo).entry,
    go: options.go === false ? null : go,
    notes: options.go === false ? ['not a Go program'] : [],
    segments: [
      {
        type: 'LOAD',
        offset: '0x0',
        vaddr: '0x400000',
        fileSize: 0x8000,
        memSize: 0x8000,
        flags: 'r-x',
        align: '0x1000',
      },
      {
        type: 'LOAD',
        offset: '0x8000',
        vaddr: '0x610000',
        fileSize: 0x1800,
        memSize: 0x20000,
        flags: 'rw-',
        align: '0x1000',
      },
    ],
    read: (_, length) => Buffer.alloc(Math.min(length, SIZE), 0x90),
    readPointer: () => null,
    symbols: () => new Map(),
    importedWord: () => null,
    namesDynamic: () => false,
    nameAt: (pc) => at(pc)?.name ?? null,
    close: () => {},
  }
}
