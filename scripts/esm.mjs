// The ESM face of the CommonJS implementation, so that there is one instance of it: for each `import` entry of
// package.json's exports, a module that takes its names from the file that `require` gives, and its declarations.
import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { at, isEntry, projectRequire, runMain, say } from './support/project.mjs'

/** Writes the wrappers, and returns their paths. */
export function writeWrappers() {
  const { exports } = JSON.parse(readFileSync(at('package.json'), 'utf8'))
  return Object.values(exports).flatMap((entry) => (entry.import ? [writeWrapper(entry)] : []))
}

function writeWrapper({ import: wrapper, require: implementation }) {
  const names = Object.keys(projectRequire(implementation.default)).sort()
  const from = `./${basename(implementation.default)}`
  const list = names.map((name) => `  ${name},\n`).join('')
  const text = `import implementation from '${from}'\n\nexport const {\n${list}} = implementation\n`
  writeFileSync(at(wrapper.default), text)
  writeFileSync(at(wrapper.types), `export * from '${from}'\n`)
  return wrapper.default
}

if (isEntry(import.meta.url)) runMain(() => say(`wrote ${writeWrappers().join(', ')}`))
