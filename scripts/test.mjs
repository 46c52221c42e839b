// `npm test [-- jest's arguments]`: every test but the stress tests, which `npm run stress` runs.
import { installCorpus } from './corpus.mjs'
import { setup } from './setup.mjs'
import { at, run, runMain } from './support/project.mjs'

await runMain(() => {
  setup()
  installCorpus()
  const args = process.argv.slice(2)
  const stress = args.includes('--stress')
  const chosen = stress ? ['test/stress', '--runInBand'] : ['--testPathIgnorePatterns', '/test/stress/', '--']
  const rest = args.filter((arg) => arg !== '--stress')
  return run(process.execPath, [at('node_modules/jest/bin/jest.js'), ...chosen, ...rest])
})
