/** The ways of linking a Go program that are traced, and what each needs of the machine. */
import { type BuildOptions, missingGo } from '../support/fixtures'
import { missingCommand } from '../support/skip'

/** One way of linking. */
export interface LinkMode extends BuildOptions {
  name: string
  fixture: 'inits' | 'cgo' | 'net'
  /** What of the trace follows from the mode. */
  expected: { entry: 'go' | 'crt1'; interp: boolean; cgo: boolean; type: 'EXEC' | 'DYN' }
  /** Linked against a shared library with Go's runtime. */
  linkshared?: true
  /** Why it cannot be built here, or null. */
  missing: string | null
}

const STRIP = '-s -w'
const CGO = { CGO_ENABLED: '1' }
const go = missingGo()
const gcc = go ?? missingCommand('gcc')
const musl = gcc ?? missingCommand('musl-gcc')

const ofGo = { entry: 'go', interp: false, cgo: false, type: 'EXEC' } as const
const ofC = { entry: 'crt1', interp: true, cgo: true, type: 'EXEC' } as const

function external(...flags: string[]): string {
  return ['-ldflags=-linkmode=external', ...flags].join(' ')
}

/** Built with the Go that is installed. */
export const MODES: readonly LinkMode[] = [
  { name: 'static', fixture: 'inits', expected: ofGo, missing: go },
  { name: 'static, stripped', fixture: 'inits', flags: [`-ldflags=${STRIP}`], expected: ofGo, missing: go },
  {
    name: 'PIE by internal link',
    fixture: 'inits',
    flags: ['-buildmode=pie', `-ldflags=${STRIP}`],
    expected: { ...ofGo, interp: true, type: 'DYN' },
    missing: go,
  },
  {
    name: 'cgo of the standard library alone',
    fixture: 'net',
    env: CGO,
    expected: { ...ofGo, interp: true, cgo: true },
    missing: gcc,
  },
  { name: 'cgo, dynamic', fixture: 'cgo', env: CGO, expected: ofC, missing: gcc },
  {
    name: 'cgo, static by glibc',
    fixture: 'cgo',
    flags: [external(STRIP, '-extldflags=-static')],
    env: CGO,
    expected: { ...ofC, interp: false },
    missing: gcc,
  },
  {
    name: 'static-pie',
    fixture: 'cgo',
    flags: ['-buildmode=pie', external(STRIP, '-extldflags=-static-pie')],
    env: CGO,
    expected: { ...ofC, interp: false, type: 'DYN' },
    missing: gcc,
  },
  {
    name: 'PIE by external link, with RELR relocations',
    fixture: 'cgo',
    flags: ['-buildmode=pie', external(STRIP, '-extldflags=-Wl,-z,pack-relative-relocs')],
    env: CGO,
    expected: { ...ofC, type: 'DYN' },
    missing: gcc,
  },
  {
    name: 'musl, dynamic',
    fixture: 'cgo',
    flags: [external()],
    env: { ...CGO, CC: 'musl-gcc' },
    expected: ofC,
    missing: musl,
  },
  {
    name: 'musl, static',
    fixture: 'cgo',
    flags: [external('-extldflags=-static')],
    env: { ...CGO, CC: 'musl-gcc' },
    expected: { ...ofC, interp: false },
    missing: musl,
  },
  {
    name: '-linkshared',
    fixture: 'inits',
    linkshared: true,
    expected: { ...ofC, type: 'DYN' },
    missing: gcc,
  },
  { name: '-race', fixture: 'cgo', flags: ['-race'], env: CGO, expected: ofC, missing: gcc },
  { name: '-asan', fixture: 'cgo', flags: ['-asan'], env: CGO, expected: ofC, missing: gcc },
  { name: 'GOAMD64=v3', fixture: 'inits', env: { GOAMD64: 'v3' }, expected: ofGo, missing: go },
  { name: 'another base', fixture: 'inits', flags: ['-ldflags=-T 0x10000000'], expected: ofGo, missing: go },
  { name: 'segments rounded to 64 KB', fixture: 'inits', flags: ['-ldflags=-R 0x10000'], expected: ofGo, missing: go },
  {
    name: 'functions shuffled',
    fixture: 'inits',
    flags: [`-ldflags=-randlayout=7 ${STRIP}`],
    expected: ofGo,
    missing: go,
  },
  { name: 'without optimisation', fixture: 'inits', flags: ['-gcflags=all=-N -l'], expected: ofGo, missing: go },
]
