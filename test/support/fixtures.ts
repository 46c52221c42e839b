/**
 * Small Go programs, one folder each in `test/fixtures/go/`, built once for each source, flags and Go version into
 * `test/fixtures/.cache/`.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { missingCommand } from './skip'

const sources = join(__dirname, '..', 'fixtures', 'go')
const cache = join(__dirname, '..', 'fixtures', '.cache')

/** How to build a fixture. */
export interface BuildOptions {
  /** Arguments of `go build`, such as `['-ldflags=-s -w']` or `['-buildmode=pie']`. */
  flags?: string[]
  /** More environment, such as `{ CGO_ENABLED: '1' }`; cgo is off unless said otherwise. */
  env?: Record<string, string>
  /** A Go release, such as `1.21.13` (the go command fetches it); default: the one that is installed. */
  toolchain?: string
}

/** Why fixtures of this Go release cannot be built here, or null when they can. */
export function missingGo(toolchain?: string): string | null {
  const missing = missingCommand('go')
  if (missing !== null || toolchain === undefined) return missing
  return memo(`go-${toolchain}`, () => go(['version'], { toolchain }).status === 0)
    ? null
    : `no Go ${toolchain}, and the go command cannot fetch it`
}

/** Builds a fixture and returns its path; null where `missingGo` has a reason. A source that does not compile throws. */
export function buildFixture(name: string, options: BuildOptions = {}): string | null {
  if (missingGo(options.toolchain) !== null) return null
  const output = join(cache, `${name}-${fingerprint(name, options)}`, name)
  if (existsSync(output)) return output
  const unfinished = `${output}.${process.pid}`
  const result = go(['build', '-o', unfinished, ...(options.flags ?? []), `./${name}`], options)
  if (result.status !== 0) throw new Error(`go build ./${name} failed:\n${result.stderr}`)
  renameSync(unfinished, output)
  return output
}

/**
 * Builds a fixture of `-linkshared`: Go's runtime in a shared library beside it, the other packages in the program. Null
 * where `missingGo` has a reason.
 */
export function buildLinkshared(name: string): string | null {
  if (missingGo() !== null) return null
  const env = { CGO_ENABLED: '1' }
  const packages = join(cache, `runtime-shared-${fingerprint('bare', { env })}`)
  if (!existsSync(join(packages, 'libruntime.so'))) {
    const unfinished = `${packages}.${process.pid}`
    const built = go(['install', '-pkgdir', unfinished, '-buildmode=shared', 'runtime'], { env })
    if (built.status !== 0) throw new Error(`go install -buildmode=shared runtime failed:\n${built.stderr}`)
    renameSync(unfinished, packages)
  }
  return buildFixture(name, { flags: ['-pkgdir', packages, '-linkshared'], env })
}

function go(args: string[], { env, toolchain }: BuildOptions): SpawnSyncReturns<string> {
  const release = toolchain === undefined ? { GOTOOLCHAIN: 'local' } : { GOTOOLCHAIN: `go${toolchain}` }
  // Until 1.17 there is nothing to leave out; a flag of no effect then keeps those of the user's own configuration away.
  const flags = Number(toolchain?.split('.')[1] ?? 18) < 18 ? '-mod=readonly' : '-buildvcs=false'
  return spawnSync('go', args, {
    cwd: sources,
    encoding: 'utf8',
    env: { ...process.env, GOFLAGS: flags, GO111MODULE: 'on', CGO_ENABLED: '0', ...release, ...env },
  })
}

function fingerprint(name: string, options: BuildOptions): string {
  const hash = createHash('sha256').update(JSON.stringify(options))
  if (options.toolchain === undefined) hash.update(go(['version'], {}).stdout)
  for (const file of ['go.mod', ...filesBelow(name)]) hash.update(`${file}\0`).update(readFileSync(join(sources, file)))
  return hash.digest('hex').slice(0, 12)
}

function filesBelow(name: string): string[] {
  return readdirSync(join(sources, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(sources.length + 1))
    .sort()
}

/** An answer that does not change, asked once for all test files. A `no` is asked again by the next run. */
function memo(key: string, ask: () => boolean): boolean {
  const file = join(cache, key)
  if (existsSync(file)) return true
  if (!ask()) return false
  mkdirSync(cache, { recursive: true })
  writeFileSync(file, '')
  return true
}
