// `npm run fuzz [-- TARGET[=SECONDS]…]`: the native core's fuzz targets, a minute each, by libFuzzer where clang is
// installed, else by the driver of test/native/fuzz. What crashes is left in test/native/corpus/TARGET, to be kept.
import { mkdirSync, readdirSync } from 'node:fs'
import { at, Failure, findCommand, run, runMain, runQuietly, say } from './support/project.mjs'

const SECONDS = 60
const CLANGS = ['clang++', ...[20, 19, 18, 17, 16, 15, 14].map((version) => `clang++-${version}`)]
const targets = readdirSync(at('test/native/corpus')).sort()

function build(clang) {
  const preset = clang === undefined ? 'asan' : 'fuzz'
  const compiler = clang === undefined ? [] : [`-DCMAKE_CXX_COMPILER=${clang}`]
  runQuietly('cmake', 'cmake', ['--preset', preset, ...compiler])
  const wanted = targets.flatMap((name) => ['--target', `fuzz_${name}`])
  runQuietly('The fuzz targets’ build', 'cmake', ['--build', '--preset', preset, ...wanted])
  return at('build-dev', preset)
}

function fuzz(folder, libFuzzer, { name, seconds }) {
  const kept = at('test/native/corpus', name)
  const found = at('build-dev/fuzz/corpus', name)
  mkdirSync(found, { recursive: true })
  const own = libFuzzer ? ['-print_final_stats=1', `-artifact_prefix=${kept}/`, found] : []
  say(`── ${name} ──`)
  return run(`${folder}/fuzz_${name}`, [`-max_total_time=${seconds}`, ...own, kept]) === 0
}

await runMain(() => {
  const words = process.argv.slice(2)
  const chosen = (words.length > 0 ? words : targets).map((word) => {
    const [name, seconds = SECONDS] = word.split('=')
    if (!targets.includes(name)) throw new Failure(`No target ${name}: there are ${targets.join(', ')}.`)
    return { name, seconds: Number(seconds) }
  })
  const clang = CLANGS.find((name) => findCommand(name) !== null)
  if (clang === undefined) say('No clang: mutations without coverage (apt-get install -y clang).')
  const folder = build(clang)
  return chosen.map((one) => fuzz(folder, clang !== undefined, one)).every(Boolean) ? 0 : 1
})
