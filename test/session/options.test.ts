import { PremainError } from '../../lib/errors'
import { launch, trace } from '../../lib/index'
import { resolveOptions, splitArguments } from '../../lib/session/options'
import { buildFixture, missingGo } from '../support/fixtures'
import { testUnless } from '../support/skip'

const withGo = testUnless(missingGo())
const hello = buildFixture('hello') as string

test('arguments and options that are left out, undefined or null are none', () => {
  for (const given of [[], [undefined], [null], [undefined, null], [null, null], [[], null], [{}]] as never[][]) {
    expect(splitArguments(given[0], given[1])).toEqual({ args: [], options: {} })
  }
})

test.each([
  ['a string for arguments', () => splitArguments('-v' as never, undefined)],
  ['a number among them', () => splitArguments([1] as never, undefined)],
  ['a number for options', () => resolveOptions(5 as never)],
  [
    'a descriptor that is not open',
    () => launch(hello ?? '/bin/true', { stdio: ['ignore', 1 << 20, 'ignore'] }).start(),
  ],
])('%s is INVALID_OPTION with a hint', (_, use) => {
  expect(use).toThrow(PremainError)
  expect(use).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', hint: expect.any(String) }))
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
