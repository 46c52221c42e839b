/**
 * The corpus: real Go programs, as npm delivers them, of many Go versions. `scripts/corpus.mjs` installs it.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** One real program. */
export interface CorpusProgram {
  /** Unique in the corpus, with the Go version in it. */
  name: string
  /** Where it is, installed or not. */
  file: string
  /** The Go release that made it, such as `1.19.4`: what its publisher's build says. */
  goVersion: string
  /** Arguments with which it does nothing and ends by itself. */
  args: string[]
  /** What must be added to the environment for that. */
  env: Record<string, string>
  machine: 'x86_64' | 'aarch64'
  /** Without PT_INTERP. */
  static: boolean
  stripped: boolean
  /** It has a readable `.go.buildinfo`. */
  buildinfo: boolean
}

const folder = join(__dirname, '..', 'fixtures', 'corpus', 'node_modules')

type Row = Partial<CorpusProgram> & Pick<CorpusProgram, 'name' | 'file' | 'goVersion'>

const rows: Row[] = [
  { name: 'buildifier-go1.12', file: 'buildifier', goVersion: '1.12.5', stripped: false, buildinfo: false },
  { name: 'esbuild-go1.13', file: 'bin/esbuild', goVersion: '1.13.8', stripped: false },
  { name: 'esbuild-go1.14', file: 'bin/esbuild', goVersion: '1.14.2', stripped: false },
  { name: 'esbuild-go1.15', file: 'bin/esbuild', goVersion: '1.15' },
  { name: 'esbuild-go1.16', file: 'bin/esbuild', goVersion: '1.16.2' },
  { name: 'esbuild-go1.17', file: 'bin/esbuild', goVersion: '1.17.2' },
  { name: 'esbuild-go1.18', file: 'bin/esbuild', goVersion: '1.18' },
  { name: 'esbuild-go1.19', file: 'bin/esbuild', goVersion: '1.19.4' },
  {
    name: 'mkcert-go1.19-dynamic',
    file: 'bin/mkcert',
    goVersion: '1.19.8',
    args: ['-version'],
    static: false,
    stripped: false,
  },
  { name: 'esbuild-go1.20', file: 'bin/esbuild', goVersion: '1.20.12' },
  { name: 'lefthook-go1.21', file: 'bin/lefthook', goVersion: '1.21.1', args: ['version'] },
  { name: 'esbuild-go1.22', file: 'bin/esbuild', goVersion: '1.22.5' },
  { name: 'esbuild-go1.23', file: 'bin/esbuild', goVersion: '1.23.8' },
  {
    name: 'bazelisk-go1.24',
    file: 'bazelisk-linux_amd64',
    goVersion: '1.24.0',
    args: ['version'],
    // It would fetch a Bazel and run that.
    env: { USE_BAZEL_VERSION: '/bin/true' },
  },
  { name: 'esbuild-go1.25', file: 'bin/esbuild', goVersion: '1.25.7', buildinfo: false },
  { name: 'buf-go1.27', file: 'bin/buf', goVersion: '1.27.3' },
  { name: 'esbuild-arm64', file: 'bin/esbuild', goVersion: '1.23.8', machine: 'aarch64' },
]

/** Every program of the corpus for x86-64, oldest first, then TypeScript's compiler, which the main lock brings. */
export const corpus: CorpusProgram[] = [
  ...rows.map(complete).filter((program) => program.machine === 'x86_64'),
  { ...complete({ name: 'tsgo-go1.26', file: '', goVersion: '1.26.4' }), file: findTsgo() },
]

/** A program for arm64: real, Go, and not for this machine. */
export const arm64Program: CorpusProgram = corpusRow('esbuild-arm64')

/** The program that the demo traces. */
export const tsgo: CorpusProgram = corpus.at(-1)!

/** A program of the corpus by its name. */
export function corpusProgram(name: string): CorpusProgram {
  const program = corpus.find((candidate) => candidate.name === name)
  if (program === undefined) throw new Error(`no ${name} in the corpus`)
  return program
}

/** Why tests of this program cannot run, or null when it is installed. */
export function missingProgram(program: CorpusProgram): string | null {
  return existsSync(program.file) ? null : `${program.name} is not installed (npm run corpus)`
}

function corpusRow(name: string): CorpusProgram {
  return complete(rows.find((row) => row.name === name)!)
}

function complete(row: Row): CorpusProgram {
  const defaults = { args: ['--version'], machine: 'x86_64', static: true, stripped: true, buildinfo: true } as const
  return { ...defaults, args: [...defaults.args], env: {}, ...row, file: join(folder, row.name, row.file) }
}

function findTsgo(): string {
  const preview = createRequire(require.resolve('@typescript/native-preview/package.json'))
  const platform = preview.resolve(`@typescript/native-preview-linux-${process.arch}/package.json`)
  return join(dirname(platform), 'lib', 'tsgo')
}
