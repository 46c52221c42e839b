import { relative } from 'node:path'
import { describeImage } from '../../lib/image/describe'
import { corpusProgram, missingProgram } from '../support/corpus'
import { testUnless } from '../support/skip'
import { altered, build, removeScratch, variants, withImage } from './support'

afterAll(removeScratch)

const fixture = variants.find(({ name }) => name === 'static, stripped')!

describe('a description', () => {
  const test = testUnless(fixture.missing)

  test('is plain data that outlives the image', () => {
    const file = build(fixture)
    const described = withImage(relative(process.cwd(), file), describeImage)
    expect(described.path).toBe(file)
    expect(structuredClone(described)).toEqual(described)
    expect(JSON.parse(JSON.stringify(described))).toEqual(described)
    withImage(file, (image) => {
      expect(described.size).toBe(Number(image.identity.size))
      expect(described.functions).toBe(image.go?.pclntab.count)
      expect(described.go).toEqual(image.go?.info)
      expect(described.elf).toEqual(image.elf)
    })
    expect(described.initTasks.at(-1)).toEqual({
      package: 'main',
      functions: [
        expect.objectContaining({
          name: 'main.init.0',
          address: expect.stringMatching(/^0x[0-9a-f]+$/),
          line: expect.any(Number),
        }),
      ],
    })
  })

  test('says of a program that is not Go what it is', () => {
    const described = withImage('/bin/true', describeImage)
    expect(described).toMatchObject({
      go: null,
      functions: 0,
      initTasks: [],
      notes: [expect.stringMatching(/^not a Go program/)],
    })
  })

  test('names UPX, garble and shared libraries', () => {
    const blind = (bytes: Buffer): void => {
      for (let at = bytes.indexOf('\xff\xff\xff\0\0\x01\x08', 0, 'latin1'); at >= 0; ) {
        bytes.writeUInt8(7, at + 1)
        at = bytes.indexOf('\xff\xff\xff\0\0\x01\x08', at, 'latin1')
      }
    }
    const garbled = altered(build(fixture), 'garbled', blind)
    expect(withImage(garbled, describeImage)).toMatchObject({ go: null, notes: [expect.stringMatching(/garble/)] })
    const packed = altered(garbled, 'packed', (bytes) => bytes.write('UPX!', bytes.readUInt16LE(0x38) * 56 + 64 + 4))
    expect(withImage(packed, describeImage)).toMatchObject({
      go: null,
      notes: [expect.stringMatching(/^packed by UPX/)],
    })
    const library = altered(build(fixture), 'library', (bytes) => bytes.writeUInt16LE(3, 16))
    expect(withImage(library, describeImage).notes).toEqual([expect.stringMatching(/shared library/)])
  })
})

describe('go1.12, which has no init tasks', () => {
  const program = corpusProgram('buildifier-go1.12')
  testUnless(missingProgram(program))('packages come after those that they import', () => {
    const packages = withImage(program.file, describeImage).initTasks.map((task) => task.package)
    const order = ['errors', 'sync', 'io', 'os', 'fmt', 'main'].map((name) => packages.indexOf(name))
    expect(order).toEqual([...order].sort((a, b) => a - b))
    expect(packages.at(-1)).toBe('main')
  })
})
