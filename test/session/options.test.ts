import { readdirSync } from 'node:fs'
import { PremainError } from '../../lib/errors'
import { check, compare, comparePrograms, inspect, launch, measure, trace } from '../../lib/index'
import { resolveOptions, splitArguments } from '../../lib/session/options'
import { buildFixture, missingGo } from '../support/fixtures'
import { testUnless } from '../support/skip'

const withGo = testUnless(missingGo())
const hello = buildFixture('hello') as string

test('arguments and options that are left out, undefined or null are none', () => {
  for (const given of [[], [undefined], [null], [undefined, null], [null, null], [[], null], [{}]] as never[][]) {
    expect(splitArguments('./x', given[0], given[1])).toEqual({ file: './x', args: [], options: {} })
  }
})

test('a refused environment leaves no descriptor', async () => {
  const before = readdirSync('/proc/self/fd')
  await expect(trace('/bin/true', { env: { 'a=b': '' } })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  expect(readdirSync('/proc/self/fd')).toEqual(before)
})

test('a working directory is one of when it was given', () => {
  expect(resolveOptions({ cwd: '/usr/../etc' }).cwd).toBe('/usr/../etc')
  expect(resolveOptions({ cwd: '../x' }).cwd).toBe(`${process.cwd()}/../x`)
})

test.each([
  ['a string for arguments', () => splitArguments('./x', '-v' as never, undefined)],
  ['a number among them', () => splitArguments('./x', [1] as never, undefined)],
  ['a number for options', () => splitArguments('./x', [], 5 as never)],
  ['nothing for a session', () => launch(undefined as never)],
  [
    'a descriptor that is not open',
    () => launch(hello ?? '/bin/true', { stdio: ['ignore', 1 << 20, 'ignore'] }).start(),
  ],
])('%s is INVALID_OPTION with a hint', (_, use) => {
  expect(use).toThrow(PremainError)
  expect(use).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', hint: expect.any(String) }))
})

test.each([undefined, null, 7, '', 'a\0b', {}, ['./x']] as never[])(
  '%p is no program: the error names the argument',
  async (file) => {
    const refusal = (message: RegExp) => ({ code: 'INVALID_OPTION', message: expect.stringMatching(message) })
    for (const use of [trace, inspect, measure, check]) {
      await expect(use(file)).rejects.toMatchObject(refusal(/^file is not a path but /))
    }
    expect(() => launch(file)).toThrow(expect.objectContaining(refusal(/^file is not a path but /)))
    const program = { file: '/bin/true', args: [] }
    await expect(comparePrograms(file, program)).rejects.toMatchObject(refusal(/^before.file is not a path but /))
    await expect(comparePrograms(program, { file, args: [] })).rejects.toMatchObject(
      refusal(/^after.file is not a path/),
    )
    expect(() => compare(file, file)).toThrow(expect.objectContaining(refusal(/^before is not a document/)))
  },
)

test('what measures takes its arguments as trace() does', async () => {
  type Use = (file: string, args?: readonly string[], options?: never) => Promise<unknown>
  for (const use of [trace, measure, check] as Use[]) {
    await expect(use('/bin/true', 5 as never)).rejects.toMatchObject({ message: 'args is not an array' })
    await expect(use('/bin/true', ['', 5 as never])).rejects.toThrow('args[1] is not a string')
    await expect(use('/bin/true', [], 5 as never)).rejects.toMatchObject({ message: 'options is not an object' })
  }
})

withGo('a symbol that is written as a pattern of an earlier trace is still a symbol', async () => {
  const options = { until: 'entry', maps: false }
  await trace(hello, { ...options, stops: [/^os\./] })
  await expect(trace(hello, { ...options, stops: ['/^os\\./'] })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
})

withGo('memory is read at bigint addresses only', async () => {
  for await (const stop of launch(hello, { until: 'entry' })) {
    for (const address of ['0x10', 16, -1n, 1n << 64n, undefined] as never[]) {
      await expect(stop.readMemory(address, 8)).rejects.toThrow(PremainError)
    }
    expect((await stop.readMemory(stop.registers.rsp, 8)).length).toBe(8)
  }
})
