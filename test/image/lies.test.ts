/** Files of a gigabyte, most of it holes, whose tables claim all of it: soon understood or refused, in bounded memory. */
import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from '../../lib/plan/inspect'
import { removeScratch, scratchFile } from './support'

afterAll(removeScratch)

const MB = 2 ** 20
const GB = 2 ** 30
const BASE = 0x400000

/** No parse may take longer, in milliseconds, nor make the process grow by more, in bytes. */
const LONGEST = 1000
const LARGEST = 512 * MB

/** Where sections, their names and other tables are put. */
const NAMES_AT = 8192
const TABLES_AT = 64 * MB
const SECTIONS_AT = 900 * MB

const NAMES = Buffer.from('\0.gopclntab\0.data\0.symtab\0.strtab\0')

interface Header {
  type: number
  flags?: number
  offset: number
  vaddr?: number
  size: number
}

interface SectionHeader {
  name?: string
  type: number
  offset: number
  size: number
  link?: number
  entsize?: number
}

interface Lie {
  programs: Header[]
  sections?: SectionHeader[]
  pieces?: [offset: number, bytes: Buffer][]
}

/** `value` as eight bytes at each of these places. */
function words(length: number, ...values: [at: number, value: number][]): Buffer {
  const bytes = Buffer.alloc(length)
  for (const [at, value] of values) bytes.writeBigUInt64LE(BigInt(value), at)
  return bytes
}

function programHeader({ type, flags = 6, offset, vaddr = BASE, size }: Header): Buffer {
  const bytes = words(56, [8, offset], [16, vaddr], [24, vaddr], [32, size], [40, size], [48, 4096])
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(flags, 4)
  return bytes
}

function sectionHeader({ name = '', type, offset, size, link = 0, entsize = 0 }: SectionHeader): Buffer {
  const bytes = words(64, [16, BASE + offset], [24, offset], [32, size], [56, entsize])
  bytes.writeUInt32LE(NAMES.indexOf(`\0${name}\0`) + 1, 0)
  bytes.writeUInt32LE(type, 4)
  bytes.writeUInt32LE(link, 40)
  return bytes
}

/** Writes a lie; its first section is the null one, its second has the names. */
function written(name: string, { programs, sections = [], pieces = [] }: Lie): string {
  const file = scratchFile(name)
  const all: SectionHeader[] = [
    { type: 0, offset: 0, size: 0 },
    { type: 3, offset: NAMES_AT, size: NAMES.length },
    ...sections,
  ]
  const head = words(64, [24, BASE], [32, 64], [40, sections.length === 0 ? 0 : SECTIONS_AT])
  head.write('\x7fELF\x02\x01\x01', 'latin1')
  for (const [at, value] of [
    [16, 2],
    [18, 62],
    [54, 56],
    [56, programs.length],
    [58, 64],
    [60, all.length],
    [62, 1],
  ] as const)
    head.writeUInt16LE(value, at)
  const fd = openSync(file, 'w', 0o755)
  ftruncateSync(fd, GB)
  const put = (offset: number, bytes: Buffer): void => void writeSync(fd, bytes, 0, bytes.length, offset)
  put(0, Buffer.concat([head, ...programs.map(programHeader)]))
  if (sections.length > 0) put(SECTIONS_AT, Buffer.concat(all.map(sectionHeader)))
  put(NAMES_AT, NAMES)
  for (const [offset, bytes] of pieces) put(offset, bytes)
  closeSync(fd)
  return file
}

const LOAD = { type: 1, offset: 0, size: GB }
const SMALL_LOAD = { type: 1, offset: 0, size: 4096 }

/** A pclntab of the format of 1.20 with so many functions and, where it shall not be believed, an end before them. */
function pclntab(count: number, believable = true): [number, Buffer][] {
  const [at, funcs, far] = [TABLES_AT, 4096, GB / 2]
  const header = words(72, [8, count], [24, BASE], [32, GB / 4], [40, far], [48, far], [56, far], [64, funcs])
  header.writeUInt32LE(0xfffffff1, 0)
  header.writeUInt8(1, 6)
  header.writeUInt8(8, 7)
  const table = new Uint32Array(2 * count + 1)
  for (let i = 0; i < count; i++) table.set([16 * i, 8 * count + 8 + 4 * i], 2 * i)
  table[2 * count] = believable ? 16 * count : 0
  return [
    [at, header],
    [at + funcs, Buffer.from(table.buffer)],
  ]
}

