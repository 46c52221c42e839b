import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Doctor } from '../../lib/index'
import { binding } from '../../lib/session/binding'
import { Tracer } from '../../lib/session/tracer'
import { tsgo } from '../support/corpus'
import { assertNothingLeft, snapshot } from '../support/leaks'

const spec = {
  file: '/bin/true',
  argv: ['true'],
  env: '',
  cwd: null,
  stdio: [-1, -1, -1],
  openFiles: null,
  handOver: [],
  followed: false,
} as const

test('a plan that does not decode starts nothing and says so', async () => {
  const before = snapshot()
  const { NativeSession } = binding()
  const numbers = Float64Array.of(0, -1, -1, -1, -1, -1)
  const noPlan = Buffer.from('no plan')
  const native = new NativeSession('/bin/true', 'true\0', '', null, numbers, noPlan, () => undefined)
  expect(native.started()).toBe(false)
  expect(() => new Tracer(spec, Buffer.alloc(0), {} as never)).toThrow('the stop plan does not decode')
  await assertNothingLeft(before)
})

test('a file is known by its device, inode, size and both times', () => {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(tsgo.file, { bigint: true })
  const identity = [dev, ino, size, mtimeNs, ctimeNs]
  const { expectLaunch } = binding()
  expect(expectLaunch(tsgo.file, BigInt64Array.from(identity))).toBe(true)
  for (const at of identity.keys()) {
    expect(expectLaunch(tsgo.file, BigInt64Array.from(identity.with(at, (identity[at] as bigint) + 1n)))).toBe(false)
  }
  expect(expectLaunch(tsgo.file, BigInt64Array.from(identity.slice(1)))).toBe(false)
  expect(expectLaunch(`${tsgo.file}/nothing`, BigInt64Array.from(identity))).toBe(false)
})

describe('a package without its addon', () => {
  const root = join(__dirname, '..', '..')
  const ATTEMPTS = `
    const { doctor, inspect, launch, measure, trace } = require(process.argv[1])
    const file = process.argv[2]
    const failure = (work) => work.then(() => 'none', (error) => ({ ...error, message: error.message }))
    const work = async () => ({
      refusals: await Promise.all([
        trace(file),
        trace(file, [], { stdio: 'ignore' }),
        measure(file),
        (async () => launch(file).start())(),
      ].map(failure)),
      steps: (await inspect(file)).steps.length,
      doctor: await doctor(),
    })
    work().then((seen) => console.log(JSON.stringify(seen)))`
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'premain-bare-'))
    for (const name of ['dist', 'package.json']) cpSync(join(root, name), join(folder, name), { recursive: true })
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** Whatever can be asked of it, by a Node that says where it runs. */
  function attempts(platform: string = process.platform): { refusals: unknown[]; steps: number; doctor: Doctor } {
    const script = `Object.defineProperty(process, 'platform', { value: ${JSON.stringify(platform)} });${ATTEMPTS}`
    return JSON.parse(execFileSync(process.execPath, ['-e', script, folder, tsgo.file], { encoding: 'utf8' }))
  }

  function expectRefusals(message: RegExp, hint: RegExp, seen = attempts()): void {
    const refusal = { code: 'UNSUPPORTED', message: expect.stringMatching(message), hint: expect.stringMatching(hint) }
    expect(seen.refusals).toEqual(Array(4).fill(expect.objectContaining(refusal)))
    expect(seen.steps).toBe(17)
    const cause = expect.stringMatching(message)
    expect(seen.doctor).toMatchObject({ able: false, cause, fix: expect.stringMatching(hint) })
  }

  test('reads programs, and says how to build one before it traces', () => {
    expectRefusals(/native addon has not been built$/, /npx node-gyp rebuild -C \//)
  })

  test('says why one that is there cannot be loaded', () => {
    mkdirSync(join(folder, 'build', 'Release'), { recursive: true })
    writeFileSync(join(folder, 'build', 'Release', 'premain.node'), 'not an object')
    expectRefusals(/native addon cannot be loaded: .*premain\.node: /, /npx node-gyp rebuild/)
  })

  test('says what it needs on another machine', () => {
    expectRefusals(/cannot be traced on darwin x64$/, /Linux on x86-64/, attempts('darwin'))
  })
})
