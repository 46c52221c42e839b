// TypeScript sources of the tree, loaded by scripts that need what the package does not export.
import { readFileSync } from 'node:fs'
import Module from 'node:module'
import { at, projectRequire } from './project.mjs'

/** The exports of a TypeScript file, relative to the root. Its imports may be TypeScript too. */
export function loadTypeScript(file) {
  const { transformSync } = projectRequire('@swc/core')
  Module._extensions['.ts'] ??= (module, filename) => {
    const { code } = transformSync(readFileSync(filename, 'utf8'), {
      filename,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'commonjs' },
    })
    module._compile(code, filename)
  }
  return projectRequire(at(file))
}
