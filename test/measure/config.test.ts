import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findConfig, readConfig } from '../../lib/measure/config'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'premain-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(value: unknown): string {
  const path = join(folder, 'premain.config.json')
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}

it('is found upwards, and its baseline lies beside it', () => {
  const path = write({ $schema: 'x', budgets: { 'total.cpu': '5ms' }, baseline: 'b.json', runs: 5, strict: true })
  const deep = join(folder, 'a', 'b')
  mkdirSync(deep, { recursive: true })
  expect(findConfig(deep)).toEqual({
    path,
    config: { $schema: 'x', budgets: { 'total.cpu': '5ms' }, baseline: join(folder, 'b.json'), runs: 5, strict: true },
  })
  expect(readConfig(path).config.runs).toBe(5)
})

it('may be absent, unless it is named', () => {
  expect(findConfig('/proc/self')).toBeNull()
  expect(() => readConfig(join(folder, 'none.json'))).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
})

it.each<unknown>([
  '{',
  '[]',
  'null',
  { budget: {} },
  { budgets: { 'step:nope.cpu': '1ms' } },
  { budgets: { 'total.cpu': 5 } },
  { budgets: [] },
  { runs: '5' },
  { runs: 0 },
  { timeout: 5 },
  { timeout: '5' },
  { strict: 'yes' },
  { clock: 'sun' },
  { toString: 1 },
])('refuses %j and names the file', (value) => {
  const path = write(value)
  expect(() => findConfig(folder)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(path) }),
  )
})
