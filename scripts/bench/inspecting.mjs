// inspect() of large files: how long it takes, and how much memory.
import { spawnSync } from 'node:child_process'
import { at } from '../support/project.mjs'
import { premain, row } from './contestants.mjs'
import * as programs from './programs.mjs'
import { inTurns, median } from './sampling.mjs'

/** inspect() of large files. */
export async function inspecting({ program, rounds, random }) {
  const { inspect } = premain()
  const files = [programs.tsgo(), ...programs.largePrograms().slice(0, 1)]
  const images = await Promise.all(files.map((file) => inspect(file)))
  const contestants = Object.fromEntries(
    files.map((file) => [
      file,
      async () => {
        await inspect(file)
      },
    ]),
  )
  const samples = await inTurns(contestants, { rounds, random })
  return {
    title: 'inspect()',
    text: 'The second figure is scaled by the number of functions from 60 ms for 164,000. Memory is the growth of the highest resident memory of a fresh process that has inspected a small program, by the sections that inspect() may read whole.',
    samples: Object.fromEntries(files.map((file) => [file.split('/').at(-1), samples[file]])),
    rows: files.flatMap((file, n) => {
      const { size, go } = images[n]
      const functions = go?.pclntab?.functions ?? 0
      const limit = n === 0 ? 15 : (60 * functions) / 164_000
      const name = file.split('/').at(-1)
      const what = `inspect() of ${name}: ${Math.round(size / 1e6)} MB, ${functions} functions`
      const tables = tableBytes(file)
      return [
        row(what, median(samples[file]), { unit: 'ms', limit, decimals: 1 }),
        row(`memory ÷ tables of ${name}, ${Math.round(tables / 1e6)} MB`, memoryOf(program, file) / tables, {
          unit: '×',
          limit: 2,
        }),
      ]
    }),
  }
}

function memoryOf(small, file) {
  const script = at('scripts/bench/inspect-memory.mjs')
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, small, file], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}

/** The bytes of the sections that hold functions, symbols and relocations. */
function tableBytes(file) {
  const { stdout } = spawnSync('readelf', ['-SW', file], { encoding: 'utf8' })
  const sizes = [...stdout.matchAll(/ (?:\.data\.rel\.ro)?\.(?:gopclntab|symtab|strtab|rela\S*) +\S+ +\w+ \w+ (\w+)/g)]
  return sizes.reduce((sum, [, size]) => sum + Number.parseInt(size, 16), 0)
}
