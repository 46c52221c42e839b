import { STEPS } from '../../lib/plan/catalogue'
import { schemaFaults } from '../support/schema'
import { premain } from './fake'
import { fixtureImage } from './fixture'

test('all steps, a line each', async () => {
  const { code, stdout } = await premain(['explain'])
  expect(code).toBe(0)
  for (const { index, id, title } of STEPS)
    expect(stdout).toMatch(new RegExp(`^ *${index} +${id} +${title.slice(0, 20)}`, 'm'))
})

test.each(['rt0', '6'])('one step in full, by %s', async (word) => {
  const { stdout } = await premain(['explain', word])
  expect(stdout).toContain('6 rt0: rt0_go binds g0 and m0 to the OS thread')
  for (const key of Object.keys(STEPS[5]!.evidence)) expect(stdout).toContain(`\n  ${key} `)
  expect(stdout).not.toContain('Stops')
})

test.each([
  [['rt0', '--', './hello'], 1],
  [['--', './hello'], 17],
])('%j: where it lives in a program', async (words, count) => {
  const asked: string[] = []
  const inspect = (file: string) => {
    asked.push(file)
    return fixtureImage()
  }
  const { stdout } = await premain(['explain', '--json', ...words], { inspect })
  const { steps, program } = JSON.parse(stdout)
  expect({ asked, program, count: steps.length }).toEqual({ asked: ['./hello'], program: fixtureImage().path, count })
  expect(steps.find(({ id }: { id: string }) => id === 'rt0').places).toEqual(fixtureImage().steps[5]!.places)
  expect((await premain(['explain', ...words], { inspect })).stdout).toContain('runtime.rt0_go  0x406000')
})

test('a step without a stop in the program says so', async () => {
  const image = fixtureImage()
  const inspect = () => ({ ...image, steps: image.steps.map((step) => ({ ...step, places: [] })) })
  expect((await premain(['explain', 'interp', '--', './hello'], { inspect })).stdout).toMatch(
    /Stops\n {2}none in this program\n$/,
  )
})

test('a program may have the name of a step', async () => {
  const { stdout } = await premain(['explain', '--json', '--', 'main'])
  expect(JSON.parse(stdout)).toMatchObject({ program: fixtureImage().path, steps: { length: 17 } })
})

test.each([[['nothing']], [['0']], [['18']], [['rt0', 'args']]])('%j is a usage error', async (words) => {
  const { code, stderr } = await premain(['explain', ...words])
  expect(code).toBe(2)
  expect(stderr).toContain('hint: ')
})

test.each([40, 80, 120])('no line is wider than %d columns', async (columns) => {
  for (const words of [[], ['mstart']]) {
    const { stdout } = await premain(['explain', ...words], { columns, env: { NO_COLOR: '1' } })
    expect(stdout.split('\n').filter((line) => line.length > columns)).toEqual([])
  }
})

test.each([[['explain', '--json']], [['explain', '--json', 'rt0', '--', './hello']]])(
  '%j: a document as its schema says',
  async (words) => {
    expect(schemaFaults(JSON.parse((await premain(words)).stdout))).toEqual([])
  },
)

test.each([
  ['explain', ['--json', 'nothing']],
  ['explain', ['--json', '--nope']],
  ['doctor', ['--json', '--nope']],
  ['doctor', ['--format', 'json', '--nope']],
])('%s %j: one document with the error', async (command, words) => {
  const { code, stdout, stderr } = await premain([command, ...words])
  expect(code).toBe(2)
  expect(stderr).toContain('hint: ')
  const document = JSON.parse(stdout)
  expect(document.error).toMatchObject({ code: 'INVALID_OPTION', hint: expect.any(String) })
  expect(schemaFaults(document)).toEqual([])
})
