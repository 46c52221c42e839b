/** The memory of a held target is the program's own: no breakpoint of premain shows in it. */
import { closeSync, openSync, readSync, realpathSync } from 'node:fs'
import { type LiveStop, launch } from '../../lib/index'
import { assertNothingLeft, type Snapshot, snapshot } from '../support/leaks'
import { testUnless } from '../support/skip'
import { subject } from './subjects'

let before: Snapshot
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

function bytesOf(file: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  const descriptor = openSync(file, 'r')
  const have = readSync(descriptor, bytes, 0, length, offset)
  closeSync(descriptor)
  return bytes.subarray(0, have)
}

/** The program's text at a stop: as premain shows it, as it lies in memory, and as it is in the file. */
async function textAt(stop: LiveStop, { pid, file }: { pid: number; file: string }) {
  const text = (await stop.maps()).find(({ role, path }) => role === 'text' && path === file)
  const [start, offset] = [Number(text?.start), Number(text?.offset)]
  const own = bytesOf(file, offset, Number(text?.end) - start)
  return {
    start: BigInt(start),
    shown: await stop.readMemory(BigInt(start), own.length),
    raw: bytesOf(`/proc/${pid}/mem`, start, own.length),
    own,
  }
}

const chosen = ['static', 'pie, stripped', 'static, go1.21.13', 'tsgo-go1.26', 'esbuild-go1.16'].map(subject)

describe.each(chosen)('$name', ({ missing, file }) => {
  testUnless(missing)('reads as the file has it, at every stop', async () => {
    const path = realpathSync(file())
    const session = launch(path)
    let found = 0
    let stops = 0
    for await (const stop of session) {
      if (stop.kind !== 'breakpoint' || !/^_rt0|^runtime\.(schedinit|main)$|^main\.main$/.test(stop.name)) continue
      const { start, shown, raw, own } = await textAt(stop, { pid: session.pid!, file: path })
      expect(shown.equals(own)).toBe(true)
      const at = Number(stop.address - start)
      expect(raw[at]).toBe(own[at])
      const armed = [...raw.keys()].filter((i) => raw[i] !== own[i])
      expect(armed.every((i) => raw[i] === 0xcc)).toBe(true)
      for (const i of armed.slice(0, 20)) {
        expect((await stop.readMemory(start + BigInt(i), 1))[0]).toBe(own[i])
        const behind = await stop.readMemory(start + BigInt(i + 1), 8)
        expect(behind.equals(own.subarray(i + 1, i + 9))).toBe(true)
      }
      found += armed.length
      stops++
    }
    expect(stops).toBe(4)
    expect(found).toBeGreaterThan(30)
  })
})
