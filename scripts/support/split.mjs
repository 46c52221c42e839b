// A bundle in several files: one with what is needed at once, others that are read when it comes to that. They take the
// modules that the first one holds from it: a class stays one class, and what a module remembers it remembers once.
import { relative } from 'node:path'
import { at, root } from './project.mjs'

/**
 * Builds `options.entryPoints` into `options.outfile`, and into files beside it the modules for whose `require()`
 * `laterIn({ name, importer })` names one, each with what only they need. Names are paths from the root.
 *
 * @returns the metafiles
 */
export async function buildSplit(build, options, laterIn) {
  const late = new Map()
  const first = (held, more) =>
    build({ ...options, ...more, plugins: [...options.plugins, leaveLate(laterIn, { late, held })] })
  const { metafile } = await first([], { write: false })
  const taken = new Set()
  const built = []
  for (const [file, names] of late) {
    const plugin = takeHeld(metafile.inputs, taken)
    const stdin = { contents: entryOf(names), resolveDir: root }
    const outfile = at(options.outfile, '..', file)
    built.push(await build({ ...options, entryPoints: [], stdin, outfile, plugins: [...options.plugins, plugin] }))
  }
  return [await first(taken), ...built].map((result) => result.metafile)
}

/** The first file: a late module is what its file gives for its name and the table of modules that are held for it. */
function leaveLate(laterIn, { late, held }) {
  return modulesInstead({
    instead({ name, importer, kind }) {
      const file = kind === 'require-call' ? laterIn({ name, importer }) : null
      if (!file) return null
      late.set(file, (late.get(file) ?? new Set()).add(name))
      return `module.exports = require('outside:${file}')(${JSON.stringify(name)}, require('modules:held'))`
    },
    held: `module.exports = ${tableOf(held)}`,
  })
}

/** A late file: what the first one holds comes from its table. */
function takeHeld(inputs, taken) {
  return modulesInstead({
    instead({ name }) {
      if (!Object.hasOwn(inputs, name)) return null
      taken.add(name)
      return `module.exports = require('modules:held').table[${JSON.stringify(name)}]()`
    },
    held: 'exports.table = null',
  })
}

function entryOf(late) {
  return `const modules = ${tableOf(late)}
    module.exports = (name, table) => {
      require('modules:held').table = table
      return modules[name]()
    }`
}

function tableOf(names) {
  return `{ ${[...names].map((name) => `${JSON.stringify(name)}: () => require('./${name}')`).join(', ')} }`
}

/** An esbuild plugin: the text of `instead`, where there is one, for a module, and `held` for `modules:held`. */
function modulesInstead({ instead, held }) {
  const namespace = 'instead'
  const asked = Symbol(namespace)
  return {
    name: namespace,
    setup({ onLoad, onResolve, resolve }) {
      onResolve({ filter: /^modules:held$/ }, ({ path }) => ({ path, namespace, pluginData: held }))
      onResolve({ filter: /^outside:/ }, ({ path }) => ({ path: path.replace('outside:', './'), external: true }))
      onResolve({ filter: /./ }, async ({ path, pluginData, importer, kind, resolveDir }) => {
        if (pluginData === asked || kind === 'entry-point' || importer === '<stdin>') return null
        const found = await resolve(path, { importer, kind, resolveDir, pluginData: asked })
        const name = relative(root, found.path)
        const text = found.external ? null : instead({ name, importer: relative(root, importer), kind })
        // .cjs, whatever the module itself is
        return text === null ? null : { path: `${name}.cjs`, namespace, pluginData: text }
      })
      onLoad({ filter: /./, namespace }, ({ pluginData: contents }) => ({ contents, resolveDir: root }))
    },
  }
}
