// The programs that are traced: built by go where it is installed, else TypeScript's compiler stands in.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { at, findCommand, runQuietly } from '../support/project.mjs'
import { findTsgo } from '../support/tsgo.mjs'
import { WORK } from './peer.mjs'

/** TypeScript's native compiler: 24 MB, 23,000 functions, stripped. */
export function tsgo() {
  return findTsgo()
}

/** The small program: an empty hello, or null without a go command. */
export function hello() {
  return build('hello', { 'main.go': readFileSync(at('test/fixtures/go/hello/main.go'), 'utf8') })
}

/** A program with `count` init functions that do next to nothing, ten to a package. */
export function manyInits(count) {
  const packages = Math.ceil(count / 10)
  const names = Array.from({ length: packages }, (_, n) => `p${String(n).padStart(3, '0')}`)
  const files = Object.fromEntries(
    names.map((name, n) => {
      const functions = Array.from({ length: Math.min(10, count - 10 * n) }, () => 'func init() { Count++ }')
      return [`${name}/${name}.go`, [`package ${name}`, 'var Count int', ...functions, ''].join('\n')]
    }),
  )
  return build(`inits${count}`, { ...files, 'main.go': importing(names) })
}

/** Milliseconds that the inits of {@link busyInits} are to take, roughly: the work is counted, not timed. */
export const BUSY_MS = [1, 1.5, 2, 3, 5, 8, 13, 20]

/** A program whose packages `b0`, `b1`, … each have one init that computes. */
export function busyInits() {
  const names = BUSY_MS.map((_, n) => `b${n}`)
  const files = Object.fromEntries(
    names.map((name, n) => [`${name}/${name}.go`, busyPackage(name, Math.round(BUSY_MS[n] * 1_000_000))]),
  )
  return build('busy', { ...files, 'main.go': importing(names) })
}

function busyPackage(name, rounds) {
  return `package ${name}

var Sum uint64 = 1

func init() {
	for i := 0; i < ${rounds}; i++ {
		Sum = Sum*6364136223846793005 + 1442695040888963407
	}
}
`
}

/** Rounds of {@link slowedDown} that stand for its own work: about a millisecond. */
export const SLOWED_ROUNDS = 1_000_000

/** A program whose init computes for as many rounds as its argument says. */
export function slowedDown() {
  const text = `package main

import (
	"os"
	"strconv"
)

var Sum uint64 = 1

func init() {
	rounds, _ := strconv.Atoi(os.Args[1])
	for i := 0; i < rounds; i++ {
		Sum = Sum*6364136223846793005 + 1442695040888963407
	}
}

func main() {}
`
  return build('slowed', { 'main.go': text })
}

function importing(names) {
  return `package main

import (
${names.map((name) => `\t_ "bench/${name}"`).join('\n')}
)

func main() {}
`
}

const LARGE = ['kubectl', 'hugo', 'dockerd', 'docker', 'terraform', 'gh']

/** Large Go programs of this machine: those of PREMAIN_BENCH_LARGE (paths with colons between), else what PATH has. */
export function largePrograms() {
  const named = process.env.PREMAIN_BENCH_LARGE?.split(':').filter((path) => existsSync(path))
  const found = named ?? LARGE.map(findCommand).filter((path) => path !== null)
  return [...new Set(found.map((path) => realpathSync(path)))]
}

/** Builds a module of these files once; its path, or null without a go command. */
function build(name, files) {
  if (findCommand('go') === null) return null
  const all = { ...files, 'go.mod': 'module bench\n\ngo 1.21\n' }
  const key = createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 12)
  const folder = join(WORK, `${name}-${key}`)
  const output = join(folder, name)
  if (existsSync(output)) return output
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  runQuietly(`The build of ${name}`, 'go', ['build', '-o', output, '.'], {
    cwd: folder,
    env: { ...process.env, GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' },
  })
  return output
}
