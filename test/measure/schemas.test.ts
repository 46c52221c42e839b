import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Ajv from 'ajv'
import { failedCheck, failedCompared, failedMeasurement } from '../../lib/cli/failure-measured'
import { Baseline } from '../../lib/measure/baseline'
import { checkWith } from '../../lib/measure/check'
import { compareProgramsWith } from '../../lib/measure/interleave'
import { measureWith } from '../../lib/measure/measure'
import { fakeWorld, INITS } from './fake'

const PROGRAM = { file: '/bin/fake', args: ['-v'] }

/** What is wrong with a document by the published schema. */
function faults(name: string, document: unknown): unknown {
  const schema = JSON.parse(readFileSync(join(__dirname, '../../lib/schemas', `${name}.schema.json`), 'utf8'))
  const validate = new Ajv({ strict: false, allErrors: true }).compile(schema)
  validate(JSON.parse(JSON.stringify(document)))
  return validate.errors ?? []
}

const sparse = [...INITS, { package: 'lazy', ns: 1000, every: 2 }]

it.each([{}, { cold: true }, { allocs: true }])('measurements with %j', async (options) => {
  const fake = {
    failing: (launch: number) => launch % 5 === 4,
    inits: sparse,
    stderr: 'init main @1 ms, 1 ms clock, 8 bytes, 1 allocs',
  }
  expect(faults('premain.measurement-1', await measureWith(fakeWorld(fake), PROGRAM, options))).toEqual([])
})

it('comparisons', async () => {
  const { comparison } = await compareProgramsWith(fakeWorld({ inits: sparse }), [PROGRAM, PROGRAM], { runs: 7 })
  expect(faults('premain.comparison-1', comparison)).toEqual([])
})

it('checks and baselines', async () => {
  const budgets = ['total.cpu=1us', 'init:gone.cpu=1ms', 'total.wall=1s']
  const result = await checkWith(fakeWorld(), PROGRAM, { budgets })
  expect(faults('premain.check-1', result)).toEqual([])
  const baseline = new Baseline([]).with(result.measurement, ['init:net/http.cpu']).with(result.measurement)
  expect(faults('premain.baseline-1', baseline)).toEqual([])
})

it('failures', () => {
  const error = new Error('it broke')
  expect(faults('premain.measurement-1', failedMeasurement(error))).toEqual([])
  expect(faults('premain.comparison-1', failedCompared(error).comparison)).toEqual([])
  expect(faults('premain.check-1', failedCheck(error))).toEqual([])
})

it('configurations', () => {
  expect(faults('premain.config', { budgets: { 'total.cpu': '5ms' }, runs: 5, clock: 'cpu' })).toEqual([])
  expect(faults('premain.config', { budgets: { 'total.cpu': 5 } })).toHaveLength(1)
})

it('the schemas refuse what is none', async () => {
  const measurement = await measureWith(fakeWorld(), PROGRAM, { runs: 1 })
  expect(faults('premain.measurement-1', { ...measurement, counted: undefined })).not.toEqual([])
  expect(faults('premain.measurement-1', { ...measurement, totals: { ...measurement.totals, wallNs: 5 } })).not.toEqual(
    [],
  )
})
