/** What premain writes, of real programs, is what its published schemas say. */
import { inspect, type PremainError, type Trace, trace } from '../../lib'
import { corpus, corpusProgram, missingProgram, tsgo } from '../support/corpus'
import { buildFixture, missingGo } from '../support/fixtures'
import { schemaFaults } from '../support/schema'
import { testUnless } from '../support/skip'

test('a trace with everything in it', async () => {
  const options = { backtraces: true, syscalls: true, stops: ['main.main'], env: { ...process.env } }
  expect(schemaFaults(await trace(tsgo.file, ['--version'], options))).toEqual([])
})

test('a trace that ends early', async () => {
  const seen = await trace(tsgo.file, ['--version'], { until: 'schedinit', registers: false, maps: false })
  expect(schemaFaults(seen)).toEqual([])
})

testUnless(missingGo())(
  'the partial traces of programs that do not come to main',
  async () => {
    for (const name of ['panic', 'exiter', 'stuck']) {
      const failure = (await trace(buildFixture(name)!, { timeout: 1000 }).catch((error) => error)) as PremainError
      expect(failure.code).toBe(name === 'stuck' ? 'TIMEOUT' : 'EXITED_BEFORE_MAIN')
      expect(schemaFaults(failure.trace as Trace)).toEqual([])
    }
  },
  120_000,
)

describe.each(corpus)('$name', (program) => {
  testUnless(missingProgram(program))('inspect', async () => {
    expect(schemaFaults(await inspect(program.file))).toEqual([])
  })
})

testUnless(missingProgram(corpusProgram('esbuild-go1.19')))(
  'the schemas refuse what they do not describe',
  async () => {
    const image = await inspect(corpusProgram('esbuild-go1.19').file)
    expect(schemaFaults({ ...image, steps: 17 } as never)).not.toEqual([])
    const seen = await trace(tsgo.file, ['--version'], { until: 'entry' })
    expect(schemaFaults({ ...seen, extra: 1 } as never)).toEqual([])
    expect(schemaFaults({ ...seen, pid: 1.5 } as never)).not.toEqual([])
    expect(schemaFaults({ ...seen, outcome: 'fine' } as never)).not.toEqual([])
    expect(schemaFaults({ ...seen, stops: [{ ...seen.stops[0], address: 4096 }] } as never)).not.toEqual([])
  },
)
