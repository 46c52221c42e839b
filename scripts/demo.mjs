// `npm run demo`: traces a real Go program that came with the packages, TypeScript's native compiler.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setup } from './setup.mjs'
import { at, projectRequire, run, runMain, say } from './support/project.mjs'

/** The native compiler of the package `@typescript/native-preview` for this machine. */
function findTsgo() {
  const fromPreview = createRequire(projectRequire.resolve('@typescript/native-preview/package.json'))
  const platform = `@typescript/native-preview-${process.platform}-${process.arch}/package.json`
  return join(dirname(fromPreview.resolve(platform)), 'lib', 'tsgo')
}

await runMain(() => {
  setup()
  say('\nThis is tsgo, TypeScript’s native compiler: a real Go program, stripped, as npm delivers it.')
  say('premain starts it, stops it at each of the 17 steps from execve to main.main,')
  say('and ends it there: not one line of its main runs.\n')
  return run(process.execPath, [at('dist/cli/bin.js'), findTsgo(), '--version'])
})
