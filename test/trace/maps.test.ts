import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { type MapContext, MapsParser, mappingsOf } from '../../lib/trace/maps'

const NOTHING: MapContext = { segments: [], interpreterBase: null, arenaHint: () => null }

const PROGRAM: MapContext = {
  segments: [
    { low: 0x400000n, high: 0x49e1d0n, flags: 'r-x' },
    { low: 0x49f000n, high: 0x578000n, flags: 'r--' },
    { low: 0x579000n, high: 0x5b9000n, flags: 'rw-' },
  ],
  interpreterBase: 0x7f0000100000n,
  arenaHint: () => 0xc000000000n,
}

const TEXT = `00400000-0049f000 r-xp 00000000 fe:00 77                                 /tmp/a b
0049f000-00579000 r--p 0009f000 fe:00 77                                 /tmp/a b
00579000-0057a000 r--p 00179000 fe:00 77                                 /tmp/a b
0057a000-00584000 rw-p 0017a000 fe:00 77                                 /tmp/a b
00584000-005ba000 rw-p 00000000 00:00 0 
01b8e000-01bb0000 rw-p 00000000 00:00 0                                  [heap]
c000000000-c000400000 rw-p 00000000 00:00 0 
c000400000-c004000000 ---p 00000000 00:00 0 
7f0000000000-7f0000002000 r-xp 00001000 fe:00 5                          /usr/lib/libc.so.6
7f0000003000-7f0000004000 r--s 00000000 fe:00 6                          /usr/lib/gconv-modules.cache
7f0000004000-7f0000005000 rw-p 00000000 00:00 0 
7f0000005000-7f0000009000 ---p 00000000 00:00 0 
7f0000100000-7f0000101000 r--p 00000000 fe:00 9                          /usr/lib/ld-linux-x86-64.so.2
7f0000101000-7f0000102000 r-xp 00001000 fe:00 9                          /usr/lib/ld-linux-x86-64.so.2
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
7ffc00100000-7ffc00104000 r--p 00000000 00:00 0                          [vvar]
7ffc00104000-7ffc00106000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`

test('each mapping has its role', () => {
  const roles = new MapsParser(PROGRAM).regions(Buffer.from(TEXT)).map(({ start, role }) => [start, role])
  expect(roles).toEqual([
    ['0x400000', 'text'],
    ['0x49f000', 'rodata'],
    ['0x579000', 'relro'],
    ['0x57a000', 'data'],
    ['0x584000', 'bss'],
    ['0x1b8e000', 'brk'],
    ['0xc000000000', 'heap-arena'],
    ['0xc000400000', 'heap-arena'],
    ['0x7f0000000000', 'library'],
    ['0x7f0000003000', 'file'],
    ['0x7f0000004000', 'anon'],
    ['0x7f0000005000', 'reserved'],
    ['0x7f0000100000', 'ld.so'],
    ['0x7f0000101000', 'ld.so'],
    ['0x7ffc00000000', 'stack'],
    ['0x7ffc00100000', 'vvar'],
    ['0x7ffc00104000', 'vdso'],
    ['0xffffffffff600000', 'vsyscall'],
  ])
})

test('a line becomes plain data, its path unescaped', () => {
  const text = '00400000-00401000 r-xp 0000a000 fe:00 77    /tmp/a\\012b (deleted)\n'
  expect(mappingsOf(new MapsParser(NOTHING).regions(Buffer.from(text)))).toEqual([
    {
      start: '0x400000',
      end: '0x401000',
      perms: 'r-xp',
      offset: '0xa000',
      dev: 'fe:00',
      inode: 77,
      path: '/tmp/a\nb (deleted)',
      role: 'file',
    },
  ])
})

test('equal texts and equal lines are parsed once', () => {
  const parser = new MapsParser(PROGRAM)
  const first = parser.regions(Buffer.from(TEXT))
  expect(parser.regions(Buffer.from(TEXT))).toBe(first)
  expect(mappingsOf(first)).toBe(mappingsOf(first))
  const longer = parser.regions(Buffer.from(`${TEXT}ffffffffff700000-ffffffffff701000 r--p 00000000 00:00 0 \n`))
  expect(longer.slice(0, first.length)).toEqual(first)
  for (const [at, region] of first.entries()) expect(longer[at]).toBe(region)
})

test('what is not of the kernel’s form is left out, and no bytes make it throw', () => {
  const parser = new MapsParser(NOTHING)
  expect(parser.regions(Buffer.from('x\n00400000-00400000 r-xp 0 0:0 0\n\n'))).toEqual([])
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const region of new MapsParser(PROGRAM).regions(Buffer.from(bytes)))
        expect(region.high > region.low).toBe(true)
    }),
  )
})

test('the maps of this process are read whole', () => {
  const text = readFileSync('/proc/self/maps')
  const lines = text.toString().trimEnd().split('\n')
  const regions = new MapsParser(NOTHING).regions(text)
  expect(regions).toHaveLength(lines.length)
  regions.forEach((region, at) => {
    const [range = '', perms, , dev, inode] = (lines[at] as string).split(/\s+/)
    expect(`${region.low.toString(16)}-${region.high.toString(16)}`.replace(/\b0+/g, '')).toBe(
      range.replace(/\b0+/g, ''),
    )
    expect([region.perms, region.dev, String(region.inode)]).toEqual([perms, dev, inode])
  })
})
