/** Small C programs of `test/fixtures/c/`, compiled once for each source into `test/fixtures/.cache/`. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(__dirname, '..', 'fixtures', 'c')
const cache = join(__dirname, '..', 'fixtures', '.cache')

/** Compiles `NAME.c` with gcc, which has to be there, and returns the program's path. */
export function buildC(name: string): string {
  const source = join(folder, `${name}.c`)
  const output = join(cache, `${name}-${createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12)}`)
  if (existsSync(output)) return output
  mkdirSync(cache, { recursive: true })
  const unfinished = `${output}.${process.pid}`
  execFileSync('gcc', ['-O1', '-Wall', '-o', unfinished, source, '-lpthread'])
  renameSync(unfinished, output)
  return output
}
