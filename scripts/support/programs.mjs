// The real Go programs that generated documents are made of.
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { at, projectRequire } from './project.mjs'
import { loadTypeScript } from './typescript.mjs'

/** The programs of the installed corpus, oldest Go first: `{ name, source, file, args, env }`. */
export function installedPrograms() {
  const { corpus } = loadTypeScript('test/support/corpus.ts')
  const { dependencies } = JSON.parse(readFileSync(at('test/fixtures/corpus/package.json'), 'utf8'))
  return corpus
    .filter(({ file }) => existsSync(file))
    .map(({ name, file, args, env }) => ({ name, source: sourceOf(dependencies[name]), file, args, env }))
}

/** Why the corpus is not complete, or null. */
export function missingPrograms() {
  const { corpus } = loadTypeScript('test/support/corpus.ts')
  const missing = corpus.filter(({ file }) => !existsSync(file)).map(({ name }) => name)
  return missing.length === 0 ? null : `${missing.join(', ')} not installed (npm run corpus)`
}

/** Programs of a tab-separated list: name, path, arguments separated by spaces. Those that are not there are left out. */
export function listedPrograms(list) {
  return readFileSync(list, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'))
    .filter(([, file]) => existsSync(file))
    .map(([source, file, args = '']) => ({
      name: basename(file),
      source,
      file,
      args: args.split(' ').filter(Boolean),
      env: {},
    }))
}

/** Traces a program; the trace of a failure is as good. Throws where there is none. */
export async function traceProgram({ file, args, env }, options = {}) {
  const { trace } = projectRequire('./dist')
  const settings = { timeout: 60_000, ...options, env: { ...process.env, ...env } }
  try {
    return await trace(file, args, settings)
  } catch (error) {
    if (error.trace) return error.trace
    throw error
  }
}

function sourceOf(dependency) {
  return dependency === undefined ? '@typescript/native-preview-linux-x64' : dependency.replace(/^npm:/, '')
}
