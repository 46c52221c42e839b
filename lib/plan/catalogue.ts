/**
 * The 17 steps from execve to main.main as data: what each is, and what a trace tells of it. Where each step is
 * stopped at, by Go version, is `stops.ts`.
 */
import type { StepId } from './types'

/** One step of the catalogue. */
export interface StepInfo {
  /** 1 to 17. */
  index: number
  id: StepId
  title: string
  /** One paragraph for `premain explain`. */
  explanation: string
  /** The keys of `Step.evidence`, each with its meaning and unit. */
  evidence: Readonly<Record<string, string>>
}

const ASSERTED =
  'true when every comparison named in `failures` held, false when one did not, null when none could be made'
const FAILURES = 'the comparisons that did not hold, in words; empty when all did'

const DESCRIPTIONS: readonly Omit<StepInfo, 'index'>[] = [
  {
    id: 'execve',
    title: 'The kernel replaces the process image',
    explanation:
      'execve(2) hands the kernel a path, an argument vector and an environment. The kernel opens the file, reads its ' +
      'headers, tears down the old address space and builds a new one. The step runs from the resume of execve’s entry ' +
      'to the first instruction in user mode; nothing of the program itself has run before its end.',
    evidence: {
      path: 'the path given to execve',
      argc: 'number of arguments',
      envc: 'number of environment entries; null when execve failed',
      result: '0, or -errno',
      kernelNs: 'nanoseconds from the resume of the entry stop to PTRACE_EVENT_EXEC; null when execve failed',
    },
  },
  {
    id: 'image',
    title: 'The ELF image is read and its PT_LOADs are mapped',
    explanation:
      'Each PT_LOAD header of the file becomes a private file mapping at its virtual address plus the load bias (zero ' +
      'unless the program is position-independent). What a segment has in memory beyond the file is .bss: the kernel ' +
      'zeroes the rest of the last page and maps anonymous memory after it.',
    evidence: {
      type: 'EXEC or DYN',
      bias: 'load bias: runtime address less file address',
      segments: 'each PT_LOAD with the mappings that hold it; `bss` marks the anonymous tail',
      asserted: ASSERTED,
      failures: FAILURES,
    },
  },
  {
    id: 'stack',
    title: 'The kernel lays out the initial stack',
    explanation:
      'At the top of the new stack the kernel writes the argument and environment strings and, below them, argc, argv, ' +
      'envp and the auxiliary vector: the page size, the entry point, the vDSO, 16 random bytes. The stack pointer ' +
      'points at argc. Go’s runtime reads all of it without any help from libc.',
    evidence: {
      sp: 'the stack pointer at the first instruction',
      argc: 'the word at the stack pointer',
      argv: 'the argument strings, read from the target’s memory',
      envc: 'number of environment entries',
      auxv: 'the auxiliary vector, values by AT_ name',
      asserted: ASSERTED,
      failures: FAILURES,
    },
  },
  {
    id: 'interp',
    title: 'The dynamic linker maps and relocates',
    explanation:
      'A file with PT_INTERP does not start by itself: the kernel maps the dynamic linker too and starts that. It maps ' +
      'the needed libraries, applies relocations and jumps to AT_ENTRY. A plain static Go program has no PT_INTERP and ' +
      'no such step; a position-independent one has, even with no library to load.',
    evidence: {
      path: 'PT_INTERP; null without it',
      base: 'where the dynamic linker is mapped (AT_BASE)',
      libraries: 'libraries that are mapped when control reaches AT_ENTRY: path and base',
      relocated:
        'the program’s relocations are applied at AT_ENTRY: a pointer of its own, or to a library’s symbol, holds its ' +
        'address, or PT_GNU_RELRO is read-only; null when the program has none of these',
      atBase: 'AT_BASE as the kernel gave it: zero when it mapped no dynamic linker',
    },
  },
  {
    id: 'entry',
    title: 'Control reaches the ELF entry point',
    explanation:
      'The first instruction of the program itself. In Go’s own link modes it is _rt0_amd64_linux, which loads argc and ' +
      'argv from the stack and jumps to runtime.rt0_go. Linked by the C linker it is crt1’s _start, and C hands over to ' +
      'Go in a function named main.',
    evidence: {
      symbol: 'the function at the entry point',
      shape: '`go`: Go’s own entry; `crt1`: C’s _start; null for another',
      disassembly: 'the first instructions',
    },
  },
  {
    id: 'rt0',
    title: 'rt0_go binds g0 and m0 to the OS thread',
    explanation:
      'runtime.rt0_go makes the thread that the kernel started into Go’s m0: it describes the OS stack in runtime.g0, ' +
      'sets up thread-local storage, puts &g0 into its slot, and ties g0 and m0 together. The proof is taken at ' +
      'runtime.check, its first call: the slot holds g0, g0.m is m0, and m0.g0 is g0.',
    evidence: {
      argc: 'argc as rt0_go gets it',
      argv: 'address of argv as rt0_go gets it',
      spAligned: 'rt0_go has aligned the stack to 16 bytes, as g0.stack.hi shows',
      g0: 'the g in the thread-local slot',
      m0: 'its m',
      stackLo: 'g0.stack.lo',
      stackHi: 'g0.stack.hi',
      tls: 'address of the thread-local slot',
      cgo: 'the program was linked with cgo: libc sets up thread-local storage',
      asserted: ASSERTED,
      failures: FAILURES,
    },
  },
  {
    id: 'args',
    title: 'runtime.args reads argc, argv and auxv',
    explanation:
      'runtime.args keeps argc and argv and walks the auxiliary vector behind the environment, for the page size, the ' +
      'vDSO and the random seed. os.Args is made from it later.',
    evidence: {
      argc: 'its first argument',
      argv: 'its second argument',
      asserted: ASSERTED,
      failures: FAILURES,
    },
  },
  {
    id: 'osinit',
    title: 'runtime.osinit asks the OS for CPUs and page sizes',
    explanation:
      'The number of CPUs comes from sched_getaffinity(2), so a narrowed mask narrows GOMAXPROCS; the size of a huge ' +
      'page comes from /sys/kernel/mm/transparent_hugepage. The values are read back when osinit has returned.',
    evidence: {
      ncpu: 'CPUs in the affinity mask, as the runtime counted them',
      pageSize: 'bytes',
      hugePageSize: 'bytes; 0 without transparent huge pages',
    },
  },
  {
    id: 'schedinit',
    title: 'runtime.schedinit begins; the module data is verified',
    explanation:
      'schedinit is the frame of most of what follows. It limits the number of threads to 10,000 and checks that the ' +
      'function table that the linker wrote (runtime.pclntab, reached by the module data) is consistent.',
    evidence: {
      moduledata: 'address of runtime.firstmoduledata',
      text: 'start of the Go code',
      etext: 'its end',
      maxmcount: 'limit of threads',
      asserted: ASSERTED,
      failures: FAILURES,
    },
  },
  {
    id: 'mallocinit',
    title: 'The heap’s metadata is reserved',
    explanation:
      'mallocinit reserves address space for the heap’s own tables (summaries of free pages, the arena index), makes ' +
      'one list of spans for each class of sizes, and chooses where arenas shall lie. It maps no arena yet: the first ' +
      'one, 64 MB, comes with the first allocation.',
    evidence: {
      reservedBytes: 'address space that it reserved without access (PROT_NONE), bytes',
      mapped: 'what it added to the maps',
      centrals:
        'number of span lists (mheap.central), counted in the target’s memory; null where the layout is unknown',
      pagesInUse: 'pages of spans in use when it returns; null where the layout is unknown',
      arenaHint: 'where the first arena shall lie; null where the layout is unknown',
    },
  },
  {
    id: 'modules',
    title: 'Hashing, modules, typelinks and itabs become usable',
    explanation:
      'alginit chooses the hash function (AES where the CPU has it) and seeds it; from here on maps can be used. ' +
      'modulesinit lists the modules, typelinksinit merges duplicate types between them (one module: nothing to do), ' +
      'itabsinit enters the interface tables that the linker made.',
    evidence: {
      sequence: 'the functions in the order in which they were reached',
      modules: 'number of modules in the chain; null where it was not read',
    },
  },
  {
    id: 'procs',
    title: 'Arguments, environment, GC and the Ps',
    explanation:
      'goargs and goenvs copy arguments and environment into Go slices, gcinit sets the collector’s pace from GOGC and ' +
      'GOMEMLIMIT, and procresize makes the Ps: as many as GOMAXPROCS says, else as there are CPUs (and, from Go 1.25 ' +
      'on, as the cgroup’s quota allows).',
    evidence: { gomaxprocs: 'number of Ps that procresize was asked for', sequence: 'the functions as reached' },
  },
  {
    id: 'newproc',
    title: 'The main goroutine is created',
    explanation:
      'rt0_go asks newproc for goroutine 1, whose function is runtime.main. It is put on the run queue of the only P; ' +
      'it does not run yet.',
    evidence: {
      fn: 'the function of the new goroutine: runtime.main',
      funcval: 'address of the function value that newproc was given',
      asserted: ASSERTED,
      failures: FAILURES,
    },
  },
  {
    id: 'mstart',
    title: 'm0 schedules it: mstart → schedule → gogo → runtime.main',
    explanation:
      'm0 enters the scheduler, from which it never returns. schedule finds goroutine 1, execute ties it to m0, gogo ' +
      'switches to its stack and jumps into runtime.main. The thread-local slot now holds that goroutine, not g0.',
    evidence: {
      sequence: 'the functions in the order in which they were reached',
      g: 'the goroutine in the thread-local slot at runtime.main',
      goid: 'its number: 1',
      stackLo: 'g.stack.lo',
      stackHi: 'g.stack.hi',
      slotBefore: 'what the thread-local slot held in execute: g0',
      asserted: ASSERTED,
      failures: FAILURES,
    },
  },
  {
    id: 'sysmon',
    title: 'sysmon starts, the runtime’s own inits run, the GC is enabled',
    explanation:
      'runtime.main starts the monitor thread, which runs without a P and retakes those that are stuck; runs the init ' +
      'work of the runtime’s own packages; and starts the sweeper and the scavenger (gcenable), after which garbage ' +
      'may be collected.',
    evidence: {
      sequence: 'the functions in the order in which they were reached',
      sysmonTid: 'the thread that the clone in newm made; null where it was not seen',
      runtimeInits: 'init functions that ran before gcenable; null when inits were not stopped at',
      threads: 'threads alive when gcenable is reached',
      gcEnabled: 'gcenable has returned',
      asserted: ASSERTED,
      failures: FAILURES,
    },
  },
  {
    id: 'inits',
    title: 'Every package’s init work runs, dependencies first',
    explanation:
      'Package-level variables that need code, then the init functions, package by package. From Go 1.21 on the linker ' +
      'sorts the packages by path, as far as their imports allow; before, it is a depth-first walk of the imports.',
    evidence: {
      tasks: 'packages with init work',
      functions: 'init functions',
      packages: 'their import paths, in order',
      ran: 'true: these ran; false: the file lists them',
      unseen: 'planned init functions that were not reached before main.main, if any',
    },
  },
  {
    id: 'main',
    title: 'main.main is called',
    explanation:
      'runtime.main unlocks the thread and calls main.main through a function value, as the runtime is compiled ' +
      'without knowing of package main. Its first instructions compare the stack pointer with the goroutine’s limit ' +
      'and make the frame.',
    evidence: {
      returnAddress: 'the word at the stack pointer',
      caller: 'the function that it lies in: runtime.main',
      callSite: 'file and line of the call',
      call: 'the call instruction',
      frameSize: 'bytes of main.main’s frame, without the return address; null when unknown',
      prologue: 'the first instructions of main.main',
      threads: 'threads alive',
      asserted: ASSERTED,
      failures: FAILURES,
    },
  },
]

/** The catalogue, in order. */
export const STEPS: readonly StepInfo[] = DESCRIPTIONS.map((step, at) => ({ index: at + 1, ...step }))

const BY_ID = new Map<string, StepInfo>(STEPS.map((step) => [step.id, step]))

/** The step of that id, or null when there is none. */
export function findStep(id: string): StepInfo | null {
  return BY_ID.get(id) ?? null
}

/** Steps that lie before the first instruction of the program, and that instruction. */
export const ENTRY_STEPS: ReadonlySet<string> = new Set<StepId>(['execve', 'image', 'stack', 'interp', 'entry'])

/** Whether a trace that is to end at this step or symbol goes the whole way. */
export function endsAtMain(until: string): boolean {
  return until === 'main' || until === 'main.main'
}
