import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { assertNothingLeft, processState, snapshot, tracerOf, until } from '../support/leaks'

test('a child that lives is named, and its end is waited for', async () => {
  const before = snapshot()
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  await expect(assertNothingLeft(before, 50)).rejects.toThrow(`child ${child.pid} (sleep, state S)`)
  child.kill()
  await assertNothingLeft(before)
})

test('an open descriptor is named', async () => {
  const before = snapshot()
  const fd = openSync('/dev/zero', 'r')
  await expect(assertNothingLeft(before, 50)).rejects.toThrow(`descriptor ${fd} (/dev/zero)`)
  closeSync(fd)
  await assertNothingLeft(before)
})

test('a thread that lives is named', async () => {
  const before = snapshot()
  const worker = new Worker('setInterval(() => {}, 1000)', { eval: true })
  await once(worker, 'online')
  await expect(assertNothingLeft(before, 50)).rejects.toThrow('thread ')
  await worker.terminate()
  await assertNothingLeft(before)
})

test('asynchronous work of Node leaves nothing in the account', async () => {
  const before = snapshot()
  const child = spawn('true')
  await once(child, 'close')
  await assertNothingLeft(before)
})

test('until returns the last value when its time is over', async () => {
  let calls = 0
  expect(
    await until(
      () => ++calls,
      (value) => value === 3,
    ),
  ).toBe(3)
  expect(
    await until(
      () => 'no',
      (value) => value === 'yes',
      20,
    ),
  ).toBe('no')
})

test('a process that is gone has no state and no tracer', () => {
  expect(processState(process.pid)).toMatch(/[RS]/)
  expect(tracerOf(2 ** 30)).toBeNull()
  expect(processState(2 ** 30)).toBeNull()
})
