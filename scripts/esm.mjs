// dist/index.mjs and dist/index.d.mts: the ESM face of the CommonJS implementation, so that there is one instance of it.
import { writeFileSync } from 'node:fs'
import { at, isEntry, projectRequire, runMain, say } from './support/project.mjs'

/** Writes the wrapper for what dist/index.js exports. */
export function writeWrapper() {
  const names = Object.keys(projectRequire('./dist/index.js')).sort()
  const list = names.map((name) => `  ${name},\n`).join('')
  writeFileSync(at('dist/index.mjs'), `import premain from './index.js'\n\nexport const {\n${list}} = premain\n`)
  writeFileSync(at('dist/index.d.mts'), "export * from './index.js'\n")
  return names
}

if (isEntry(import.meta.url)) runMain(() => say(`dist/index.mjs exports ${writeWrapper().join(', ')}`))
