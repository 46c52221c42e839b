import fc from 'fast-check'
import type { ProgramHeader } from '../../lib/image/elf'
import type { ProgramFile } from '../../lib/image/file'
import { type InitTaskSource, readInitTasks } from '../../lib/image/go/inittasks'
import { Memory } from '../../lib/image/memory'
import { Relocations } from '../../lib/image/relocations'
import type { FunctionInfo } from '../../lib/image/types'
import { at } from './support'

const BASE = 0x400000
const MAIN = BASE + 0x1000
const DO_INIT = BASE + 0x2000
const FUNCTIONS = BASE + 0x3000
const TASKS = BASE + 0x8000
const SIZE = 0x40000

/** Memory over bytes instead of a file. */
function memoryOf(bytes: Buffer): Memory {
  const file: Pick<ProgramFile, 'bytes' | 'cached' | 'word'> = {
    bytes: (offset, length) => bytes.subarray(offset, offset + length),
    cached: (offset, length) => bytes.subarray(offset, offset + length),
    word: (offset) => [bytes.readUInt32LE(offset), bytes.readUInt32LE(offset + 4)],
  }
  const load: ProgramHeader = { type: 1, flags: 7, offset: 0, vaddr: BASE, filesz: SIZE, memsz: SIZE, align: 4096 }
  return new Memory(file as ProgramFile, [load], () => Relocations.none)
}

interface Graph {
  /** For each package: how many init functions it has, and what it depends on, in order. */
  packages: { functions: number; dependencies: number[] }[]
  roots: [number, number]
}

const graph: fc.Arbitrary<Graph> = fc.integer({ min: 1, max: 24 }).chain((count) => {
  const index = fc.nat(count - 1)
  const entry = fc.record({ functions: fc.nat(3), dependencies: fc.array(index, { maxLength: 5 }) })
  return fc.record({ packages: fc.array(entry, { minLength: count, maxLength: count }), roots: fc.tuple(index, index) })
})

const padding = fc.constantFrom([], [0x90], [0x66, 0x90], [0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x44, 0x00, 0x00])

const taskAddress = (index: number): number => TASKS + index * 0x100
const entryOf = (pkg: number, index: number): number => FUNCTIONS + (pkg * 4 + index) * 16

/** A program of go1.13 to 1.20 with this graph, whose runtime.main passes the roots by register or on the stack. */
function programOf({ packages, roots }: Graph, options: { register: boolean; pad: readonly number[] }): InitTaskSource {
  const bytes = Buffer.alloc(SIZE)
  const functions = new Map<number, FunctionInfo>()
  const define = (name: string, entry: number, end: number): FunctionInfo => {
    const info = { name, entry: at(entry), end: at(end) }
    functions.set(entry, info)
    return info
  }
  const bodies = new Map([
    ['runtime.main', define('runtime.main', MAIN, MAIN + 0x100)],
    ['runtime.doInit', define('runtime.doInit', DO_INIT, DO_INIT + 0x10)],
  ])
  let code = MAIN
  const emit = (...opcodes: number[]): void => {
    for (const opcode of opcodes) bytes.writeUInt8(opcode, code++ - BASE)
  }
  const operand = (target: number): void => {
    bytes.writeInt32LE(target - (code + 4), code - BASE)
    code += 4
  }
  for (const root of roots) {
    emit(0x48, 0x8d, 0x05)
    operand(taskAddress(root))
    if (!options.register) emit(0x48, 0x89, 0x04, 0x24)
    emit(...options.pad, 0xe8)
    operand(DO_INIT)
  }
  for (const [pkg, { functions: count, dependencies }] of packages.entries()) {
    let at = taskAddress(pkg) - BASE
    const pointers = [
      ...dependencies.map(taskAddress),
      ...Array.from(
        { length: count },
        (_, i) => define(`p${pkg}.init.${i}`, entryOf(pkg, i), entryOf(pkg, i) + 16).entry,
      ),
    ]
    for (const word of [0, dependencies.length, count, ...pointers]) {
      bytes.writeBigUInt64LE(BigInt(word), at)
      at += 8
    }
  }
  return {
    memory: memoryOf(bytes),
    pclntab: { functionAt: (pc: number) => functions.get(pc) ?? null } as unknown as InitTaskSource['pclntab'],
    symbols: null,
    moduledata: null,
    minors: { min: 15, max: 15 },
    body: (name) => bodies.get(name) ?? null,
  }
}

/** What runtime.doInit does (go1.15 runtime/proc.go), as the order of packages whose functions run. */
function doInit({ packages, roots }: Graph): string[] {
  const state = new Set<number>()
  const order: string[] = []
  const run = (pkg: number): void => {
    if (state.has(pkg)) return
    state.add(pkg)
    for (const dependency of packages[pkg]!.dependencies) run(dependency)
    if (packages[pkg]!.functions > 0) order.push(`p${pkg}`)
  }
  for (const root of roots) run(root)
  return order
}

test('any graph, cycles included, is walked in the order of runtime.doInit', () => {
  fc.assert(
    fc.property(graph, fc.boolean(), padding, (given, register, pad) => {
      const tasks = readInitTasks(programOf(given, { register, pad }))
      expect(tasks.map((task) => task.package)).toEqual(doInit(given))
      for (const { package: name, functions } of tasks) {
        expect(functions.map((info) => info.name)).toEqual(functions.map((_, i) => `${name}.init.${i}`))
      }
    }),
  )
})

test('a long chain does not exhaust the stack', () => {
  const length = 700
  const packages = Array.from({ length }, (_, i) => ({ functions: 1, dependencies: i + 1 < length ? [i + 1] : [] }))
  const tasks = readInitTasks(programOf({ packages, roots: [0, 0] }, { register: true, pad: [] }))
  expect(tasks[0]?.package).toBe(`p${length - 1}`)
  expect(tasks).toHaveLength(length)
})

test('records that point outside, claim too much or name no function give no tasks', () => {
  const given: Graph = { packages: [{ functions: 1, dependencies: [] }], roots: [0, 0] }
  const damages: [number, bigint][] = [
    [0, 1n],
    [8, 1n],
    [16, 1n << 40n],
    [16, (1n << 64n) - 1n],
    [24, BigInt(BASE) + 1n],
    [24, 0n],
  ]
  for (const [offset, value] of damages) {
    const source = programOf(given, { register: true, pad: [] })
    source.memory.read(at(BASE), SIZE).writeBigUInt64LE(value, TASKS - BASE + offset)
    expect(readInitTasks(source)).toEqual([])
  }
})
