import type { FileAddress, FunctionInfo, Pclntab } from '../../lib/image/types'
import type { SessionRecord } from '../../lib/session/records'
import { Addresses, hex } from '../../lib/trace/addresses'
import { backtrace } from '../../lib/trace/backtrace'
import { disassemble, lineOf } from '../../lib/trace/disassembly'
import { listSyscalls } from '../../lib/trace/syscalls'
import { common } from './fake'

describe('addresses', () => {
  test('go both ways over a bias, modulo 2^64', () => {
    const pie = new Addresses(0x5555_0000_0000n)
    expect(pie.runtime(0x1000)).toBe(0x5555_0000_1000n)
    expect(pie.file(0x5555_0000_1000n)).toBe(0x1000)
    expect(pie.file(0xfffn)).toBeNull()
    expect(new Addresses(-0x1000n).runtime(0x401000)).toBe(0x400000n)
    expect(hex(-1n)).toBe('0xffffffffffffffff')
  })
})

describe('disassembly', () => {
  const bytes = Buffer.from('493b6610763b554889e54883ec38e8f0ffffffc3', 'hex')

  test('is what the bytes say, branches named', () => {
    const lines = disassemble({ bytes, address: 0x401000n }, 20, (target) => `f${target.toString(16)}`).map(lineOf)
    expect(lines).toEqual([
      '0x401000  cmp rsp, [r14+0x10]',
      '0x401004  jbe short 0x401041',
      '0x401006  push rbp',
      '0x401007  mov rbp, rsp',
      '0x40100a  sub rsp, 0x38',
      '0x40100e  call 0x401003 ; f401003',
      '0x401013  ret',
    ])
  })

  test('stops at the count, at the end of the bytes, and at what is no instruction', () => {
    expect(disassemble({ bytes, address: 0n }, 2)).toHaveLength(2)
    const all = disassemble({ bytes, address: 0x1000n }, 99)
    expect(disassemble({ bytes, address: 0x1000n, from: all[1]!.address }, 99)).toEqual(all.slice(1))
    expect(disassemble({ bytes, address: 0x1000n, from: all[1]!.address + 1n }, 1)).toEqual([all[2]])
    expect(disassemble({ bytes: bytes.subarray(0, 6), address: 0n }, 9)).toHaveLength(2)
    expect(disassemble({ bytes: Buffer.from('06', 'hex'), address: 0n }, 9)).toEqual([])
    expect(disassemble({ bytes: Buffer.alloc(0), address: 0n }, 9)).toEqual([])
  })
})

describe('backtrace', () => {
  const functions: FunctionInfo[] = ['main.main', 'runtime.main', 'runtime.goexit'].map((name, at) => {
    const entry = (0x1000 * (at + 1)) as FileAddress
    return { name, entry, end: (entry + 0x100) as FileAddress }
  })
  const table = {
    functionAt: (pc: FileAddress) => functions.find(({ entry, end }) => pc >= entry && pc < end) ?? null,
    lineAt: (pc: FileAddress) => ({ file: 'f.go', line: pc }),
    framesAt: (pc: FileAddress) => {
      const within = table.functionAt(pc)
      return within ? [{ name: within.name, inlined: false, file: 'f.go', line: pc }] : []
    },
    spDelta: (pc: FileAddress) => (pc === 0x1000 ? 0 : 0x10),
  } as unknown as Pclntab
  const walk = (words: bigint[], pc = 0x11000n) =>
    backtrace(table, new Addresses(0x10000n), {
      pc,
      sp: 0x8000n,
      bytes: Buffer.from(BigUint64Array.from(words).buffer),
    })

  test('goes from the entry of main.main by SP deltas to goexit', () => {
    expect(walk([0x12080n, 0n, 0n, 0x13001n])).toEqual([
      { address: '0x11000', function: 'main.main', file: 'f.go', line: 0x1000 },
      { address: '0x12080', function: 'runtime.main', file: 'f.go', line: 0x207f },
      { address: '0x13001', function: 'runtime.goexit', file: 'f.go', line: 0x3000 },
    ])
  })

  test('ends where the bytes end, at what is not Go, and in a program counter of C', () => {
    expect(walk([0x12080n]).map((frame) => frame.function)).toEqual(['main.main', 'runtime.main'])
    expect(walk([0xdeadbeefn]).map((frame) => frame.function)).toEqual(['main.main'])
    expect(walk([], 0x99999n)).toEqual([{ address: '0x99999', function: null, file: null, line: null }])
  })

  test('does not go round for ever', () => {
    const loop = { ...table, spDelta: () => -8 } as unknown as Pclntab
    const bytes = Buffer.from(BigUint64Array.from([0x12080n, 0x12080n]).buffer)
    const frames = backtrace(loop, new Addresses(0x10000n), { pc: 0x12000n, sp: 0x8000n, bytes })
    expect(frames.length).toBeLessThan(100)
  })
})

test('system calls are paired by thread, errors named', () => {
  const call = {
    ...common(0),
    kind: 'syscall',
    memory: new Map<number, Buffer>(),
    args: [] as bigint[],
    result: 0n,
  } as const
  const executed = { path: '/bin/x', argv: ['x', 'a b'], envc: 3 }
  const records: SessionRecord[] = [
    { ...common(0), kind: 'syscall-entry', realtimeNs: 0n },
    { ...common(5), kind: 'syscall-exit', result: 0 },
    {
      ...call,
      phase: 'entry',
      number: 257,
      args: [0xffffff9cn, 0x5000n, 0x80000n, 0n, 0n, 0n],
      memory: new Map([[1, Buffer.from('/x\0y')]]),
      atNs: 10,
      heldNs: 2,
    },
    { ...call, phase: 'entry', number: 202, tid: 7, args: [0x6000n, 0x81n, 1n, 0n, 0n, 0n], atNs: 20 },
    { ...call, phase: 'exit', number: 257, result: 2n ** 64n - 2n, atNs: 30 },
    { ...call, phase: 'entry', number: 9, args: [0n, 4096n, 3n, 0x22n, 0xffffffffn, 0n], atNs: 40 },
    { ...call, phase: 'exit', number: 9, result: 0x7f0000000000n, atNs: 45 },
    { ...call, phase: 'entry', number: 11, args: [0x1000n, 4096n, 0n, 0n, 0n, 0n], atNs: 46 },
    { ...call, phase: 'exit', number: 11, result: 2n ** 64n - 11n, atNs: 47 },
    { ...call, phase: 'entry', number: 999, args: [1n, 2n, 3n, 4n, 5n, 6n], atNs: 50 },
  ]
  const calls = listSyscalls(records, executed)
  expect(calls.map(({ tid, name, args, result, wallNs }) => [tid, name, args, result, wallNs])).toEqual([
    [100, 'execve', ['"/bin/x"', '["x", "a b"]', '/* 3 vars */'], '0', 5],
    [100, 'openat', ['AT_FDCWD', '"/x"', 'O_RDONLY|O_CLOEXEC'], '-ENOENT', 18],
    [7, 'futex', ['0x6000', 'FUTEX_WAKE_PRIVATE', '1'], '?', 0],
    [
      100,
      'mmap',
      ['NULL', '4096', 'PROT_READ|PROT_WRITE', 'MAP_PRIVATE|MAP_ANONYMOUS', '-1', '0'],
      '0x7f0000000000',
      5,
    ],
    [100, 'munmap', ['0x1000', '4096'], '-EAGAIN', 1],
    [100, 'syscall_999', ['0x1', '0x2', '0x3', '0x4', '0x5', '0x6'], '?', 0],
  ])
})
