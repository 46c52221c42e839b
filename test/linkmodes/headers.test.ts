/** Section headers that are gone or lie, and build information that was wiped, change nothing that a trace says. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { trace } from '../../lib/index'
import { buildFixture, missingGo } from '../support/fixtures'
import { missingCommand, testUnless } from '../support/skip'

interface Section {
  name: string
  offset: number
  size: number
  /** Of its header. */
  at: number
}

const E_SHOFF = 0x28
const E_SHNUM = 0x3c
const E_SHSTRNDX = 0x3e
const HEADER_SIZE = 64

function sections(file: Buffer): Section[] {
  const at = (index: number): number => Number(file.readBigUInt64LE(E_SHOFF)) + index * HEADER_SIZE
  const extent = (index: number): [number, number] => [
    Number(file.readBigUInt64LE(at(index) + 24)),
    Number(file.readBigUInt64LE(at(index) + 32)),
  ]
  const [names] = extent(file.readUInt16LE(E_SHSTRNDX))
  return Array.from({ length: file.readUInt16LE(E_SHNUM) }, (_, index) => {
    const name = names + file.readUInt32LE(at(index))
    const [offset, size] = extent(index)
    return { name: file.toString('latin1', name, file.indexOf(0, name)), offset, size, at: at(index) }
  })
}

function withoutHeaders(file: Buffer): void {
  file.fill(0, E_SHOFF, E_SHOFF + 8)
  file.fill(0, 0x3a, 0x40)
}

function withoutBuildInfo(file: Buffer): void {
  const named = ['.go.buildinfo', '.note.go.buildid', '.note.gnu.build-id']
  for (const { name, offset, size } of sections(file)) if (named.includes(name)) file.fill(0, offset, offset + size)
}

const SURGERY: Record<string, (file: Buffer) => void> = {
  'no section headers': withoutHeaders,
  'section headers beyond the file': (file) => void file.writeBigUInt64LE(0xffff_ffff_fff0n, E_SHOFF),
  'an index of names that is none': (file) => void file.writeUInt16LE(0xff00, E_SHSTRNDX),
  'sections that are elsewhere': (file) => {
    for (const { name, at } of sections(file)) {
      if (!/^\.(text|symtab|go|data|noptrdata)/.test(name)) continue
      for (const field of [16, 24]) file.writeBigUInt64LE(file.readBigUInt64LE(at + field) + 0x1000n, at + field)
    }
  },
  'one name for all sections': (file) => {
    for (const { at } of sections(file)) file.writeUInt32LE(1, at)
  },
  'no build information': withoutBuildInfo,
  'neither headers nor build information': (file) => {
    withoutBuildInfo(file)
    withoutHeaders(file)
  },
}

const BUILDS = [
  { name: 'static', fixture: 'inits', options: { flags: ['-ldflags=-s -w'] }, missing: missingGo() },
  { name: 'PIE', fixture: 'inits', options: { flags: ['-buildmode=pie', '-ldflags=-s -w'] }, missing: missingGo() },
  {
    name: 'PIE by external link',
    fixture: 'cgo',
    options: {
      flags: ['-buildmode=pie', '-ldflags=-linkmode=external -s -w'],
      env: { CGO_ENABLED: '1' },
      toolchain: '1.23.12',
    },
    missing: missingGo('1.23.12') ?? missingCommand('gcc'),
  },
]

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-headers-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

for (const { name, fixture, options, missing } of BUILDS) {
  describe(name, () => {
    for (const [what, change] of Object.entries(SURGERY)) {
      testUnless(missing)(
        what,
        async () => {
          const original = buildFixture(fixture, options) as string
          const bytes = readFileSync(original)
          change(bytes)
          const changed = join(folder, 'program')
          writeFileSync(changed, bytes)
          chmodSync(changed, 0o755)
          const [usual, seen] = [await trace(original), await trace(changed)]
          expect(seen.outcome).toBe('reached-main')
          expect(seen.steps.map(({ id, status }) => ({ id, status }))).toEqual(
            usual.steps.map(({ id, status }) => ({ id, status })),
          )
          expect(seen.steps.map(({ evidence }) => evidence.failures ?? [])).toEqual(usual.steps.map(() => []))
          expect(seen.target.go?.version).toBe(usual.target.go?.version)
          expect(seen.inits.map((init) => init.function)).toEqual(usual.inits.map((init) => init.function))
        },
        300_000,
      )
    }
  })
}
