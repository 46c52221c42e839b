// docs/claims.md: what is said about the start of a Go program, held against traces of real programs of many Go
// versions. `--check` traces them again and compares the whole page: nothing in it depends on the machine or the hour.
import { setup } from './setup.mjs'
import { installedPrograms, missingPrograms, traceProgram } from './support/programs.mjs'
import { Failure, isEntry, projectRequire, runMain, writeGenerated } from './support/project.mjs'
import { asListed, byPath, debugOf, FUNCVAL, mainCall } from './support/start-facts.mjs'

const DOCUMENT = 'docs/claims.md'
const COMMAND = 'npm run claims'

const ARENA = 64 * 1024 * 1024

/**
 * Each claim: what is said, what is measured of one program (a text), whether the claim holds by that, and what is so.
 * A measure of null tells nothing of the claim.
 */
const CLAIMS = [
  {
    claim: 'The heap is initialised with 256 mcentrals',
    measure: ({ mallocinit }) => `${mallocinit.centrals} span lists, counted in the target’s memory`,
    holds: ({ mallocinit }) => mallocinit.centrals === 256,
    truth:
      'There is one for each span class: two for each size class, one of them for objects without pointers. 67 size ' +
      'classes until Go 1.15, 68 since.',
  },
  {
    claim: 'rt0_go calls mallocinit itself',
    measure: (facts) => callersOf(facts, 'runtime.mallocinit'),
    holds: (facts) => callersOf(facts, 'runtime.mallocinit').startsWith('runtime.mallocinit ← runtime.rt0_go'),
    truth: 'rt0_go calls check, args, osinit, schedinit, newproc and mstart. The heap is schedinit’s.',
  },
  {
    claim: 'mallocinit reserves 64 MB for the heap’s first arena',
    measure: ({ trace }) => `the first stop whose memory map has an arena of 64 MB is ${firstArena(trace)}`,
    holds: ({ trace }) => firstArena(trace) === 'runtime.mallocinit (return)',
    truth:
      'mallocinit reserves address space for the heap’s own tables and writes down hints of where arenas may lie. The ' +
      'first arena of 64 MB comes with the first allocation, later in ' +
      'schedinit.',
  },
  {
    claim: 'The heap starts at 0xc000000000',
    measure: ({ mallocinit, minor }) =>
      minor >= 26 ? 'the first hint is another one in each run' : `the first hint is ${mallocinit.arenaHint}`,
    holds: ({ mallocinit, again }) =>
      mallocinit.arenaHint === '0xc000000000' && again.mallocinit.arenaHint === '0xc000000000',
    confirm: ({ mallocinit, again, minor }) =>
      minor < 26 || mallocinit.arenaHint !== again.mallocinit.arenaHint ? null : 'two runs had the same hint',
    truth: 'Until Go 1.25. Since Go 1.26 the runtime draws the address at random.',
  },
  {
    claim: 'g0 has a stack of 2 MB that the runtime maps',
    measure: ({ rt0, trace, cgo }) =>
      `${cgo ? 'with' : 'without'} cgo: ${cgo ? 'as much as libc reports' : kilobytes(rt0)} of the stack that the kernel made (${stackRole(trace, rt0)})`,
    holds: ({ rt0, trace }) => size(rt0) === 2 * 1024 * 1024 && stackRole(trace, rt0) !== 'stack',
    truth:
      'm0’s g0 runs on the stack of the process. Without cgo the runtime takes 64 KB below the stack pointer for it; ' +
      'with cgo, what pthread_getattr_np says. Only other threads’ g0 have stacks that the runtime allocates.',
  },
  {
    claim: 'os.Args is there once runtime.args has run',
    measure: (facts) =>
      `runtime.args gets argc and argv of the initial stack: ${facts.args.asserted ? 'yes' : 'no'}; goargs makes strings of them ${goargsLater(facts) ? 'later, in schedinit' : 'before'}`,
    holds: (facts) => !goargsLater(facts),
    truth:
      'runtime.args keeps argc and argv as they are and walks the auxiliary vector. goargs makes Go strings of them, and ' +
      'os.Args is set from these by an init of package os.',
  },
  {
    claim: 'typelinksinit and itabsinit run before main',
    measure: ({ modules }) => `reached: ${modules.sequence.map(short).join(', ')}; ${modules.modules} module`,
    holds: ({ modules }) =>
      ['typelinksinit', 'itabsinit'].every((name) => modules.sequence.includes(`runtime.${name}`)),
    truth: 'With one module, which is the rule, typelinksinit has nothing to merge and returns at once.',
  },
  {
    claim: 'The main goroutine is goroutine 1 and runs runtime.main',
    measure: ({ newproc, mstart }) => `newproc is given ${newproc.fn}; goid ${mstart.goid}`,
    holds: ({ newproc, mstart }) => newproc.fn === 'runtime.main' && mstart.goid === 1,
    truth: 'It is made by rt0_go, before there is a scheduler that could run it.',
  },
  {
    claim: 'sysmon is started by runtime.scheduler()',
    measure: (facts) =>
      `${callersOf(facts, 'runtime.newm')}; ${facts.scheduler ? 'there is' : 'there is no'} runtime.scheduler`,
    holds: ({ scheduler }) => scheduler,
    truth: 'runtime.main starts it, by newm on the system stack, as the second thread of the process.',
  },
  {
    claim: 'The garbage collector is enabled before the packages are initialised',
    measure: ({ sysmon, trace }) =>
      `gcenable has returned before the first init of a package that is not the runtime’s: ${gcFirst(trace) && sysmon.gcEnabled ? 'yes' : 'no'}`,
    holds: ({ sysmon, trace }) => gcFirst(trace) && sysmon.gcEnabled,
    truth: 'The runtime’s own inits come first, then gcenable, then all others.',
  },
  {
    claim: 'Package main is initialised last',
    measure: ({ trace }) => lastInit(trace),
    holds: ({ trace }) => (hasMainInit(trace) ? trace.inits.at(-1).package === 'main' : null),
    truth: 'Every package it imports comes before it; a package main without init work of its own has no task at all.',
  },
  {
    claim: 'Packages are initialised in the order of their import paths',
    measure: (facts) =>
      `${byPath(facts) ? 'in' : 'not in'} that order, but ${facts.minor >= 21 ? 'that of the list that the linker sorted' : facts.minor >= 13 ? 'that of a walk through each package’s record, what it imports first' : 'what a package imports first'}: ${facts.asListed ? 'yes' : 'no'}`,
    holds: byPath,
    truth:
      'A package comes after those that it imports. Since Go 1.21 the linker sorts: of the packages whose imports are ' +
      'all initialised, the one with the smallest import path is always the next. Before, each package went through ' +
      'its imports in their order, depth first.',
  },
  {
    claim: 'GODEBUG=inittrace=1 prints a line for each package',
    measure: ({ debug }) =>
      debug.inittrace === 0
        ? 'no line'
        : `a line for each package whose init functions ran, and no other: ${debug.complete ? 'yes' : 'no'}`,
    holds: ({ debug }) => debug.complete,
    truth: 'Since Go 1.16. A package without init work has none, nor has it an init function.',
  },
  {
    claim: 'GODEBUG=schedtrace=1 prints a line every 500 ms',
    measure: ({ debug }) => `two lines that are ${debug.apartMs < 100 ? 'less than 100' : 'more than 100'} ms apart`,
    holds: ({ debug }) => debug.apartMs >= 400,
    truth: 'The number is of milliseconds: with 1, sysmon prints one whenever it wakes and a millisecond has passed.',
  },
  {
    claim: 'GODEBUG=gctrace=1 prints 0->0->0 MB before anything is allocated',
    measure: ({ debug }) => `such a line before main.main: ${debug.emptyHeap ? 'yes' : 'no'}`,
    holds: ({ debug }) => debug.emptyHeap,
    truth: 'A line comes with each collection, and the first collection when the heap has grown to 4 MB.',
  },
  {
    claim: 'main.main is called by LEAQ and CALL AX',
    measure: ({ mainCall, main }) => `${mainCall.join('; ')}, from ${main.caller}`,
    holds: ({ mainCall }) => mainCall.includes(`lea rdx, [${FUNCVAL}]`) && mainCall.at(-1) === 'call rax',
    truth:
      'The call is one through AX, loaded from main.main·f, the function value of main.main. LEAQ puts that value’s ' +
      'address into DX, as the closure’s context.',
  },
  {
    claim: '.go.buildinfo exists since Go 1.18',
    measure: ({ elf }) => (elf.has.buildinfo ? 'has it' : 'lacks it'),
    holds: ({ elf, minor }) => elf.has.buildinfo === minor >= 18,
    truth:
      'Since Go 1.13. Go 1.18 made its strings inline and gave it the debug/buildinfo package. A later program may lack ' +
      'it all the same: its publisher took it out.',
  },
  {
    claim: 'A Go program has no PT_INTERP and needs no library',
    measure: ({ elf }) =>
      elf.interpreter === null ? 'no PT_INTERP' : `PT_INTERP, needs ${elf.needed.join(', ') || 'no library'}`,
    holds: ({ elf }) => elf.interpreter === null && elf.needed.length === 0,
    truth:
      'True without cgo and not as PIE. A default build that imports net, where there is a C compiler, is dynamic.',
  },
]

