/** The system calls of a trace, against strace -f: same program, same environment, same descriptors. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { trace } from '../../lib/index'
import { inheritedOpenFiles } from '../../lib/session/limits'
import { buildFixture, missingGo } from '../support/fixtures'
import { assertNothingLeft, type Snapshot, snapshot } from '../support/leaks'
import { missingCommand, testUnless } from '../support/skip'
import { type Subject, subjects } from './subjects'

interface Call {
  name: string
  args: string[]
  result: string
}

type Program = Pick<Subject, 'file' | 'args' | 'env'>

let before: Snapshot
let null_: { input: number; output: number }
beforeEach(() => {
  before = snapshot()
  null_ = { input: openSync('/dev/null', 'r'), output: openSync('/dev/null', 'w') }
})
afterEach(async () => {
  closeSync(null_.input)
  closeSync(null_.output)
  await assertNothingLeft(before)
})

/** One processor for the program's goroutines: what the main thread does depends less on the others. */
const settled = (env: Record<string, string>) => ({ ...env, GOMAXPROCS: '1' })

/** The main thread's calls by strace, which starts the program with the limits that premain gives it. */
function straced({ file, args, env }: Program): Call[] {
  const folder = mkdtempSync(join(tmpdir(), 'premain-strace-'))
  try {
    const [soft] = inheritedOpenFiles() ?? []
    const limits = soft === undefined ? 'exec "$@"' : `ulimit -S -n ${soft}; exec "$@"`
    const strace = ['strace', '-ff', '-s', '4096', '-o', join(folder, 'calls'), file(), ...args]
    const options = { env: settled(env), stdio: [null_.input, null_.output, null_.output] }
    expect(spawnSync('/bin/sh', ['-c', limits, 'sh', ...strace], options).error).toBeUndefined()
    const pids = readdirSync(folder).map((name) => Number(name.split('.').at(-1)))
    const [pid] = pids.filter((one) => readFileSync(join(folder, `calls.${one}`), 'utf8').startsWith('execve('))
    const lines = readFileSync(join(folder, `calls.${pid}`), 'utf8').split('\n')
    return lines.flatMap((line) => parse(line, pid as number))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The calls of the main thread by premain. */
async function traced({ file, args, env }: Program): Promise<Call[]> {
  const stdio = [null_.input, null_.output, null_.output]
  const { syscalls, pid } = await trace(file(), args, { env: settled(env), stdio, syscalls: true })
  return syscalls!
    .filter(({ tid }) => tid === pid)
    .map(({ name, args: own, result }) => withoutPid({ name, args: own, result }, pid))
}

/** What differs from run to run. */
function withoutPid({ name, args, result }: Call, pid: number): Call {
  const plain = (text: string): string => (text === String(pid) ? 'pid' : text)
  return { name, args: args.map(plain), result: plain(result) }
}

function parse(line: string, pid: number): Call[] {
  const [, name, rest, result] = /^(\w+)\((.*)\) += (.*)$/.exec(line) ?? []
  if (name === undefined) return []
  return [withoutPid({ name, args: split(rest as string), result: resultOf(result as string, name) }, pid)]
}

/** `-1 ENOENT (No such file or directory)` as `-ENOENT`; a number with an explanation as the number. */
function resultOf(text: string, name: string): string {
  const error = /^-1 (E\w+)/.exec(text)?.[1]
  if (error !== undefined) return `-${error}`
  const [value = ''] = text.split(' ')
  return value === '?' || ADDRESSES.has(name) ? value : Number(value).toString()
}

/** Arguments, split where no bracket or string is open, without comments and names of real-time signals. */
function split(text: string): string[] {
  const args: string[] = []
  let depth = 0
  let from = 0
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]()]|, /g)) {
    if (/^[{[(]$/.test(token)) depth++
    if (/^[}\])]$/.test(token)) depth--
    if (token !== ', ' || depth > 0) continue
    args.push(text.slice(from, index))
    from = index + 2
  }
  const all = text === '' ? [] : [...args, text.slice(from)]
  return all.map((one) =>
    one
      .replace(/^0x\w+ (\/\* \d+ vars \*\/)$/, '$1')
      .replace(/^(0x\w+) \/\*.*\*\/$/, '$1')
      .replace(/^SIGRTMIN$/, 'SIG32')
      .replace(/^SIGRT_(\d+)$/, (_, n) => `SIG${32 + Number(n)}`),
  )
}

