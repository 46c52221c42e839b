/** What the tests of `lib/image` share: fixtures in all link modes, altered copies, and the words of other tools. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openImage } from '../../lib/image/image'
import type { FileAddress, ProgramImage } from '../../lib/image/types'
import { type BuildOptions, buildFixture, missingGo } from '../support/fixtures'
import { missingCommand } from '../support/skip'

/** A fixture in one link mode. */
export interface Variant extends BuildOptions {
  name: string
  fixture: string
  /** Why it cannot be built here, or null. */
  missing: string | null
}

const stripped = '-ldflags=-s -w'
const modes: (Pick<Variant, 'name' | 'fixture'> & BuildOptions & { needsGcc?: boolean })[] = [
  { name: 'static', fixture: 'inits' },
  { name: 'static, stripped', fixture: 'inits', flags: [stripped] },
  { name: 'pie', fixture: 'inits', flags: ['-buildmode=pie'] },
  { name: 'pie, stripped', fixture: 'inits', flags: ['-buildmode=pie', stripped] },
  { name: 'cgo by net', fixture: 'net', env: { CGO_ENABLED: '1' }, needsGcc: true },
  ...[
    { name: 'external', flags: ['-ldflags=-linkmode=external'] },
    { name: 'external, static', flags: ['-ldflags=-linkmode=external -extldflags=-static'] },
    { name: 'external pie, stripped', flags: ['-buildmode=pie', `${stripped} -linkmode=external`] },
    { name: 'static-pie', flags: ['-buildmode=pie', '-ldflags=-linkmode=external -extldflags=-static-pie'] },
    {
      name: 'external pie, RELR',
      flags: ['-buildmode=pie', '-ldflags=-linkmode=external -extldflags=-Wl,-z,pack-relative-relocs'],
    },
  ].map((mode) => ({ ...mode, fixture: 'net', env: { CGO_ENABLED: '1' }, needsGcc: true })),
]

/** Go releases that the tests build with, beside the installed one. */
export const toolchains = ['1.21.13', '1.23.12', '1.25.5', '1.27.0']

/** All link modes with the installed Go, and the two most different ones with the other releases. */
export const variants: Variant[] = [
  ...modes.map((mode) => variant(mode)),
  ...toolchains.flatMap((toolchain) =>
    modes
      .filter(({ name }) => ['static', 'pie, stripped', 'external pie, stripped'].includes(name))
      .map((mode) => variant({ ...mode, toolchain, name: `${mode.name}, go${toolchain}` })),
  ),
]

function variant({ needsGcc, ...mode }: (typeof modes)[number]): Variant {
  return { ...mode, missing: missingGo(mode.toolchain) ?? (needsGcc ? missingCommand('gcc') : null) }
}

/** Builds a variant; throws where it is missing: ask {@link Variant.missing} first. */
export function build({ fixture, flags, env, toolchain }: Variant): string {
  const options = { ...(flags && { flags }), ...(env && { env }), ...(toolchain && { toolchain }) }
  return buildFixture(fixture, options) as string
}

let scratch: string | null = null

/** A path for a file of this test file; {@link removeScratch} removes them all. */
export function scratchFile(name: string): string {
  scratch ??= mkdtempSync(join(tmpdir(), 'premain-image-'))
  return join(scratch, name)
}

/** Removes what the tests wrote. */
export function removeScratch(): void {
  if (scratch !== null) rmSync(scratch, { recursive: true, force: true })
  scratch = null
}

/** A new empty folder among the scratch files. */
export function scratchFolder(name: string): string {
  const folder = scratchFile(name)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Writes a scratch file, executable unless a mode is given. */
export function writeScratch(name: string, content: string | Buffer, mode = 0o755): string {
  const file = scratchFile(name)
  writeFileSync(file, content, { mode })
  return file
}

/** A copy without symbols and debugging information, at the same addresses. */
export function withoutSymbols(file: string): string {
  const copy = scratchFile('no-symbols')
  execFileSync('objcopy', ['--strip-all', file, copy])
  return copy
}

/** A copy without section headers. */
export function withoutSections(file: string): string {
  return altered(file, 'no-sections', (bytes) => bytes.fill(0, 0x28, 0x30).fill(0, 0x3a, 0x40))
}

/** A copy of a PIE whose relocated words hold zeros, as lld leaves them: only DT_RELA has the addends. */
export function withoutAddends(file: string): string {
  const bias = [...output('readelf', ['-lW', file]).matchAll(/^ {2}LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+)/gm)].map((row) =>
    row.slice(1).map(Number),
  )
  const places = [...output('readelf', ['-rW', file]).matchAll(/^([0-9a-f]{16}) .* R_X86_64_RELATIVE /gm)]
  return altered(file, 'no-addends', (bytes) => {
    for (const [, place] of places) {
      const address = Number.parseInt(place!, 16)
      const [offset, vaddr] = bias.find(([, start, size]) => address >= start! && address < start! + size!)!
      bytes.fill(0, offset! + address - vaddr!, offset! + address - vaddr! + 8)
    }
  })
}

/** A copy that `change` has worked on. */
export function altered(file: string, name: string, change: (bytes: Buffer) => void): string {
  const copy = scratchFile(name)
  copyFileSync(file, copy)
  const bytes = readFileSync(copy)
  change(bytes)
  writeFileSync(copy, bytes)
  return copy
}

/** Opens an image for the length of a function. */
export function withImage<T>(file: string, use: (image: ProgramImage) => T): T {
  const image = openImage(file)
  try {
    return use(image)
  } finally {
    image.close()
  }
}

/** What a command printed. */
export function output(command: string, args: string[], env: Record<string, string> = {}): string {
  const options = { encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C.UTF-8', ...env } } as const
  return execFileSync(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Symbols by `nm`: addresses by name, several where a name has several. */
export function nm(file: string): Map<string, number[]> {
  const symbols = new Map<string, number[]>()
  for (const line of output('nm', [file]).split('\n')) {
    const [, address, name] = /^([0-9a-f]+) \S (.*)$/.exec(line) ?? []
    if (address === undefined || name === undefined) continue
    symbols.set(name, [...(symbols.get(name) ?? []), Number.parseInt(address, 16)])
  }
  return symbols
}

/** A number as an address. */
export function at(address: number): FileAddress {
  return address as FileAddress
}
