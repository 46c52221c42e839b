// `npm run demo`: traces a real Go program that came with the packages, TypeScript's native compiler.
import { setup } from './setup.mjs'
import { at, run, runMain, say } from './support/project.mjs'
import { findTsgo } from './support/tsgo.mjs'

await runMain(() => {
  setup()
  say('\nThis is tsgo, TypeScript’s native compiler: a real Go program, stripped, as npm delivers it.')
  say('premain starts it, stops it at each of the 17 steps from execve to main.main,')
  say('and ends it there: not one line of its main runs.\n')
  return run(process.execPath, [at('dist/cli/bin.js'), findTsgo(), '--version'])
})
