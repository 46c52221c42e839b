/**
 * The init tasks of the program, in run order as far as the file tells. From 1.21 on the linker has sorted them into
 * the module data; from 1.13 to 1.20 they form a graph that runtime.doInit walks; before, the init functions call each
 * other. Source: go runtime/proc.go main, doInit; cmd/link/internal/ld/inittask.go; cmd/compile/internal/gc/init.go.
 */
import type { Memory } from '../memory'
import type { SymbolTable } from '../symbols'
import type { FileAddress, FunctionInfo, InitTask } from '../types'
import { Code, type Pattern } from './code'
import { INIT_TASKS, type InitTaskLayout, layoutOf, MODULEDATAS } from './layouts'
import type { Moduledata } from './moduledata'
import type { GoPclntab } from './pclntab'

/** More packages than any program has. */
const MAX_TASKS = 65536
/** Pointers that all records together may have: a file whose records overlap could claim any number. */
const MAX_POINTERS = 1 << 21

/** Init functions that all records together may have. */
const MAX_FUNCTIONS = 1 << 16

/** Bytes of code that are followed to find init functions by their calls. */
const MAX_CODE = 1 << 24

/** What the walk needs of the image. */
export interface InitTaskSource {
  memory: Memory
  pclntab: GoPclntab
  symbols: SymbolTable | null
  moduledata: Moduledata | null
  minors: { min: number; max: number }
  /** The one body of a function. */
  body(name: string): FunctionInfo | null
}

/** The walk's state: what is left of {@link MAX_POINTERS} and {@link MAX_FUNCTIONS}. */
interface Walk extends InitTaskSource {
  pointersLeft: number
  functionsLeft: number
}

/** All tasks with at least one function; empty where the file does not tell. */
export function readInitTasks(image: InitTaskSource): InitTask[] {
  const source: Walk = { ...image, pointersLeft: MAX_POINTERS, functionsLeft: MAX_FUNCTIONS }
  if (source.minors.max >= 21) {
    const sorted = sortedTasks(source)
    if (sorted !== null) return sorted
  }
  if (source.minors.max >= 13 && source.minors.min <= 20) {
    const walked = walkedTasks(source)
    if (walked !== null) return walked
  }
  return source.minors.min <= 12 ? calledTasks(source) : []
}

/** The package of an init function, unescaped as import paths are written: `gopkg.in/yaml%2ev3.init.0`. */
export function packageOf(name: string): string {
  const path = name.replace(/\.init(?:\.\d+|\.ializers)?$/, '')
  return path.replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** From 1.21: moduledata.inittasks. The layout is believed only if every task is a task of functions of this file. */
function sortedTasks(source: Walk): InitTask[] | null {
  if (source.moduledata === null) return null
  const { min, max } = source.minors
  const likely = MODULEDATAS.filter(({ minors }) => minors[1] >= min && minors[0] <= Math.max(max, min))
  const newest = layoutOf(MODULEDATAS, max)
  for (const row of new Set([...likely, newest, ...MODULEDATAS])) {
    if (row === null || row.inittasks === null) continue
    const tasks = taskSlice(source, source.moduledata.address + row.inittasks)
    if (tasks !== null) return runtimeFirst(source, tasks)
  }
  // Where main and its imports have no init work, the linker makes no list: the runtime's tasks run all the same.
  const tasks = runtimeFirst(source, [])
  return tasks.length > 0 ? tasks : null
}

/** The tasks of a []*initTask; null unless it is one that has any. Those of another module are 0 in the file, and left out. */
function taskSlice(source: Walk, slice: number): InitTask[] | null {
  const { memory } = source
  const array = memory.pointer(slice)
  const [length, capacity] = [memory.word(slice + 8), memory.word(slice + 16)]
  if (array === null || length === null || length !== capacity || length > MAX_TASKS) return null
  if (length === 0 || memory.available(array) < length * 8) return null
  const tasks: InitTask[] = []
  for (const address of memory.pointers(array, length, 'init tasks')) {
    if (address === 0) continue
    const task = readTask(source, address, INIT_TASKS[1] as InitTaskLayout)
    if (task === null || task.functions.length === 0) return null
    tasks.push({ address: task.address, package: task.package, functions: task.functions })
  }
  return tasks.length > 0 ? tasks : null
}

/**
 * Tasks that runtime.main runs before all others: those of runtime.runtime_inittasks, whose slice it loads by two
 * instructions, or in a shared library through a symbol. Most stand in the module's list as well, where they are passed
 * over.
 */
function runtimeFirst(source: Walk, tasks: InitTask[]): InitTask[] {
  const main = source.body('runtime.main')
  if (main === null) return tasks
  const load: Pattern = [[0x48, 0x4c], 0x8b, [0x05, 0x0d, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d], 'rip']
  const loaded = new Set([...new Code(source.memory, main).matches(load)].map(({ operands }) => operands[0] as number))
  const pairs = [...loaded].filter((slice) => loaded.has(slice + 8))
  for (const slice of pairs.length > 0 ? pairs : namedSlices(source)) {
    const first = taskSlice(source, slice)
    if (!first?.some((task) => task.package === 'runtime')) continue
    const addresses = new Set(first.map(({ address }) => address))
    return [...first, ...tasks.filter(({ address }) => !addresses.has(address))]
  }
  return tasks
}

function namedSlices({ symbols }: Walk): FileAddress[] {
  const name = 'runtime.runtime_inittasks'
  const found = symbols?.find([name]).get(name)
  return found === undefined ? [] : [found.address]
}

interface TaskRecord extends InitTask {
  dependencies: FileAddress[]
}

/** An initTask record; null where the bytes are none: a function that is no function's entry, counts that do not fit. */
function readTask(source: Walk, address: FileAddress, layout: InitTaskLayout): TaskRecord | null {
  const { memory, pclntab } = source
  const available = memory.available(address)
  if (available < layout.pointers) return null
  const head = memory.cursor(address, layout.pointers, 'init task')
  const count = (at: number | null): number | null =>
    at === null ? 0 : layout.word === 8 ? head.u64OrNull(at) : head.u32(at)
  const [state, dependencies, functions] = [count(0), count(layout.dependencyCount), count(layout.functionCount)]
  if (state !== 0 || dependencies === null || functions === null) return null
  if ((dependencies + functions) * 8 > available - layout.pointers) return null
  source.pointersLeft -= dependencies + functions
  source.functionsLeft -= functions
  if (source.pointersLeft < 0 || source.functionsLeft < 0) return null
  const pointers = memory.pointers(address + layout.pointers, dependencies + functions, 'init task')
  const infos: FunctionInfo[] = []
  for (const entry of pointers.slice(dependencies)) {
    const info = pclntab.functionAt(entry)
    if (info === null || info.entry !== entry) return null
    infos.push(info)
  }
  const name = infos[0]?.name
  return {
    address,
    package: name === undefined ? '' : packageOf(name),
    functions: infos,
    dependencies: pointers.slice(0, dependencies),
  }
}

/** 1.13 to 1.20: depth first from the roots that runtime.main passes to doInit, the runtime's first. */
function walkedTasks(source: Walk): InitTask[] | null {
  const order: InitTask[] = []
  const seen = new Set<FileAddress>()
  for (const root of taskRoots(source)) {
    const stack: { task: TaskRecord; next: number }[] = []
    const enter = (address: FileAddress): boolean => {
      if (seen.has(address)) return true
      seen.add(address)
      const task = readTask(source, address, INIT_TASKS[0] as InitTaskLayout)
      if (task !== null) stack.push({ task, next: 0 })
      return task !== null
    }
    if (!enter(root)) return null
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const dependency = top.task.dependencies[top.next++]
      if (dependency !== undefined) {
        if (!enter(dependency) || seen.size > MAX_TASKS) return null
        continue
      }
      stack.pop()
      const { address, package: name, functions } = top.task
      if (functions.length > 0) order.push({ address, package: name, functions })
    }
  }
  return order.length > 0 ? order : null
}