/** DT_RELA with so many entries in no order, in a file that does not hold their addends. */
function relocations(count: number): [number, Buffer][] {
  const table = Buffer.alloc(24 * count)
  for (let i = 0; i < count; i++) {
    table.writeUInt32LE(BASE + (Math.imul(i, 2654435761) >>> 2), 24 * i)
    table.writeUInt32LE(8, 24 * i + 8)
    table.writeUInt32LE(i + 1, 24 * i + 16)
  }
  return [
    [NAMES_AT * 2, words(64, [0, 7], [8, BASE + TABLES_AT], [16, 8], [24, table.length])],
    [TABLES_AT, table],
  ]
}

const MOST_FUNCTIONS = (1 << 21) - 1

const LIES: Record<string, () => Lie> = {
  'nothing but zeros': () => ({ programs: [LOAD] }),
  'a thousand segments over the same gigabyte': () => ({
    programs: Array.from({ length: 1000 }, (_, i) => ({ ...LOAD, vaddr: BASE + i * 2 * GB })),
  }),
  "a dynamic linker's path of a gigabyte": () => ({ programs: [SMALL_LOAD, { type: 3, offset: 0, size: GB }] }),
  'a gigabyte of symbols and of their names': () => ({
    programs: [SMALL_LOAD],
    sections: [
      { name: '.symtab', type: 2, offset: 0, size: GB - (GB % 24), link: 3, entsize: 24 },
      { name: '.strtab', type: 3, offset: 0, size: GB },
    ],
  }),
  'sixty thousand sections': () => ({
    programs: [SMALL_LOAD],
    sections: Array.from({ length: 60_000 }, () => ({ name: '.data', type: 1, offset: 0, size: GB })),
  }),
  'notes without end': () => ({
    programs: [SMALL_LOAD, ...Array.from({ length: 1000 }, () => ({ type: 4, offset: TABLES_AT, size: MB }))],
  }),
  'four million relocations in no order': () => ({
    programs: [LOAD, { type: 2, offset: NAMES_AT * 2, size: 64 }],
    pieces: relocations(4 << 20),
  }),
  'two million functions, and data sections to search for their module data': () => ({
    programs: [{ ...LOAD, flags: 5 }],
    sections: Array.from({ length: 60_000 }, () => ({ name: '.data', type: 1, offset: 0, size: GB })),
    pieces: pclntab(MOST_FUNCTIONS),
  }),
  'eight million functions': () => ({ programs: [{ ...LOAD, flags: 5 }], pieces: pclntab((1 << 23) - 1) }),
  'sixty thousand function tables, none of which holds': () => ({
    programs: [{ ...LOAD, flags: 5 }],
    sections: Array.from({ length: 60_000 }, () => ({
      name: '.gopclntab',
      type: 1,
      offset: TABLES_AT,
      size: GB - TABLES_AT,
    })),
    pieces: pclntab(MOST_FUNCTIONS, false),
  }),
}

/**
 * Inspects a file as it is done outside of Jest, whose own copies of Node's classes take twice the time. It may be refused,
 * by a PremainError. In CPU time: others may keep the cores.
 */
const SCRIPT = `
  const { inspect, PremainError } = require(process.argv[1])
  const before = process.memoryUsage().rss
  const began = process.cpuUsage()
  inspect(process.argv[2])
    .catch((error) => { if (!(error instanceof PremainError)) throw error })
    .then(() => {
      const { user, system } = process.cpuUsage(began)
      const grown = process.resourceUsage().maxRSS * 1024 - before
      console.log(JSON.stringify({ took: (user + system) / 1000, grown }))
    })`

function inspected(file: string): { took: number; grown: number } {
  const built = join(__dirname, '..', '..', 'dist', 'index.js')
  return JSON.parse(execFileSync(process.execPath, ['-e', SCRIPT, built, file], { encoding: 'utf8' }))
}

test.each(Object.keys(LIES))(
  '%s',
  (name) => {
    const file = written('lie', (LIES[name] as () => Lie)())
    try {
      const first = inspected(file)
      // The kernel makes a page for every hole that is read, and a busy machine is slow once; a bad parse is slow again.
      const { took } = first.took <= LONGEST ? first : inspected(file)
      expect(took).toBeLessThanOrEqual(LONGEST)
      expect(first.grown).toBeLessThanOrEqual(LARGEST)
    } finally {
      rmSync(file)
    }
  },
  60_000,
)

test('a table of two million functions is believed, one of eight million is not', async () => {
  const file = written('many', { programs: [{ ...LOAD, flags: 5 }], pieces: pclntab(MOST_FUNCTIONS) })
  expect((await inspect(file)).functions).toBe(MOST_FUNCTIONS)
  rmSync(file)
  const more = written('more', { programs: [{ ...LOAD, flags: 5 }], pieces: pclntab(MOST_FUNCTIONS + 2) })
  expect((await inspect(more)).functions).toBe(0)
}, 60_000)
