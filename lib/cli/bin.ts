#!/usr/bin/env node
import { join } from 'node:path'
import { ROOT } from '../root'
import { KeptScript } from './kept-code'

const folder = join(ROOT, 'dist', 'cli')
const loaded = new Map<string, { script: KeptScript; exports: unknown }>()

/** `require` for the bundles of the command, which name each other by relative paths. */
function load(id: string): unknown {
  if (!id.startsWith('.')) return require(id)
  const file = join(folder, id)
  if (!loaded.has(file)) {
    const script = new KeptScript(file)
    loaded.set(file, { script, exports: script.run(load) })
  }
  return loaded.get(file)!.exports
}

const { start } = load('./bin-main.js') as typeof import('./start')
start(() => {
  for (const { script } of loaded.values()) script.keep()
})
