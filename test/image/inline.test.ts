import { InlineTrees } from '../../lib/image/go/inline'
import { INLINE_TREES, layoutOf, PCLNTABS } from '../../lib/image/go/layouts'
import type { PclntabHeader } from '../../lib/image/go/pclntab'
import type { Memory } from '../../lib/image/memory'

const ENTRY = 0x1000
const LENGTH = 100
/** Where the parts lie in the bytes. */
const [RECORD, TABLES, NAMES, TREE, SIZE] = [0x10, 0x100, 0x200, 0x300, 0x320]

interface Parts {
  name?: number
  parentPc?: number
  tables?: number
  tree?: number
  /** The table of indices into the tree: pairs of value delta and pc delta. */
  indices?: number[]
}

/** A function of Go 1.20 with one call inlined: to `small`, from the instruction at 60. By default all of its code is. */
function calls({ name = 1, parentPc = 60, tables = 3, tree = TREE, indices = [2, 50, 1, 50] }: Parts, pc = ENTRY) {
  const layout = layoutOf(PCLNTABS, 20)!
  const { func } = layout
  const bytes = Buffer.alloc(SIZE)
  bytes.writeUInt32LE(tables, RECORD + func.npcdata)
  bytes[RECORD + func.size - 1] = 4
  bytes.writeUInt32LE(1, RECORD + func.size + 8)
  bytes.writeUInt32LE(tree, RECORD + func.size + 12 + 12)
  bytes.set(indices, TABLES + 1)
  bytes.write('small\0', NAMES + 1)
  bytes.writeInt32LE(name, TREE + 4)
  bytes.writeInt32LE(parentPc, TREE + 8)
  const memory: Pick<Memory, 'available' | 'bytes' | 'u32' | 'cstring'> = {
    available: (address) => Math.max(0, SIZE - address),
    bytes: (address, length) => bytes.subarray(address, address + length),
    u32: (address) => bytes.readUInt32LE(address),
    cstring: (address, max) =>
      bytes.toString('utf8', address, Math.min(address + (max ?? 0), bytes.indexOf(0, address))),
  }
  const header = { layout, names: NAMES, namesSize: 16, pcs: TABLES, quantum: 1 } as PclntabHeader
  const trees = new InlineTrees(memory as Memory, header, layoutOf(INLINE_TREES, 20)!, 0)
  return trees.at(pc, { record: RECORD, entry: ENTRY, end: ENTRY + LENGTH })
}

test('a call, and where it stands', () => {
  expect(calls({})).toEqual([{ name: 'small', calledAt: ENTRY + 60 }])
  expect(calls({}, ENTRY + 49)).toHaveLength(1)
  expect(calls({}, ENTRY + 50)).toEqual([])
})

test('a call inside itself ends', () => {
  expect(calls({ parentPc: 10 })).toHaveLength(64)
})

test.each<[string, Parts]>([
  ['a name outside the names', { name: 16 }],
  ['a negative name', { name: -1 }],
  ['a call outside the function', { parentPc: LENGTH }],
  ['a call before the function', { parentPc: -1 }],
  ['no table of indices', { tables: 2 }],
  ['more tables than the file has bytes', { tables: 0xffffffff }],
  ['no tree', { tree: 0xffffffff }],
  ['a tree outside the file', { tree: SIZE - 8 }],
  ['an index outside the file', { indices: [0xfe, 0xff, 0x7f, 50] }],
  ['a negative index', { indices: [3, 50] }],
])('%s: none', (_, parts) => {
  expect(calls(parts)).toEqual([])
})
