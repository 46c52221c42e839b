import { PremainError } from '../../lib/errors'
import { schemaFaults } from '../support/schema'
import { premain } from './fake'
import { fixtureImage } from './fixture'

test('premain inspect describes a program as text', async () => {
  const { code, stdout, traced } = await premain(['inspect', './hello'])
  expect({ code, traced }).toEqual({ code: 0, traced: [] })
  expect(stdout).toContain('runtime.schedinit')
})

test('--json is the image', async () => {
  expect(JSON.parse((await premain(['inspect', '--json', './hello'])).stdout)).toEqual(fixtureImage())
})

test('--redact', async () => {
  const { stdout } = await premain(['inspect', '--json', '--redact', 'demo', './hello'])
  expect(JSON.parse(stdout).path).toBe('/opt/***/bin/hello')
})

test('a failure has its exit code, its words and its document', async () => {
  const inspect = () => {
    throw new PremainError('NOT_ELF', 'a text file', { hint: 'name a program' })
  }
  const { code, stdout, stderr } = await premain(['inspect', '--json', './notes.txt'], { inspect })
  expect(code).toBe(3)
  expect(stderr).toBe('premain: a text file\nhint: name a program\n')
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 'premain.image/1',
    path: './notes.txt',
    error: { code: 'NOT_ELF', message: 'a text file' },
  })
  expect(schemaFaults(JSON.parse(stdout))).toEqual([])
})

test('premain inspect alone may have meant a program of that name', async () => {
  const { code, stderr } = await premain(['inspect'])
  expect(code).toBe(2)
  expect(stderr).toContain('premain trace inspect, or premain ./inspect')
})
