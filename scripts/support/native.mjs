// The native core under sanitizers, and the addon as cmake-js builds it.
import { existsSync, readFileSync } from 'node:fs'
import { at, Failure, findCommand, projectRequire, runQuietly, say } from './project.mjs'

/** Builds and runs test/native/ with ASan and UBSan; counts of tests, or the reason for having run none. */
export function nativeTests() {
  if (findCommand('cmake') === null) return 'no cmake (apt-get install -y cmake)'
  if (!existsSync('/usr/include/gtest/gtest.h')) return 'no GoogleTest (apt-get install -y libgtest-dev)'
  checkCmakeJs()
  runQuietly('cmake', 'cmake', ['--preset', 'asan'])
  runQuietly('The native tests’ build', 'cmake', ['--build', '--preset', 'asan'])
  const report = at('build-dev/asan/report.xml')
  const said = ctest(['--preset', 'asan', '--output-junit', report])
  const [, tests, failures] = /<testsuite[^>]*tests="(\d+)"\s+failures="(\d+)"/.exec(readFileSync(report, 'utf8'))
  const failed = Number(failures)
  if (failed > 0) say(said)
  if (Number(tests) === 0) throw new Failure('There are no native tests.')
  return { passed: Number(tests) - failed, failed, skipped: 0 }
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
