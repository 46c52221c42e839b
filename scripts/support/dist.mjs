// dist/: lib/ compiled, the schemas beside it, the ESM wrapper around it.
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { writeWrapper } from '../esm.mjs'
import { at, fingerprint, listFiles, runQuietly, say, unlessStamped } from './project.mjs'

/** Compiles what changed since the last time. */
export function buildDist() {
  const { version } = JSON.parse(readFileSync(at('node_modules/typescript/package.json'), 'utf8'))
  const sources = [...listFiles('lib'), 'tsconfig.json', 'package.json', 'scripts/esm.mjs']
  if (!existsSync(at('dist/index.js'))) rmSync(at('dist/.stamp'), { force: true })
  unlessStamped('dist/.stamp', fingerprint(sources, [version]), () => {
    say('Compiling …')
    const args = [at('node_modules/typescript/bin/tsc'), '-p', '.', '--listEmittedFiles']
    const emitted = runQuietly('The compilation', process.execPath, args)
    removeStale(new Set(emitted.match(/(?<=^TSFILE: ).*$/gm)))
    cpSync(at('lib/schemas'), at('dist/schemas'), { recursive: true })
    writeWrapper()
  })
}

/** What an earlier compilation left there of sources that are gone. */
function removeStale(emitted) {
  for (const file of listFiles('dist')) if (!emitted.has(at(file))) rmSync(at(file))
}