/** Arguments of the direct calls of runtime.doInit in runtime.main, in code order. */
function taskRoots({ memory, body }: InitTaskSource): FileAddress[] {
  const main = body('runtime.main')
  const doInit = body('runtime.doInit')
  if (main === null || doInit === null) return []
  const code = new Code(memory, main)
  const inRegister: Pattern = [0x48, 0x8d, 0x05, 'rip', 'pad', 0xe8, 'rip']
  const onStack: Pattern = [0x48, 0x8d, 0x05, 'rip', 0x48, 0x89, 0x04, 0x24, 'pad', 0xe8, 'rip']
  for (const call of [inRegister, onStack]) {
    const roots = [...code.matches(call)].filter(({ operands }) => operands[1] === doInit.entry)
    if (roots.length > 0) return roots.map(({ operands }) => operands[0] as FileAddress)
  }
  return []
}

/**
 * Up to 1.12: `pkg.init` calls the init of every import, then its own work. Followed by direct calls from runtime.init
 * and main.init; a package comes when its work does, after those that it imports.
 */
function calledTasks({ memory, pclntab, body }: InitTaskSource): InitTask[] {
  const order: InitTask[] = []
  const seen = new Set<FileAddress>()
  let codeLeft = MAX_CODE
  const inits = (driver: FunctionInfo): FunctionInfo[] => {
    const found = new Map<FileAddress, FunctionInfo>()
    codeLeft -= driver.end - driver.entry
    if (codeLeft < 0) return []
    for (const { target } of new Code(memory, driver).branches()) {
      const callee = pclntab.functionFrom(target)
      if (callee !== null && /\.init(\.\d+|\.ializers)?$/.test(callee.name)) found.set(target, callee)
    }
    return [...found.values()]
  }
  for (const root of [body('runtime.init'), body('main.init')]) {
    if (root === null || seen.has(root.entry)) continue
    seen.add(root.entry)
    const stack = [{ driver: root, calls: inits(root), next: 0 }]
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const callee = top.calls[top.next++]
      const { driver, calls } = top
      if (callee === undefined) {
        stack.pop()
        const own = calls.filter(({ name }) => packageOf(name) === packageOf(driver.name) && !name.endsWith('.init'))
        order.push({ address: null, package: packageOf(driver.name), functions: [driver, ...own] })
      } else if (callee.name.endsWith('.init') && !seen.has(callee.entry)) {
        seen.add(callee.entry)
        stack.push({ driver: callee, calls: inits(callee), next: 0 })
      }
    }
  }
  return order
}