/** Calls whose result is an address. */
const ADDRESSES = new Set(['brk', 'mmap', 'mremap'])

const isAddress = (text: string): boolean => /^0x[0-9a-f]+$/.test(text)

/** Where premain shows an address, strace may show what lies there; all else is the same text. */
function sameCall(ours: Call | undefined, theirs: Call): boolean {
  if (ours?.name !== theirs.name || ours.args.length !== theirs.args.length) return false
  const args = ours.args.every((arg, i) => {
    const other = theirs.args[i] as string
    return isAddress(arg) ? isAddress(other) || /^~?[["{]/.test(other) : arg === other
  })
  return args && (ours.result === theirs.result || (isAddress(ours.result) && isAddress(theirs.result)))
}

/** The places at which two lists differ. */
function differences(ours: Call[], theirs: Call[]): unknown[] {
  const places = [...Array(Math.max(ours.length, theirs.length)).keys()]
  return places
    .filter((at) => theirs[at] === undefined || !sameCall(ours[at], theirs[at]))
    .map((at) => ({ at, ours: ours[at], theirs: theirs[at] }))
}

const isClone = ({ name }: Call): boolean => /^clone3?$/.test(name)

/** What a thread does for and because of others, at no certain moment. */
const BY_CHANCE =
  /^(futex|rt_sigreturn|tgkill|getpid|nanosleep|sched_yield|clone3?|rt_sigprocmask|mmap|munmap|mprotect|madvise|restart_syscall)$/

const bare = [undefined, '1.21.13', '1.23.12', '1.25.5', '1.27.0'].map((toolchain) => ({
  name: `hello, go${toolchain ?? ' as installed'}`,
  missing: missingGo(toolchain) ?? missingCommand('strace'),
  file: () => buildFixture('hello', { ...(toolchain && { toolchain }) }) as string,
  args: [],
  env: process.env as Record<string, string>,
}))

/**
 * Runs both until they tell the same, at most so often: where Go reserves address space depends on random addresses, and a
 * call more or less on them; a thread may be preempted. What is told wrongly is wrong every time.
 */
async function untilEqual(compare: () => Promise<unknown[]>): Promise<unknown[]> {
  let different = await compare()
  for (let attempt = 1; attempt < ATTEMPTS && different.length > 0; attempt++) different = await compare()
  return different
}

const ATTEMPTS = 8

describe.each([...bare, ...subjects])('$name', (program) => {
  testUnless(program.missing ?? missingCommand('strace'))(
    'up to the first thread, every call with its arguments and its result is strace’s',
    async () => {
      const different = await untilEqual(async () => {
        const [ours, theirs] = [await traced(program), straced(program)]
        const count = theirs.findIndex(isClone)
        expect(count).toBeGreaterThan(50)
        const own = ours.slice(0, ours.findIndex(isClone))
        return differences(own, theirs.slice(0, count))
      })
      expect(different).toEqual([])
    },
  )
})

describe.each(bare)('$name', (program) => {
  testUnless(program.missing)('after the last call of the trace, the first one of main is next', async () => {
    const different = await untilEqual(async () => {
      const [ours, theirs] = [await traced(program), straced(program)].map((calls) =>
        calls.filter(({ name }) => !BY_CHANCE.test(name)),
      ) as [Call[], Call[]]
      const main = theirs.findIndex(({ name, args }) => name === 'write' && args[1]?.includes('hello from main'))
      expect(main).toBeGreaterThan(50)
      return differences(ours, theirs.slice(0, main))
    })
    expect(different).toEqual([])
  })
})