/** The page, from traces of the installed programs. */
async function page() {
  const programs = []
  for (const program of installedPrograms()) programs.push(await factsOf(program))
  for (const { confirm } of CLAIMS) for (const facts of programs) confirmed(confirm, facts)
  programs.sort((a, b) => a.minor - b.minor || (a.version < b.version ? -1 : 1))
  return `# What is said, and what is so

Generated by \`${COMMAND}\`: statements about the start of Go programs on linux/amd64, held against traces of
${programs.length} real programs, of Go ${programs[0].version} to ${programs.at(-1).version}. Every row was measured; only “What is so” is from Go’s source.
${CLAIMS.map((claim) => section(claim, programs)).join('')}`
}

function confirmed(confirm, facts) {
  const doubt = confirm?.(facts) ?? null
  if (doubt !== null) throw new Failure(`${facts.name}: ${doubt}`)
}

function section({ claim, measure, holds, truth }, programs) {
  const groups = new Map()
  for (const facts of programs) {
    const held = holds(facts)
    const key = `${held === null ? 'says nothing' : held ? 'holds' : 'does not hold'} | ${measure(facts)}`
    groups.set(key, [...(groups.get(key) ?? []), facts])
  }
  const judged = programs.map(holds).filter((held) => held !== null)
  const verdict = judged.every(Boolean) ? 'Holds' : judged.some(Boolean) ? 'Holds in part' : 'Does not hold'
  const rows = [...groups].map(([key, facts]) => `| ${ranges(facts, programs)} | ${key} |`)
  return `
## ${claim}

**${verdict}.** What is so: ${truth}

| Go | the claim | measured |
| --- | --- | --- |
${rows.join('\n')}
`
}

