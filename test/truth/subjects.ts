/** The programs that are held against other tools: small ones in every link mode and of several Go releases, real ones. */
import { build, type Variant, variants } from '../image/support'
import { type CorpusProgram, corpus, missingProgram } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'

/** One program, and how to run it so that it does nothing. */
export interface Subject {
  name: string
  /** Why it is not here, or null. */
  missing: string | null
  /** Its path; builds it first where it is a fixture. */
  file(): string
  args: string[]
  /** Its whole environment. */
  env: Record<string, string>
  /** It has a symbol table. */
  symbols: boolean
  /** The Go release, such as `1.21.13`; null: the one that is installed. */
  goVersion: string | null
  /** Without PT_INTERP. */
  static: boolean
}

const environment = process.env as Record<string, string>

function fixtureSubject(variant: Variant): Subject {
  const { name, missing, flags = [], toolchain } = variant
  return {
    name,
    missing,
    file: () => build(variant),
    args: [],
    env: environment,
    symbols: !flags.join(' ').includes('-s -w'),
    goVersion: toolchain ?? null,
    static: /^static|external, static/.test(name),
  }
}

function corpusSubject(program: CorpusProgram): Subject {
  const { name, file, args, env, stripped, goVersion } = program
  return {
    name,
    missing: missingProgram(program),
    file: () => file,
    args,
    env: { ...environment, ...env },
    symbols: !stripped,
    goVersion,
    static: program.static,
  }
}

/** The oldest releases that are traced; before 1.11 a program of several packages has to lie in GOPATH. */
const oldest: Subject[] = ['1.10.8', '1.11.13'].flatMap((toolchain) =>
  ['static', 'static, stripped'].map((mode) => ({
    name: `${mode}, go${toolchain}`,
    missing: missingGo(toolchain),
    file: () => buildFixture('hello', { toolchain, ...(mode !== 'static' && { flags: ['-ldflags=-s -w'] }) }) as string,
    args: [],
    env: environment,
    symbols: mode === 'static',
    goVersion: toolchain,
    static: true,
  })),
)

/** The minor version of the Go release that built it; of the installed one, a number above all. */
export const minorOf = ({ goVersion }: Subject): number => Number(goVersion?.split('.')[1] ?? 99)

/** Fixtures: all link modes with the installed Go, then the other releases. */
export const fixtures: Subject[] = [
  ...variants.filter(({ name }) => !/^(pie|external pie), stripped, go/.test(name)).map(fixtureSubject),
  ...oldest,
]

/** Every real program. */
export const realPrograms: Subject[] = corpus.map(corpusSubject)

/** All of them. */
export const subjects: Subject[] = [...fixtures, ...realPrograms]

/** One of them. */
export function subject(name: string): Subject {
  const found = subjects.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no program ${name}`)
  return found
}
