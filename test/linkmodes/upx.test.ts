/**
 * Programs packed by UPX are named for what they are. One is laid out here as UPX lays it out: ELF header, program headers,
 * then its own headers and the packed blocks, no section. One is packed for real where there is a `upx`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, trace } from '../../lib/index'
import { buildFixture } from '../support/fixtures'
import { findCommand } from '../support/skip'

const EHDR = 64
const PHDR = 56
const BASE = 0x400000n
const PAGE = 4096

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-upx-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Load {
  flags: number
  vaddr: bigint
  fileSize: number
  memSize: number
}

/** A program that exits, in the dress of a packed one. `l_info` stands behind the program headers, `PackHeader` at the end. */
function layOut(name: string, { atHead }: { atHead: boolean }): string {
  const stub = Buffer.from('31ffb83c0000000f05', 'hex') // xor edi, edi; mov eax, SYS_exit; syscall
  const size = 2 * PAGE
  const entry = 0x1000
  const high = BASE + 0x179000n
  const file = Buffer.alloc(size, 0x5a)
  file.fill(0, 0, EHDR + 3 * PHDR + 40)
  file.write('\x7fELF\x02\x01\x01', 'latin1')
  file.writeUInt16LE(2, 16) // ET_EXEC
  file.writeUInt16LE(62, 18) // EM_X86_64
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(high + BigInt(entry), 24)
  file.writeBigUInt64LE(BigInt(EHDR), 32)
  for (const [at, value] of [
    [52, EHDR],
    [54, PHDR],
    [56, 3],
    [58, 64],
  ] as const) {
    file.writeUInt16LE(value, at)
  }
  // room for the program inside, then the whole file with the stub
  const loads: Load[] = [
    { flags: 6, vaddr: BASE, fileSize: PAGE, memSize: 0x178ae8 },
    { flags: 5, vaddr: high, fileSize: size, memSize: size },
  ]
  for (const [index, load] of loads.entries()) writeLoad(file, EHDR + index * PHDR, load)
  file.writeUInt32LE(0x6474e551, EHDR + 2 * PHDR) // PT_GNU_STACK
  file.writeUInt32LE(6, EHDR + 2 * PHDR + 4)
  if (atHead) file.write('UPX!', EHDR + 3 * PHDR + 4)
  stub.copy(file, entry)
  file.write('UPX!', size - 36)
  const path = join(folder, name)
  writeFileSync(path, file, { mode: 0o755 })
  return path
}

function writeLoad(file: Buffer, at: number, { flags, vaddr, fileSize, memSize }: Load): void {
  file.writeUInt32LE(1, at)
  file.writeUInt32LE(flags, at + 4)
  file.writeBigUInt64LE(vaddr, at + 16)
  file.writeBigUInt64LE(vaddr, at + 24)
  file.writeBigUInt64LE(BigInt(fileSize), at + 32)
  file.writeBigUInt64LE(BigInt(memSize), at + 40)
  file.writeBigUInt64LE(BigInt(PAGE), at + 48)
}

async function expectNamed(file: string): Promise<void> {
  const named = expect.stringMatching(/^packed by UPX: /)
  expect((await inspect(file)).notes).toEqual([named])
  const seen = await trace(file)
  expect([seen.outcome, seen.error]).toEqual(['reached-entry', null])
  expect(seen.steps[4]?.status).toBe('observed')
  for (const { status, reason, evidence } of seen.steps.slice(5)) {
    expect([status, reason, evidence]).toEqual(['not-applicable', named, {}])
  }
}

test('by the header behind the program headers', async () => {
  const file = layOut('program', { atHead: true })
  expect(spawnSync(file).status).toBe(0)
  await expectNamed(file)
})

test('by the header at the end, the only one at a known place in a packed library', async () => {
  await expectNamed(layOut('library', { atHead: false }))
})

const upx = findCommand('upx')
if (upx !== null) {
  test('packed by the upx of this machine', async () => {
    for (const flags of [[], ['-buildmode=pie', '-ldflags=-linkmode=external']]) {
      const env = { CGO_ENABLED: flags.length > 0 ? '1' : '0' }
      const packed = join(folder, `hello${flags.length}`)
      const { status, stderr } = spawnSync(upx, [
        '-qq',
        '-1',
        '-o',
        packed,
        buildFixture('hello', { flags, env }) as string,
      ])
      expect([status, String(stderr)]).toEqual([0, ''])
      await expectNamed(packed)
    }
  }, 300_000)
}
