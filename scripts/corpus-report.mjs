// docs/corpus.md: every program of the corpus traced, one row each. `--list FILE` (tab-separated: source, path,
// arguments) adds programs that npm does not deliver. `--check` traces the installed ones again and compares what does
// not depend on the machine or the hour.
import { spawnSync } from 'node:child_process'
import { basename } from 'node:path'
import { setup } from './setup.mjs'
import { installedPrograms, listedPrograms, missingPrograms, traceProgram } from './support/programs.mjs'
import { at, Failure, isEntry, readOrNull, runMain, writeGenerated } from './support/project.mjs'

const DOCUMENT = 'docs/corpus.md'
const COMMAND = 'npm run corpus:report'
/** A program's wall time is the least of so many traces. */
const RUNS = 5

const HEADER = [
  'program',
  'source',
  'Go',
  'form',
  'steps',
  'missed',
  'inits',
  'packages',
  'as inittrace',
  'to main.main',
]
/** Columns that a check leaves aside. */
const TIMED = 1

/** Compares the rows of the installed programs with the document; a reason where that cannot be done. */
export async function checkCorpus() {
  const missing = missingPrograms()
  if (missing !== null) return missing
  const text = readOrNull(at(DOCUMENT)) ?? ''
  for (const program of installedPrograms()) {
    const row = `| ${(await rowOf(program, 1)).cells.slice(0, -TIMED).join(' | ')} |`
    if (!text.includes(`\n${row}`)) throw new Failure(`${DOCUMENT} is not fresh: no row\n${row}\nrun ${COMMAND}`)
  }
  return true
}

async function writeCorpus(lists) {
  setup()
  const missing = missingPrograms()
  if (missing !== null) throw new Failure(missing)
  const rows = []
  for (const program of [...installedPrograms(), ...lists.flatMap(listedPrograms)])
    rows.push(await rowOf(program, RUNS))
  writeGenerated(DOCUMENT, documentOf(rows), { check: false, command: COMMAND })
}

async function rowOf(program, runs) {
  const seen = await traceProgram(program)
  const compared = compareInits(program, seen)
  const times = [seen.totals.wallNs]
  while (times.length < runs) times.push((await traceProgram(program)).totals.wallNs)
  const counts = (status) => seen.steps.filter((step) => step.status === status).length
  const { go } = seen.target
  const cells = [
    `\`${basename(program.file)}\``,
    program.source,
    go === null ? '–' : (go.version ?? go.versionRange),
    formOf(seen),
    stepsOf(counts),
    String(counts('missed')),
    String(seen.inits.length),
    String(packagesOf(seen).length),
    compared.verdict,
    seen.outcome === 'reached-main' ? `${(Math.min(...times) / 1e6).toFixed(1)} ms` : seen.outcome,
  ]
  return { cells, seen, compared, failures: failuresOf(seen) }
}

function stepsOf(counts) {
  const observed = `${counts('observed')} observed`
  const absent = counts('not-applicable')
  return absent === 0 ? observed : `${observed}, ${absent} not applicable`
}

/** How it was linked, as the trace shows it. */
function formOf({ target: { elf, go }, steps }) {
  const words = [elf.type === 'DYN' ? 'PIE' : 'at a fixed address', elf.static ? 'static' : 'dynamic']
  if (go?.cgo) words.push('cgo')
  const shape = steps.find(({ id }) => id === 'entry')?.evidence.shape
  if (shape === 'crt1') words.push('by the C linker')
  if (!elf.has.symtab) words.push('stripped')
  if (go && !elf.has.buildinfo) words.push('no build information')
  return words.join(', ')
}

function failuresOf({ steps }) {
  return steps.flatMap(({ id, evidence }) => (evidence.failures ?? []).map((failure) => `${id}: ${failure}`))
}

function packagesOf({ inits }) {
  return inits.filter(({ task }, index) => task !== inits[index - 1]?.task).map((init) => init.package)
}

/** Go 1.16 and later list their inits themselves, by the linker's spelling of the import path. */
function compareInits({ file, args, env }, seen) {
  const options = { encoding: 'utf8', timeout: 60_000, maxBuffer: 1 << 28, input: '' }
  const { stderr } = spawnSync(file, args, { ...options, env: { ...process.env, ...env, GODEBUG: 'inittrace=1' } })
  const theirs = [...(stderr ?? '').matchAll(/^init (\S+) @/gm)].map(([, name]) => name)
  if (theirs.length === 0 || seen.outcome !== 'reached-main')
    return { verdict: '–', compared: 0, escaped: 0, unlike: 0 }
  const ours = packagesOf(seen)
  const unlike = theirs.filter((name, index) => decodeURIComponent(name) !== ours[index]).length
  const lengths = ours.length === theirs.length
  const escaped = theirs.filter((name) => name.includes('%')).length
  return { verdict: unlike === 0 && lengths ? 'equal' : `${unlike} differ`, compared: theirs.length, escaped, unlike }
}

function documentOf(rows) {
  const sum = (count) => rows.reduce((total, row) => total + count(row), 0)
  const statuses = (status) => sum(({ seen }) => seen.steps.filter((step) => step.status === status).length)
  const traced = rows.filter(({ seen }) => seen.outcome === 'reached-main')
  const others = rows.filter(({ seen }) => seen.outcome !== 'reached-main')
  return `# The corpus

Generated by \`${COMMAND}\` on ${new Date().toISOString().slice(0, 10)}: real Go programs, as npm and Debian deliver
them, each traced from execve to main.main. The last column is the least of ${RUNS} traces, the time in which the program was
held left out.

| figure | |
| --- | ---: |
| programs tried | ${rows.length} |
| that came to main.main | ${traced.length} |
| steps observed | ${statuses('observed')} |
| steps not applicable, with the reason | ${statuses('not-applicable')} |
| steps missed | ${statuses('missed')} |
| facts that were asserted and did not hold | ${sum(({ failures }) => failures.length)} |
| package inits compared with GODEBUG=inittrace=1, in order | ${sum(({ compared }) => compared.compared)} |
| of these, different | ${sum(({ compared }) => compared.unlike)} |
| of these, spelt differently | ${sum(({ compared }) => compared.escaped)} |

Spelt differently: inittrace prints a package’s path as the linker writes it, \`gopkg.in/yaml%2ev2\`; a trace has the
import path, \`gopkg.in/yaml.v2\`. Before Go 1.16 there is no inittrace to compare with.
${others.map(notTraced).join('')}
| ${HEADER.join(' | ')} |
| ${HEADER.map((name) => (/^(missed|inits|packages|to main)/.test(name) ? '---:' : '---')).join(' | ')} |
${rows.map(({ cells }) => `| ${cells.join(' | ')} |`).join('\n')}
`
}

function notTraced({ cells, seen }) {
  return `\n${cells[0]} of ${cells[1]} did not come to main.main: ${(seen.error?.message ?? seen.outcome).split('\n').slice(0, 2).join(' ')}\n`
}

if (isEntry(import.meta.url)) {
  const args = process.argv.slice(2)
  const lists = args.flatMap((arg, index) => (args[index - 1] === '--list' ? [arg] : []))
  await runMain(async () => {
    if (!args.includes('--check')) return writeCorpus(lists)
    const result = await checkCorpus()
    if (typeof result === 'string') console.error(`skipped: ${result}`)
  })
}
