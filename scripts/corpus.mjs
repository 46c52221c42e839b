// Installs the corpus: real Go programs of many versions, from test/fixtures/corpus/package-lock.json.
import { installFromLock } from './support/npm.mjs'
import { Failure, isEntry, runMain, say } from './support/project.mjs'

/** Installs what is missing. Out of reach, it says so and returns false: the tests that need it are skipped by name. */
export function installCorpus() {
  try {
    // --force: packages for other machines stand beside those for this one.
    installFromLock('test/fixtures/corpus', 'the corpus of real Go programs', ['--force'])
    return true
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    say(`${error.message}\nThe corpus is not there; tests that need it will be skipped.`)
    return false
  }
}

if (isEntry(import.meta.url)) runMain(() => (installCorpus() ? 0 : 1))
