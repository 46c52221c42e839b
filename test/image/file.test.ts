/** Small reads of a file, which come from blocks that are kept. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProgramFile } from '../../lib/image/file'

const BLOCK = 8192

let folder: string
let file: ProgramFile
const bytes = Buffer.from(Array.from({ length: 2 * BLOCK + 10 }, (_, i) => (i * 7 + (i >> 8)) & 0xff))

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-file-'))
  writeFileSync(join(folder, 'bytes'), bytes)
  file = new ProgramFile(join(folder, 'bytes'))
})

afterAll(() => {
  file.close()
  rmSync(folder, { recursive: true })
})

test.each([0, 1, BLOCK - 5, BLOCK - 4, BLOCK - 3, BLOCK - 1, BLOCK, 2 * BLOCK - 2, 2 * BLOCK, 2 * BLOCK + 6])(
  'a number at %i is that of its bytes, in one block or across two',
  (offset) => {
    expect(file.u32(offset)).toBe(bytes.readUInt32LE(offset))
    const [low, high] = offset + 8 <= bytes.length ? file.word(offset) : []
    if (low !== undefined) expect([low, high]).toEqual([bytes.readUInt32LE(offset), bytes.readUInt32LE(offset + 4)])
  },
)

test.each([-1, -4, 2 * BLOCK + 7, 2 * BLOCK + 10, 3 * BLOCK, 2 ** 40, Number.NaN])(
  'a number at %d, outside the file, is refused',
  (offset) => expect(() => file.u32(offset)).toThrow('outside the file'),
)

test('what was closed is read anew', () => {
  file.close()
  expect(file.u32(BLOCK - 2)).toBe(bytes.readUInt32LE(BLOCK - 2))
})
