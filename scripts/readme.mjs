// README.md's real output: each generated block is the output of the command in its marker. `--check` runs nothing but
// makes sure that each block is there, and shows what a run shows.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setup } from './setup.mjs'
import { at, Failure, projectRequire, runMain, runQuietly, say } from './support/project.mjs'
import { findTsgo } from './support/tsgo.mjs'

const BLOCK = /(<!-- output of: (.*) -->\n```text\n)([\s\S]*?)(```\n<!-- end of output -->)/g

await runMain(() => {
  const readme = readFileSync(at('README.md'), 'utf8')
  const blocks = [...readme.matchAll(BLOCK)]
  if (blocks.length === 0) throw new Failure('README.md has no generated block')
  if (process.argv.includes('--check')) return blocks.forEach(checkBlock)
  setup()
  writeFileSync(
    at('README.md'),
    readme.replace(BLOCK, (_all, head, command, _old, tail) => `${head}${outputOf(command)}${tail}`),
  )
  say(`wrote ${blocks.length} blocks of README.md`)
})

/** A trace's table names all 17 steps in their order. */
function checkBlock([, , command, output]) {
  const { STEPS } = projectRequire('./dist/plan/catalogue.js')
  let from = 0
  for (const { id } of STEPS) {
    const found = output.slice(from).search(new RegExp(`\\b${id}\\b`))
    if (found < 0) throw new Failure(`README.md: the output of “${command}” does not show ${id}: run npm run readme`)
    from += found + id.length
  }
}

/** What `premain …` prints for the real program, on a terminal without colours. */
function outputOf(command) {
  const [name, ...args] = command.split(' ')
  if (name !== 'premain') throw new Failure(`README.md: cannot run “${command}”`)
  const tsgo = findTsgo()
  const options = { cwd: dirname(tsgo), env: { ...process.env, COLUMNS: '80', NO_COLOR: '1' } }
  const said = runQuietly(command, process.execPath, [at('dist/cli/bin.js'), ...args], options)
  return `$ ${command}\n${said.replace(/[^\S\n]+$/gm, '').trimEnd()}\n`
}
