// `npm run check [PART…]`: the single gate, part by part. `--except=PART` leaves one out. Every part runs, whatever failed
// before it; PREMAIN_FORBID_SKIPS=1 makes a skipped part a failure.
import { appendFileSync } from 'node:fs'
import { checkLayouts } from './layouts-check.mjs'
import { generateSchemas } from './schemas.mjs'
import { setup } from './setup.mjs'
import { nativeTests } from './support/native.mjs'
import { missingPrograms } from './support/programs.mjs'
import { at, Failure, findCommand, listFiles, projectRequire, run, runMain, say } from './support/project.mjs'

/** Each part returns nothing or true, false, a reason (text) for having been skipped, or counts; it may throw a Failure. */
const PARTS = {
  build: setup,
  format: () => node(projectRequire.resolve('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'),
  'format-cpp': checkCppFormat,
  types: () => node(at('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.test.json'),
  generated: () => {
    generateSchemas({ check: true })
    return node(at('scripts/readme.mjs'), '--check')
  },
  documents: () =>
    missingPrograms() ??
    (node(at('scripts/claims.mjs'), '--check') && node(at('scripts/corpus-report.mjs'), '--check')),
  layouts: () => checkLayouts(),
  package: () => node(at('node_modules/publint/src/cli.js'), '--strict', '--pack=false'),
  native: nativeTests,
  tests: () => node(at('scripts/test.mjs')),
}

function node(...args) {
  return run(process.execPath, args) === 0
}

function checkCppFormat() {
  if (findCommand('clang-format') === null) return 'no clang-format (apt-get install -y clang-format)'
  const files = [...listFiles('native'), ...listFiles('test/native')].filter((file) => /\.(cc|h)$/.test(file))
  return run('clang-format', ['--dry-run', '--Werror', ...files]) === 0
}

/** Runs one part and says how it went, as counts. */
function runPart(name) {
  say(`\n── ${name} ──`)
  const started = Date.now()
  const counts = countsOf(PARTS[name])
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  const word = counts.failed > 0 ? 'FAILED' : counts.skipped > 0 ? 'skipped' : 'ok'
  say(`${name}: ${word} (${seconds} s)${counts.reason ? `: ${counts.reason}` : ''}`)
  return { name, ...counts }
}

function countsOf(part) {
  try {
    const result = part()
    if (result === true || result === undefined) return { passed: 1, failed: 0, skipped: 0 }
    if (typeof result === 'object') return result
    const failed = result === false || process.env.PREMAIN_FORBID_SKIPS === '1'
    return { passed: 0, failed: failed ? 1 : 0, skipped: failed ? 0 : 1, reason: result || undefined }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { passed: 0, failed: 1, skipped: 0, reason: error.message }
  }
}

function chosenParts(args) {
  const except = args.filter((arg) => arg.startsWith('--except=')).map((arg) => arg.slice('--except='.length))
  const named = args.filter((arg) => !arg.startsWith('--'))
  const unknown = [...except, ...named].filter((name) => !(name in PARTS))
  if (unknown.length > 0)
    throw new Failure(`No part ${unknown.join(', ')}: there are ${Object.keys(PARTS).join(', ')}.`)
  // Every other part stands on the build.
  return (named.length > 0 ? ['build', ...named] : Object.keys(PARTS)).filter((name) => !except.includes(name))
}

await runMain(() => {
  const chosen = chosenParts(process.argv.slice(2))
  const results = chosen.map(runPart)
  if (process.env.PREMAIN_RESULTS) {
    // The tests write their own line.
    const lines = results.filter(({ name }) => name !== 'tests').map((result) => `${JSON.stringify(result)}\n`)
    appendFileSync(process.env.PREMAIN_RESULTS, lines.join(''))
  }
  say('')
  for (const { name, failed, skipped } of results) {
    if (failed > 0 || skipped > 0) say(`${failed > 0 ? 'FAILED ' : 'skipped'} ${name}`)
  }
  const red = results.some(({ failed }) => failed > 0)
  say(red ? 'The gate is closed.' : 'The gate is open.')
  return red ? 1 : 0
})
