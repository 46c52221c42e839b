// The real Go program that comes with the packages: TypeScript's native compiler, stripped, 23,000 functions.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { projectRequire } from './project.mjs'

/** The native compiler of the package `@typescript/native-preview` for this machine. */
export function findTsgo() {
  const preview = createRequire(projectRequire.resolve('@typescript/native-preview/package.json'))
  const platform = preview.resolve(`@typescript/native-preview-${process.platform}-${process.arch}/package.json`)
  return join(dirname(platform), 'lib', 'tsgo')
}