/** Versions of some programs, runs of neighbours as a range. Both in order. */
function ranges(some, programs) {
  const runs = []
  for (const facts of some) {
    const place = programs.indexOf(facts)
    const run = runs.at(-1)
    if (run?.at(-1) === place - 1) run.push(place)
    else runs.push([place])
  }
  const version = (place) => programs[place].version
  return runs
    .map((run) => (run.length === 1 ? version(run[0]) : `${version(run[0])} – ${version(run.at(-1))}`))
    .join(', ')
}

async function factsOf(program) {
  const trace = await traceProgram(program, { backtraces: true })
  if (trace.outcome !== 'reached-main') throw new Failure(`${program.name}: ${trace.outcome}`)
  const evidence = evidenceOf(trace)
  const { elf, go } = trace.target
  return {
    ...evidence,
    name: program.name,
    trace,
    elf,
    cgo: go.cgo,
    version: go.version.replace(/^go/, ''),
    minor: Number(go.version.split('.')[1]),
    scheduler: await hasFunction(program, 'runtime.scheduler'),
    again: evidenceOf(await traceProgram(program)),
    asListed: asListed(program, trace),
    debug: await debugOf(program),
    mainCall: mainCall(program, evidence.main, evidence.image),
  }
}

function evidenceOf({ steps }) {
  return Object.fromEntries(steps.map(({ id, evidence }) => [id, evidence]))
}

