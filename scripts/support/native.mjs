// The native core under sanitizers, and the addon as cmake-js builds it.
import { existsSync, readFileSync } from 'node:fs'
import { at, Failure, findCommand, projectRequire, runQuietly, say } from './project.mjs'

/** Builds and runs test/native/ with ASan and UBSan, then with TSan; counts of tests, or the reason for having run none. */
export function nativeTests() {
  if (findCommand('cmake') === null) return 'no cmake (apt-get install -y cmake)'
  if (!existsSync('/usr/include/gtest/gtest.h')) return 'no GoogleTest (apt-get install -y libgtest-dev)'
  checkCmakeJs()
  const counts = ['asan', 'tsan'].map(testsUnder)
  const sum = (key) => counts.reduce((total, one) => total + one[key], 0)
  return { passed: sum('passed'), failed: sum('failed'), skipped: 0 }
}

/** Builds and runs the native tests of one preset of CMakePresets.json. */
function testsUnder(preset) {
  runQuietly('cmake', 'cmake', ['--preset', preset])
  runQuietly(`The native tests’ build (${preset})`, 'cmake', ['--build', '--preset', preset])
  const report = at('build-dev', preset, 'report.xml')
  const said = ctest(['--preset', preset, '--output-junit', report])
  const [, tests, failures] = /<testsuite[^>]*tests="(\d+)"\s+failures="(\d+)"/.exec(readFileSync(report, 'utf8'))
  const failed = Number(failures)
  if (failed > 0) say(said)
  if (Number(tests) === 0) throw new Failure(`There are no native tests (${preset}).`)
  return { passed: Number(tests) - failed, failed }
}

/** ctest fails when a test does; the report says which. */
function ctest(args) {
  try {
    return runQuietly('ctest', 'ctest', args)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return error.message
  }
}

/** The addon of the developer's build offers what the addon of node-gyp's build offers. */
function checkCmakeJs() {
  const args = ['build', '-O', at('build-dev/addon'), '--parallel', '2', '--log-level', 'error']
  runQuietly('cmake-js', process.execPath, [projectRequire.resolve('cmake-js/bin/cmake-js'), ...args])
  const [ours, theirs] = ['build-dev/addon/Release', 'build/Release'].map((folder) =>
    Object.keys(projectRequire(at(folder, 'premain.node')))
      .sort()
      .join(),
  )
  if (ours !== theirs) throw new Failure(`cmake-js builds ${ours}, node-gyp builds ${theirs}`)
}
