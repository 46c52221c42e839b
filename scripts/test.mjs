// `npm test [-- jest's arguments]`: every test, the stress run's scenarios with small counts among them.
import { installCorpus } from './corpus.mjs'
import { setup } from './setup.mjs'
import { at, run, runMain } from './support/project.mjs'

await runMain(() => {
  setup()
  installCorpus()
  return run(process.execPath, [at('node_modules/jest/bin/jest.js'), ...process.argv.slice(2)])
})
