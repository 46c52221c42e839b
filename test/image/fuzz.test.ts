/** Real programs with bytes changed: every outcome is an image or a PremainError, soon, whatever the bytes say. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { PremainError } from '../../lib/errors'
import { describeImage } from '../../lib/image/describe'
import { openImage } from '../../lib/image/image'
import type { ProgramImage } from '../../lib/image/types'
import { testUnless } from '../support/skip'
import { altered, at, build, removeScratch, variants, withImage } from './support'

afterAll(removeScratch)

const MUTATIONS = Number(process.env.PREMAIN_FUZZ ?? 2000)
const SEED = Number(process.env.PREMAIN_FUZZ_SEED ?? 20260)

/** Far above what any file of this size takes: what exceeds it has found a loop or a product of counts. */
const LIMIT_MS = 2000

/** Values that counts, sizes, offsets and addresses break on. */
const EDGES = [
  0n,
  1n,
  7n,
  8n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 32n,
  (1n << 53n) - 1n,
  1n << 53n,
  (1n << 64n) - 1n,
]

/** Numbers below a bound, the same ones for the same seed. */
function generator(seed: number): (below: number) => number {
  const random = xoroshiro128plus(seed)
  return (below) => (random.next() >>> 0) % below
}

/** Ranges of the file whose bytes are read as tables; the rest is code, text and data that hardly matters. */
function targets(file: string): [number, number][] {
  const bytes = readFileSync(file)
  const [phoff, shoff] = [Number(bytes.readBigUInt64LE(0x20)), Number(bytes.readBigUInt64LE(0x28))]
  return withImage(file, ({ go, segments }) => {
    const offset = (address: number): number => {
      const load = segments.find(
        (s) => s.type === 'LOAD' && address >= Number(s.vaddr) && address < Number(s.vaddr) + s.fileSize,
      )!
      return Number(load.offset) + address - Number(load.vaddr)
    }
    const pclntab = offset(go!.pclntab.address)
    const tasks = go!.initTasks.map((task): [number, number] => [offset(task.address!), offset(task.address!) + 40])
    const dynamic = segments.filter(({ type }) => type === 'DYNAMIC' || type === 'NOTE' || type === 'INTERP')
    const main = offset(go!.body('runtime.main')!.entry)
    return [
      [0, 64],
      [phoff, phoff + 56 * bytes.readUInt16LE(0x38)],
      [shoff, shoff + 64 * bytes.readUInt16LE(0x3c)],
      [pclntab, pclntab + 72],
      [pclntab, pclntab + 72],
      [pclntab + 72, pclntab + bytes.length / 8],
      [offset(go!.moduledata!.address), offset(go!.moduledata!.address) + 0x250],
      ...tasks.slice(0, 3),
      ...dynamic.map((s): [number, number] => [Number(s.offset), Number(s.offset) + s.fileSize]),
      [bytes.indexOf('\xff Go buildinf:', 0, 'latin1'), bytes.indexOf('\xff Go buildinf:', 0, 'latin1') + 200],
      [main, main + 800],
      [0, bytes.length],
    ].map(([from, to]): [number, number] => [Math.floor(from!), Math.min(Math.floor(to!), bytes.length)])
  })
}

/** Everything that the later stages ask of an image. */
function exercise(image: ProgramImage): void {
  describeImage(image)
  image.symbols(['runtime.g0', 'main.main'])
  image.nameAt(image.entry)
  image.read(image.entry, 64)
  const { go } = image
  if (go === null) return
  void go.tlsOffset
  void go.statics
  go.pclntab.find(['main.main', 'runtime.main', 'runtime.schedinit', 'runtime.mallocinit', 'gogo'])
  for (const name of ['main.main', 'runtime.schedinit']) {
    const body = go.body(name)
    if (body === null) continue
    go.pclntab.lineAt(body.entry)
    go.pclntab.startLine(body.entry)
    go.pclntab.spDelta(at(body.end - 1))
  }
  let seen = 0
  for (const { entry, end } of go.pclntab.all()) {
    go.pclntab.lineAt(entry)
    go.pclntab.ownLineAt(entry)
    go.pclntab.framesAt(at(end - 1))
    if (++seen === 50) break
  }
}

describe.each(variants.filter(({ name }) => ['static, stripped', 'pie'].includes(name)))('$name', (variant) => {
  testUnless(variant.missing)(
    `${MUTATIONS / 2} mutations`,
    () => {
      const below = generator(SEED)
      const file = altered(build(variant), 'fuzzed', () => {})
      const original = readFileSync(file)
      const ranges = targets(file)
      const fd = openSync(file, 'r+')
      const codes = new Map<string, number>()
      for (let i = 0; i < MUTATIONS / 2; i++) {
        const changes = Array.from({ length: 1 + below(3) }, () => mutation(original, ranges, below))
        for (const { offset, bytes } of changes) writeSync(fd, bytes, 0, bytes.length, offset)
        const started = performance.now()
        const code = outcome(file)
        if (performance.now() - started > LIMIT_MS) throw new Error(`mutation ${i} of seed ${SEED}: too slow`)
        if (code === null) throw new Error(`mutation ${i} of seed ${SEED}: not a PremainError`)
        codes.set(code, (codes.get(code) ?? 0) + 1)
        for (const { offset, bytes } of changes) writeSync(fd, original, offset, bytes.length, offset)
      }
      closeSync(fd)
      // The mutations bite: many files are refused, and many are still read.
      expect(codes.get('MALFORMED_ELF')).toBeGreaterThan(MUTATIONS / 100)
      expect(codes.get('ok')).toBeGreaterThan(MUTATIONS / 10)
      expect(readFileSync(file).equals(original)).toBe(true)
    },
    120_000,
  )
})

function mutation(
  original: Buffer,
  ranges: [number, number][],
  below: (n: number) => number,
): { offset: number; bytes: Buffer } {
  const [from, to] = ranges[below(ranges.length)]!
  const offset = Math.min(from + below(Math.max(1, to - from)), original.length - 8)
  const bytes = Buffer.from(original.subarray(offset, offset + 8))
  const kind = below(4)
  if (kind === 0) bytes.writeUInt8(below(256), 0)
  else if (kind === 1) bytes.writeUInt8(bytes[0]! ^ (1 << below(8)), 0)
  else if (kind === 2) bytes.writeUInt32LE(below(0xffffffff), 0)
  else bytes.writeBigUInt64LE(EDGES[below(EDGES.length)]!, 0)
  return { offset: kind === 3 ? Math.max(0, offset - (offset % 8)) : offset, bytes }
}

/** `ok`, the code of a PremainError, or null for any other error, which is printed. */
function outcome(file: string): string | null {
  try {
    const image = openImage(file)
    try {
      exercise(image)
      return 'ok'
    } finally {
      image.close()
    }
  } catch (error) {
    if (error instanceof PremainError) return error.code
    process.stderr.write(`${(error as Error).stack}\n`)
    return null
  }
}