/** A stop at a function that the program lacks is refused before it is run. */
async function hasFunction(program, name) {
  const { trace } = projectRequire('./dist')
  try {
    await trace(program.file, program.args, { stops: [name], env: { ...process.env, ...program.env }, timeout: 60_000 })
    return true
  } catch (error) {
    if (error.code === 'INVALID_OPTION') return false
    throw error
  }
}

function callersOf({ trace }, name) {
  const stop = trace.stops.find((one) => one.name === name)
  return stop.backtrace.map((frame) => frame.function).join(' ← ')
}

function firstArena({ stops }) {
  const arena = ({ role, start, end }) => role === 'heap-arena' && Number(BigInt(end) - BigInt(start)) >= ARENA
  return stops.find(({ kind, maps }) => kind === 'breakpoint' && pieces(maps ?? []).some(arena))?.name ?? 'none'
}

/** Neighbouring mappings of one role as one: an arena's parts have different permissions. */
function pieces(maps) {
  const joined = []
  for (const { role, start, end } of maps) {
    const last = joined.at(-1)
    if (last?.role === role && last.end === start) last.end = end
    else joined.push({ role, start, end })
  }
  return joined
}

function size({ stackLo, stackHi }) {
  return Number(BigInt(stackHi) - BigInt(stackLo))
}

function kilobytes(rt0) {
  return `${Math.round(size(rt0) / 1024)} KB`
}

/** What the memory is that g0's stack ends in. */
function stackRole({ stops }, { stackHi }) {
  const maps = stops.find(({ name }) => name === 'runtime.check').maps
  const top = BigInt(stackHi) - 1n
  return maps.find(({ start, end }) => BigInt(start) <= top && top < BigInt(end))?.role ?? 'nothing'
}

function gcFirst({ stops, inits }) {
  const first = inits.find(({ runtime }) => !runtime)
  const at = stops.findIndex(({ address, kind }) => kind === 'breakpoint' && address === first?.address)
  return stops.findIndex(({ name }) => name === 'runtime.gcenable (return)') < at
}

function hasMainInit({ inits }) {
  return inits.some((init) => init.package === 'main')
}

function lastInit(trace) {
  if (!hasMainInit(trace)) return 'package main has no init work'
  return trace.inits.at(-1).package === 'main'
    ? 'the last init is main’s'
    : `the last init is ${trace.inits.at(-1).package}’s`
}

function goargsLater({ trace: { stops } }) {
  const place = (name) => stops.findIndex((stop) => stop.name === name)
  return place('runtime.goargs') > place('runtime.args')
}

function short(name) {
  return name.split('.').at(-1)
}

/** Writes the page, or checks it; a reason where that cannot be done. */
export async function generateClaims({ check }) {
  const missing = missingPrograms()
  if (missing !== null) return missing
  writeGenerated(DOCUMENT, await page(), { check, command: COMMAND })
  return true
}

if (isEntry(import.meta.url)) {
  await runMain(async () => {
    setup()
    const result = await generateClaims({ check: process.argv.includes('--check') })
    if (typeof result === 'string') throw new Failure(result)
  })
}
