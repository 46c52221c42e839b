// Facts of a program's start that a trace does not have: read off its file, or printed by its own runtime.
import { traceProgram } from './programs.mjs'
import { Failure, projectRequire } from './project.mjs'

/** How Go's assembler calls the word that holds main.main's address. */
export const FUNCVAL = 'main.main·f'
/** So often a target may be too quick for two lines of schedtrace. */
const TRIES = 20

/** Each once, in order. */
function distinct(list) {
  return [...new Set(list)]
}

/** The packages of the program, without the runtime's. */
function packagesOf(inits) {
  return distinct(inits.filter(({ runtime }) => !runtime).map((init) => init.package))
}

export function byPath({ trace: { inits } }) {
  const packages = packagesOf(inits)
  return packages.every((path, i) => i === 0 || Buffer.compare(Buffer.from(packages[i - 1]), Buffer.from(path)) < 0)
}

/** The packages ran in the order of the file's tables. */
export function asListed(program, { inits }) {
  const ran = packagesOf(inits)
  return withImage(program, ({ go }) => {
    const listed = go.initTasks.map((task) => task.package).filter((path) => ran.includes(path))
    return distinct(listed).join() === ran.join()
  })
}

/** What the runtime prints up to main.main where it is told to: one thing a run, as the lines of two would mix. */
export async function debugOf(program) {
  const { parseInittrace } = projectRequire('./dist/measure/inittrace.js')
  const told = (GODEBUG) => traceProgram({ ...program, env: { ...program.env, GODEBUG } })
  const { inits, output } = await told('inittrace=1')
  const said = distinct(parseInittrace(output.stderr).map((line) => line.package))
  const ran = distinct(inits.map((init) => init.package))
  return {
    inittrace: said.length,
    complete: said.length > 0 && said.toSorted().join() === ran.toSorted().join(),
    apartMs: await apartMs(program, told),
    emptyHeap: /^gc \d.* 0->0->0 MB/m.test((await told('gctrace=1')).output.stderr),
  }
}

/** Milliseconds from one line of schedtrace to the next. */
async function apartMs({ name }, told) {
  for (let tried = 0; tried < TRIES; tried++) {
    const { output } = await told('schedtrace=1')
    const [first, second] = [...output.stderr.matchAll(/^SCHED (\d+)ms:/gm)].map(([, ms]) => Number(ms))
    if (second !== undefined) return second - first
  }
  throw new Failure(`${name}: never two lines of schedtrace before main.main`)
}

/** The call of main.main and the two instructions before it, the word with main.main's address by its name. */
export function mainCall(program, { returnAddress }, { bias }) {
  const { disassemble } = projectRequire('./dist/trace/disassembly.js')
  return withImage(program, (image) => {
    const { entry, end } = image.go.body('runtime.main')
    const code = { bytes: image.read(entry, end - entry), address: BigInt(entry) }
    const all = disassemble(code, Number.POSITIVE_INFINITY)
    const after = BigInt(returnAddress) - BigInt(bias)
    const last = all.findIndex(({ address, length }) => address + BigInt(length) === after)
    const holdsMain = (at) => image.readPointer(Number(at)) === image.go.body('main.main').entry
    return all
      .slice(last - 2, last + 1)
      .map(({ text }) => text.replace(/0x[0-9a-f]+/, (at) => (holdsMain(at) ? FUNCVAL : at)))
  })
}

function withImage({ file }, use) {
  const { openImage } = projectRequire('./dist/image/image.js')
  const image = openImage(file)
  try {
    return use(image)
  } finally {
    image.close()
  }
}
