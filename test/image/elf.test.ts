import { openImage } from '../../lib/image/image'
import { testUnless } from '../support/skip'
import { altered, build, output, removeScratch, type Variant, variants, withImage, withoutSections } from './support'

afterAll(removeScratch)

const wanted = (name: string): Variant => variants.find((variant) => variant.name === name)!

describe.each(variants.filter(({ toolchain }) => toolchain === undefined))('$name', (variant) => {
  const test = testUnless(variant.missing)

  test('headers are those that readelf shows', () => {
    const file = build(variant)
    const headers = output('readelf', ['-hW', file])
    withImage(file, ({ elf, entry }) => {
      expect(/Type:\s+(\w+)/.exec(headers)?.[1]).toBe(elf.type)
      expect(/Entry point address:\s+(\S+)/.exec(headers)?.[1]).toBe(elf.entry)
      expect(entry).toBe(Number(elf.entry))
      expect(elf.machine).toBe('x86_64')
      expect(elf.pie).toBe(variant.name.includes('pie'))
    })
  })

  test('segments are those that readelf shows', () => {
    const file = build(variant)
    const shown = output('readelf', ['-lW', file])
    const rows = [...shown.matchAll(/^ {2}(\S+) +(0x\w+) (0x\w+) 0x\w+ (0x\w+) (0x\w+) ([R W E]{3}) (\S+)$/gm)]
    expect(rows.length).toBeGreaterThan(3)
    withImage(file, ({ elf, segments }) => {
      expect(segments).toEqual(elf.segments)
      expect(
        elf.segments.map((s) => [
          s.type,
          Number(s.offset),
          Number(s.vaddr),
          s.fileSize,
          s.memSize,
          s.flags,
          Number(s.align),
        ]),
      ).toEqual(
        rows.map(([, type, offset, vaddr, fileSize, memSize, flags, align]) => [
          type,
          ...[offset, vaddr, fileSize, memSize].map(Number),
          [...flags!].map((flag) => (flag === ' ' ? '-' : flag === 'E' ? 'x' : flag.toLowerCase())).join(''),
          Number(align),
        ]),
      )
    })
  })

  test('interpreter, libraries and build ids are those that readelf shows', () => {
    const file = build(variant)
    const shown = output('readelf', ['-lndW', file])
    withImage(file, ({ elf }) => {
      expect(elf.interpreter).toBe(/Requesting program interpreter: (.*)\]/.exec(shown)?.[1] ?? null)
      expect(elf.static).toBe(elf.interpreter === null)
      expect(elf.needed).toEqual([...shown.matchAll(/\(NEEDED\) +Shared library: \[(.*)\]/g)].map(([, name]) => name))
      expect(elf.buildId).toBe(/Build ID: (\S+)/.exec(shown)?.[1] ?? null)
      expect(elf.goBuildId).toBe(output('go', ['tool', 'buildid', file]).trim())
    })
  })

  test('what it has is what readelf lists', () => {
    const file = build(variant)
    const sections = output('readelf', ['-SW', file])
    withImage(file, ({ elf: { has } }) => {
      expect(has.sectionHeaders).toBe(true)
      expect(has.pclntab && has.buildinfo).toBe(true)
      expect(has.symtab).toBe(/ \.symtab /.test(sections))
      expect(has.dwarf).toBe(/ \.z?debug_info /.test(sections))
      expect(has.gosymtab).toBe(/ \.gosymtab /.test(sections))
    })
  })
})

describe('headers that lie', () => {
  const fixture = wanted('static, stripped')
  const test = testUnless(fixture.missing)

  test('more than 65534 program headers are counted in the first section header', () => {
    const file = altered(build(fixture), 'pn-xnum', (bytes) => {
      const sections = Number(bytes.readBigUInt64LE(0x28))
      bytes.writeUInt32LE(bytes.readUInt16LE(0x38), sections + 44)
      bytes.writeUInt16LE(0xffff, 0x38)
    })
    withImage(build(fixture), (image) => withImage(file, (copy) => expect(copy.segments).toEqual(image.segments)))
  })

  test('section headers outside the file are left aside, and the program is still understood', () => {
    const file = altered(build(fixture), 'far-sections', (bytes) => bytes.writeBigUInt64LE(1n << 40n, 0x28))
    withImage(file, ({ elf, go, notes }) => {
      expect(elf.has.sectionHeaders).toBe(false)
      expect(notes.join()).toContain('section headers left aside')
      expect(go?.body('main.main')).not.toBeNull()
    })
  })

  test('sections at wrong addresses do not hide the program', () => {
    const file = altered(build(fixture), 'wrong-sections', (bytes) => {
      const [table, count] = [Number(bytes.readBigUInt64LE(0x28)), bytes.readUInt16LE(0x3c)]
      for (let i = 1; i < count; i++) bytes.writeBigUInt64LE(0x1000n, table + 64 * i + 16)
    })
    withImage(file, ({ go }) => {
      withImage(build(fixture), (image) => {
        expect(go?.info).toEqual(image.go?.info)
        expect(go?.initTasks).toEqual(image.go?.initTasks)
      })
    })
  })
})

describe('files that are refused', () => {
  const fixture = wanted('static, stripped')
  const changes: [string, string, (bytes: Buffer) => void][] = [
    ['MALFORMED_ELF', 'no program headers', (bytes) => bytes.writeUInt16LE(0, 0x38)],
    ['MALFORMED_ELF', 'program headers of another size', (bytes) => bytes.writeUInt16LE(32, 0x36)],
    ['MALFORMED_ELF', 'program headers past the end', (bytes) => bytes.writeBigUInt64LE(1n << 62n, 0x20)],
    ['MALFORMED_ELF', 'an entry of 2^63', (bytes) => bytes.writeBigUInt64LE(1n << 63n, 0x18)],
    ['MALFORMED_ELF', 'a class of 7', (bytes) => bytes.writeUInt8(7, 4)],
    ['UNSUPPORTED', 'a core file', (bytes) => bytes.writeUInt16LE(4, 16)],
    ['WRONG_ARCH', 'a 32-bit class', (bytes) => bytes.writeUInt8(1, 4)],
    ['WRONG_ARCH', 'big endian', (bytes) => bytes.writeUInt8(2, 5)],
    ['NOT_ELF', 'no magic', (bytes) => bytes.fill(0, 0, 4)],
  ]
  for (const [code, what, change] of changes) {
    testUnless(fixture.missing)(`${what}: ${code}`, () => {
      const file = altered(build(fixture), 'refused', change)
      expect(() => openImage(file)).toThrow(expect.objectContaining({ name: 'PremainError', code }))
    })
  }

  testUnless(fixture.missing)('without section headers nothing but they is missing', () => {
    const file = withoutSections(build(fixture))
    withImage(build(fixture), (image) =>
      withImage(file, (copy) => {
        const has = { ...image.elf.has, sectionHeaders: false, gosymtab: false }
        // Go's linker leaves the GNU build id out of PT_NOTE.
        expect(copy.elf).toEqual({ ...image.elf, buildId: null, has })
        expect(copy.go?.info).toEqual(image.go?.info)
      }),
    )
  })
})
