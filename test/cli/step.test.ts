import { answer, STEP_HELP } from '../../lib/cli/step-words'
import { PremainError } from '../../lib/errors'
import type { LiveStop } from '../../lib/session/live-stop'
import type { TraceOptions } from '../../lib/session/options'
import type { Session } from '../../lib/session/session'
import type { Trace } from '../../lib/trace/types'
import { premain } from './fake'

function liveStop(name: string, index = 0): LiveStop {
  return {
    index,
    kind: 'breakpoint',
    name,
    symbol: name,
    file: '/usr/local/go/src/runtime/proc.go',
    line: 149,
    address: 0x401000n,
    tid: 4242,
    atNs: 1000,
    registers: { rip: 0x401000n, rsp: 0x7ffd0000n } as LiveStop['registers'],
    maps: async () => [
      {
        start: '0x400000',
        end: '0x401000',
        perms: 'r-xp',
        offset: '0x0',
        dev: '0',
        inode: 1,
        path: '/x\u001b',
        role: 'text',
      },
    ],
    readMemory: async (address, length) => {
      if (address < 0x1000n) throw new PremainError('INVALID_OPTION', 'nothing is there', { hint: 'look elsewhere' })
      return Buffer.from(Array.from({ length }, (_, at) => at + 0x38))
    },
    backtrace: async () => [{ address: '0x401000', function: 'runtime.main', file: 'proc.go', line: 149 }],
  }
}

/** A session over made-up stops. */
function fakeSession(names: string[]) {
  const calls: string[] = []
  const session = {
    async *[Symbol.asyncIterator]() {
      for (const [index, name] of names.entries()) {
        calls.push(name)
        yield liveStop(name, index)
      }
    },
    stopAt: (symbol: string) => void calls.push(`stopAt ${symbol}`),
    detach: async () => void calls.push('detach'),
    close: async () => void calls.push('close'),
  }
  return { calls, launch: () => session as unknown as Session<Trace> }
}

const at = { stop: liveStop('runtime.main'), session: { stopAt: () => {} } }

test.each([
  ['', { next: 'next' }],
  ['n', { next: 'next' }],
  [' c ', { next: 'all' }],
  ['q', { next: 'quit' }],
  ['d', { next: 'detach' }],
  ['h', { text: STEP_HELP }],
  ['r rip', { text: '     rip  0x401000' }],
  ['r nope', { text: 'no register nope: rip rsp' }],
  ['m', { text: '0x400000-0x401000 r-xp text       /x\\x1b' }],
  ['b', { text: '0x401000  runtime.main  proc.go:149' }],
  ['x rsp 4', { text: '0x7ffd0000  38 39 3a 3b                                      89:;' }],
  ['x 0x10', { text: 'nothing is there\nlook elsewhere' }],
  ['x rip nope', { text: expect.stringContaining('x ADDR [BYTES]') }],
  ['s net.Dial', { text: 'will stop at net.Dial' }],
  ['s', { text: expect.stringContaining('s SYMBOL') }],
  ['toString', { text: expect.stringContaining('what is "toString"?') }],
])('%j at a stop', async (line, reply) => {
  expect(await answer(line, at)).toEqual(reply)
})

test('a line of memory holds 16 bytes', async () => {
  const { text } = await answer('x 0x400000 33', at)
  expect(text!.split('\n').map((line) => line.split('  ')[0])).toEqual(['0x400000', '0x400010', '0x400020'])
})

test('one goes from stop to stop, and to the end without asking', async () => {
  const { calls, launch } = fakeSession(['execve', 'runtime.rt0_go', 'main.main'])
  const { code, stdout } = await premain(['step', './hello'], { launch, input: '\ns net.Dial\nc\n' })
  expect(code).toBe(0)
  expect(calls).toEqual(['execve', 'runtime.rt0_go', 'stopAt net.Dial', 'main.main', 'close'])
  expect(stdout).toContain('  1  runtime.rt0_go  0x401000  runtime/proc.go:149  tid 4242\n')
})

test.each([
  ['q', ['execve', 'close']],
  ['d', ['execve', 'detach', 'close']],
  ['', ['execve', 'close']],
])('leaving by %j', async (input, expected) => {
  const { calls, launch } = fakeSession(['execve', 'main.main'])
  expect((await premain(['step', './hello'], { launch, input })).code).toBe(0)
  expect(calls).toEqual(expected)
})

test('options reach the library', async () => {
  const asked: unknown[] = []
  const { launch } = fakeSession([])
  await premain(['step', '--no-inits', '--until', 'procs', '--stop', 'a.b', '--env', 'A=1', './hello', '-v'], {
    launch: (...of: [string, string[], TraceOptions]) => {
      asked.push(...of)
      return launch()
    },
  })
  expect(asked).toMatchObject(['./hello', ['-v'], { inits: false, until: 'procs', stops: ['a.b'], env: { A: '1' } }])
})
