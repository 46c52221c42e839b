import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { parseAuxv } from '../../lib/trace/auxv'
import { parseInitialStack } from '../../lib/trace/stack'
import { SP, stackBytes } from './fake'

const text = fc.string({ maxLength: 20 }).map((value) => value.replaceAll('\0', ''))

test('what the kernel lays out is read back', () => {
  fc.assert(
    fc.property(fc.array(text), fc.array(text), fc.array(fc.bigInt(0n, 2n ** 64n - 1n)), (argv, envp, values) => {
      const auxv = values.map((value, at): [number, bigint] => [1000 + at, value])
      const stack = parseInitialStack(stackBytes(argv, envp, auxv), SP)
      // lone surrogates do not survive UTF-8
      expect(stack?.argv).toEqual(argv.map((value) => Buffer.from(value).toString()))
      expect(stack).toMatchObject({ sp: SP, argc: argv.length, envc: envp.length })
      expect([...(stack?.auxv.values() ?? [])]).toEqual(values)
    }),
  )
})

test('a stack that ends early is none; a string out of reach is null', () => {
  const whole = stackBytes(['a'], ['B=c'], [[6, 4096n]])
  for (const length of [0, 7, 8, 24, 39]) expect(parseInitialStack(whole.subarray(0, length), SP)).toBeNull()
  const strings = whole.length - 'a\0B=c\0'.length
  expect(parseInitialStack(whole.subarray(0, strings), SP)?.argv).toEqual([null])
  expect(parseInitialStack(Buffer.alloc(64, 0xff), SP)).toBeNull()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parseInitialStack(Buffer.from(bytes), SP)
    }),
  )
})

test('this process’s auxv has names', () => {
  const auxv = parseAuxv(readFileSync('/proc/self/auxv'))
  expect(auxv.get('AT_PAGESZ')).toBe(4096n)
  expect(auxv.get('AT_UID')).toBe(BigInt(process.getuid?.() ?? 0))
  expect([...auxv.keys()].filter((name) => !/^AT_[A-Z0-9_]+$/.test(name))).toEqual([])
})
