// dist/: lib/ compiled, its entry points bundled, the schemas beside it, the ESM wrapper around it.
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { writeWrappers } from '../esm.mjs'
import { at, Failure, fingerprint, listFiles, runQuietly, say, unlessStamped } from './project.mjs'

const GENERATORS = [
  'scripts/esm.mjs',
  'scripts/bundle.mjs',
  'scripts/support/disassembler.mjs',
  'scripts/support/split.mjs',
]

export const DIST_STAMP = 'node_modules/.cache/premain/dist'

/** Compiles what changed since the last time. */
export function buildDist() {
  const { version } = JSON.parse(readFileSync(at('node_modules/typescript/package.json'), 'utf8'))
  const sources = [...listFiles('lib'), 'tsconfig.json', 'package.json', ...GENERATORS]
  if (!existsSync(at('dist/index.js'))) rmSync(at(DIST_STAMP), { force: true })
  unlessStamped(DIST_STAMP, fingerprint(sources, [version]), () => {
    say('Compiling …')
    removeStale(compile())
    runQuietly('The bundling', process.execPath, [at('scripts/bundle.mjs')])
    cpSync(at('lib/schemas'), at('dist/schemas'), { recursive: true })
    writeWrappers()
  })
}

/** Compiles lib/ into dist/ and returns the files written. */
function compile() {
  const args = [at('node_modules/typescript/bin/tsc'), '-p', '.', '--listEmittedFiles']
  try {
    return new Set(runQuietly('The compilation', process.execPath, args).match(/(?<=^TSFILE: ).*$/gm))
  } catch (error) {
    if (error instanceof Failure) error.message = error.message.replace(/^TSFILE: .*\n/gm, '')
    throw error
  }
}

/** What an earlier compilation left there of sources that are gone. */
function removeStale(emitted) {
  for (const file of listFiles('dist')) if (!emitted.has(at(file))) rmSync(at(file))
}
