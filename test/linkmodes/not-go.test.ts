/** Programs that are not Go, or hold Go without being it: steps 1 to 5, the rest not applicable, never a wrong claim. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toText } from '../../lib/export/text'
import { inspect, launch, type PremainError, type Trace, trace } from '../../lib/index'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, type Snapshot, snapshot } from '../support/leaks'
import { missingCommand, testUnless } from '../support/skip'

const sources = join(__dirname, '..', 'fixtures', 'c')
const KERNEL_STEPS = ['execve', 'image', 'stack', 'interp', 'entry']
const CGO = { CGO_ENABLED: '1' }
/** For building a fixture anew, milliseconds. */
const BUILD = 300_000

let folder: string
let before: Snapshot
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-not-go-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

function compile(command: string, ...args: string[]): string {
  const output = join(folder, 'program')
  const { status, stderr } = spawnSync(command, ['-o', output, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return output
}

function statuses(seen: Trace): Record<string, string> {
  return Object.fromEntries(seen.steps.map(({ id, status }) => [id, status]))
}

function expectEntryOnly(seen: Trace, interp: boolean): void {
  expect(seen.outcome).toBe('reached-entry')
  expect(seen.error).toBeNull()
  for (const { id, status, reason, evidence } of seen.steps) {
    const known = KERNEL_STEPS.includes(id) && (interp || id !== 'interp')
    expect([id, status]).toEqual([id, known ? 'observed' : 'not-applicable'])
    if (known) expect(evidence.failures ?? []).toEqual([])
    else expect(reason).toMatch(/\w/)
    if (!KERNEL_STEPS.includes(id)) expect(evidence).toEqual({})
  }
  expect(seen.inits).toEqual([])
}

describe('C', () => {
  const builds: [name: string, command: string, flags: string[], interp: boolean][] = [
    ['dynamic', 'gcc', [], true],
    ['static', 'gcc', ['-static'], false],
    ['static-pie', 'gcc', ['-static-pie'], false],
    ['at a fixed address, stripped', 'gcc', ['-no-pie', '-s'], true],
    ['musl', 'musl-gcc', [], true],
    ['musl, static', 'musl-gcc', ['-static'], false],
  ]
  for (const [name, command, flags, interp] of builds) {
    testUnless(missingCommand(command))(name, async () => {
      const seen = await trace(compile(command, ...flags, join(sources, 'hello.c')))
      expectEntryOnly(seen, interp)
      expect(seen.target.go).toBeNull()
      expect(seen.steps[4]?.evidence.shape).toBe('crt1')
    })
  }

  testUnless(missingCommand('gcc'))('a dynamic linker that is run as a program is no crt1', async () => {
    const { target } = await trace(compile('gcc', join(sources, 'hello.c')))
    const seen = await trace(target.elf?.interpreter as string, [join(folder, 'program')])
    expectEntryOnly(seen, false)
    expect(seen.steps[4]?.evidence.shape).toBeNull()
  })
})

testUnless(missingCommand('rustc', 'gcc'))('Rust', async () => {
  const source = join(folder, 'hello.rs')
  writeFileSync(source, 'fn main() { println!("hello from Rust") }\n')
  expectEntryOnly(await trace(compile('rustc', source)), true)
})

describe('gccgo', () => {
  const source = join(__dirname, '..', 'fixtures', 'go', 'bare', 'main.go')
  for (const flags of [[], ['-s'], ['-static-libgo', '-s']]) {
    testUnless(missingCommand('gccgo'))(
      ['named for what it is', ...flags].join(' '),
      async () => {
        const seen = await trace(compile('gccgo', ...flags, source))
        expectEntryOnly(seen, true)
        expect(seen.steps[8]?.reason).toMatch(/built by gccgo/)
        expectEntryOnly(await trace(join(folder, 'program'), { until: 'schedinit' }), true)
      },
      BUILD,
    )
  }
})

describe('a C program with a Go library in it', () => {
  const withBoth = testUnless(missingGo() ?? missingCommand('gcc'))
  const host = (): string => {
    const archive = buildFixture('library', { flags: ['-buildmode=c-archive'], env: CGO }) as string
    return compile('gcc', join(sources, 'host.c'), '-x', 'none', archive, '-lpthread')
  }

  const shared = (): string => buildFixture('library', { flags: ['-buildmode=c-shared'], env: CGO }) as string
  const linked = (library: string): string =>
    compile('gcc', join(sources, 'host.c'), library, `-Wl,-rpath,${join(library, '..')}`)
  const loading = (): string => compile('gcc', join(sources, 'dlhost.c'), '-ldl')

  /**
   * All steps but the last are the library's, on a thread of its own; what could be compared agrees. On a busy machine the
   * program's own thread may come to its entry point later.
   */
  const expectRuntimeSteps = (seen: Trace): void => {
    expect(seen.outcome).toBe('reached-until')
    const { main, interp, entry, ...others } = statuses(seen)
    expect(main).toBe('not-applicable')
    expect(interp).toBe(entry)
    expect(['observed', 'not-reached']).toContain(entry)
    expect(new Set(Object.values(others))).toEqual(new Set(['observed']))
    expect(seen.inits.at(-1)?.function).toBe('main.init.0')
    expect(seen.steps.flatMap(({ evidence }) => evidence.failures ?? [])).toEqual([])
    expect(seen.stops.find(({ name }) => name === 'runtime.rt0_go')?.tid).not.toBe(seen.pid)
  }

  const expectLibrary = (seen: Trace, library: string): void => {
    expectRuntimeSteps(seen)
    expect(seen.notes).toEqual([`Go’s runtime is in ${library}`])
    expect(seen.target.go?.version).toMatch(/^go1\./)
    const schedinit = seen.stops.find(({ name }) => name === 'runtime.schedinit')
    expect(schedinit?.file).toMatch(/runtime\/proc\.go$/)
    expect(seen.steps.every(({ wallNs }) => wallNs >= 0)).toBe(true)
  }

  withBoth(
    'ends at its entry point',
    async () => {
      const seen = await trace(host())
      expectEntryOnly(seen, true)
      expect(seen.target.go?.version).toMatch(/^go1\./)
      expect(seen.steps[16]?.reason).toMatch(/c-archive/)
    },
    BUILD,
  )

  withBoth(
    'with until past it shows the start of the library’s runtime',
    async () => {
      expectRuntimeSteps(await trace(host(), { until: 'main.init.0' }))
    },
    BUILD,
  )

  withBoth(
    'that is loaded: the host is no Go program, the library no program',
    async () => {
      const library = shared()
      const seen = await trace(linked(library))
      expectEntryOnly(seen, true)
      expect(seen.target.go).toBeNull()
      chmodSync(library, 0o755)
      const refused: PremainError = await trace(library).catch((error) => error)
      expect(refused.code).toBe('UNSUPPORTED')
      expect((await inspect(library)).go?.version).toMatch(/^go1\./)
    },
    BUILD,
  )

  withBoth(
    'that it needs: with until past its entry point, the library’s runtime is stopped at before that entry point',
    async () => {
      const library = shared()
      const seen = await trace(linked(library), { until: 'main.init.0' })
      expectLibrary(seen, library)
      for (const id of ['rt0', 'schedinit', 'newproc', 'mstart', 'sysmon']) {
        expect([id, seen.steps.find((step) => step.id === id)?.evidence.asserted]).toEqual([id, true])
      }
    },
    BUILD,
  )

  withBoth(
    'that it needs, and whose thread is faster than the program’s: the entry point was not reached yet',
    async () => {
      const library = shared()
      const late = join(folder, 'late')
      renameSync(compile('gcc', '-shared', '-fPIC', join(sources, 'late.c'), '-Wl,--no-as-needed', library), late)
      const libraries = ['-Wl,--no-as-needed', late, library, `-Wl,-rpath,${join(library, '..')}`]
      const seen = await trace(compile('gcc', join(sources, 'host.c'), ...libraries), { until: 'main.init.0' })
      expectRuntimeSteps(seen)
      expect(seen.steps.slice(3, 5).map(({ id, status, reason }) => [id, status, reason])).toEqual([
        ['interp', 'not-reached', 'the trace was asked to end at main.init.0'],
        ['entry', 'not-reached', 'the trace was asked to end at main.init.0'],
      ])
    },
    BUILD,
  )

  withBoth(
    'that it loads by dlopen: the same, from where it is loaded',
    async () => {
      const library = shared()
      const seen = await trace(loading(), [library], { until: 'main.init.0' })
      expectLibrary(seen, library)
      const at = (name: string): number => seen.stops.findIndex((stop) => stop.name === name)
      expect(at('runtime.rt0_go')).toBeGreaterThan(at('_start'))
      // where premain waited for it is nobody's wish
      expect(at('_dl_debug_state')).toBeGreaterThan(0)
      expect(toText(seen, { width: 80, color: false, lang: 'en', registers: false, maps: false })).not.toContain(
        '_dl_debug_state',
      )
    },
    BUILD,
  )

  withBoth(
    'that it loads, run on to its end',
    async () => {
      const seen = await trace(loading(), [shared()], { until: 'schedinit', run: true })
      expect(seen.outcome).toBe('reached-until')
      expect(seen.exit).toEqual({ code: 0, signal: null })
      expect(seen.output.stdout).toBe('42\n')
    },
    BUILD,
  )

  withBoth(
    'that it loads, held at every stop: the loader’s are not the consumer’s',
    async () => {
      await using session = launch(loading(), [shared()], { until: 'schedinit' })
      const names: string[] = []
      for await (const stop of session) {
        names.push(stop.name)
        if (stop.name === 'runtime.schedinit') expect(stop.line).toBeGreaterThan(0)
      }
      expect(names.slice(0, 2)).toEqual(['execve', '_start'])
      expect(names.at(-1)).toBe('runtime.schedinit')
      expect(names).not.toContain('_dl_debug_state')
    },
    BUILD,
  )

  withBoth(
    'that it never loads: it has run to its end before any Go',
    async () => {
      const failed: PremainError = await trace(loading(), { until: 'schedinit' }).catch((error) => error)
      expect(failed.code).toBe('EXITED_BEFORE_MAIN')
      const seen = failed.trace as Trace
      expect(seen.exit).toEqual({ code: 3, signal: null })
      expect(statuses(seen).entry).toBe('observed')
    },
    BUILD,
  )

  testUnless(missingCommand('gcc'))(
    'without a way to one, until past the entry point ends there all the same',
    async () => {
      expectEntryOnly(await trace(compile('gcc', join(sources, 'hello.c')), { until: 'schedinit' }), true)
      const refused: PremainError = await trace(join(folder, 'program'), { until: 'main.init.0' }).catch(
        (error) => error,
      )
      expect(refused.code).toBe('INVALID_OPTION')
    },
  )
})

describe('named for what they are', () => {
  testUnless(missingGo())(
    'a 32-bit Go program',
    async () => {
      const refused: PremainError = await trace(buildFixture('hello', { env: { GOARCH: '386' } }) as string).catch(
        (error) => error,
      )
      expect([refused.code, refused.errno]).toEqual(['WRONG_ARCH', 'ENOEXEC'])
      expect(refused.message).toMatch(/32-bit Go program for i386/)
    },
    BUILD,
  )
})
