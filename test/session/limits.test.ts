/** Limits of the surroundings: of descriptors, processes, times, sizes and addresses. A Node of its own each. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Trace } from '../../lib/index'
import { BOUND, run } from '../support/bounded'
import { tsgo } from '../support/corpus'
import { missingGo } from '../support/fixtures'
import { AS_NOBODY } from '../support/nobody'
import { missingCommand, testUnless } from '../support/skip'

const root = join(__dirname, '..', '..')
const library = join(root, 'dist', 'index.js')
const command = join(root, 'dist', 'cli', 'bin.js')
const LIMIT = 30_000

describe('limits', () => {
  const limited = (limit: string) => ['prlimit', limit]
  const script = `
    const { launch, trace } = require(process.argv[1])
    const [file, how] = process.argv.slice(2)
    const walk = async (session) => {
      for await (const stop of session) await stop.maps()
      return session.trace()
    }
    const seen = how === 'launch' ? walk(launch(file, ['--version'])) : trace(file, ['--version'], { run: how === 'run' })
    seen.then(
      (seen) => console.log(seen.outcome, JSON.stringify(seen.exit)),
      (error) => console.log(error.name, error.code, error.errno, error.syscall, error.hint))`

  function outcomeUnder(words: string[], program: string, how = ''): string {
    return run([...words, process.execPath, '-e', script, library, program, how]).stdout.trim()
  }

  testUnless(missingCommand('prlimit'))(
    'descriptors: few enough, and too few',
    () => {
      expect(outcomeUnder(limited('--nofile=64:64'), tsgo.file)).toBe('reached-main null')
      const seen = [24, 26, 28, 30, 32, 34, 36].map((n) => outcomeUnder(limited(`--nofile=${n}:${n}`), tsgo.file))
      for (const outcome of seen) expect(outcome).toMatch(/^(reached-main null|PremainError [A-Z_]+ .*|)$/)
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit'))(
    'descriptors: none when the target has executed is said, not taken for another program',
    () => {
      // The target's own three are there; starting it takes two more, watching it four.
      const shortage = `
        const { closeSync, openSync } = require('node:fs')
        const { inspect, launch, trace } = require(process.argv[1])
        const file = process.argv[2]
        const open = () => openSync('/dev/null', 'r+')
        const fd = open()
        const all = []
        const fill = () => { try { for (;;) all.push(open()) } catch {} }
        const tell = ({ code, errno, syscall, hint }) => console.log(code, errno, syscall, hint)
        const walk = async (...words) => {
          for await (const stop of launch(...words)) await stop.maps()
        }
        const main = async () => {
          for (const [way, run] of [[trace, false], [trace, true], [walk, false]]) {
            const seen = () => way(file, ['--version'], { run, stdio: [fd, fd, fd] })
            await seen()
            fill()
            closeSync(all.pop())
            for (const _ of [2, 3]) {
              closeSync(all.pop())
              await seen().then(() => console.log('no error'), tell)
            }
            for (const one of all.splice(0)) closeSync(one)
            await seen()
          }
          fill()
          await inspect(file)
        }
        main().catch(tell)`
      const { stdout } = run([...limited('--nofile=64:64'), process.execPath, '-e', shortage, library, tsgo.file])
      const lines = stdout.trim().split('\n')
      const named = (code: string) => expect.stringMatching(`^${code} EMFILE open .*ulimit -n`)
      expect(lines).toEqual([...Array(6).fill(named('EXEC_FAILED')), named('UNSUPPORTED')])
    },
    LIMIT,
  )

  test(
    'descriptors: none for the disassembler is an error with a name, and forgotten the next time',
    () => {
      const shortage = `
        const fs = require('node:fs')
        const read = fs.readFileSync
        let short = true
        fs.readFileSync = (path, ...rest) => {
          if (!short || !String(path).endsWith('disassembler.wasm')) return read(path, ...rest)
          throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', errno: -24, syscall: 'open' })
        }
        const { trace } = require(process.argv[1])
        const again = () => trace(process.argv[2], ['--version'])
        again().catch((error) => {
          console.log(error.name, error.code, error.errno, error.syscall, error.hint)
          short = false
          return again()
        }).then(({ steps }) => console.log(steps.find(({ id }) => id === 'entry').evidence.disassembly.length > 0))`
      const seen = run([process.execPath, '-e', shortage, library, tsgo.file]).stdout.trim().split('\n')
      expect(seen).toEqual([expect.stringMatching(/^PremainError UNSUPPORTED EMFILE open .*ulimit -n/), 'true'])
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit', 'setpriv') ?? notRoot() ?? notForNobody())(
    'processes: a refused thread or child is an error, not an abort',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'premain-nproc-'))
      try {
        // As nobody: root is not limited. Node itself needs about a dozen threads; between that and enough for all are
        // the limits at which the tracer's thread or its child is refused.
        const program = join(folder, 'program')
        copyFileSync(tsgo.file, program)
        run(['chmod', '-R', 'a+rx', folder])
        const under = (n: number, how?: string) =>
          outcomeUnder([...limited(`--nproc=${n}:${n}`), ...AS_NOBODY], program, how)
        const outcomes = [7, 8, 9, 10, 11, 12, 40].map((n) => under(n))
        expect(outcomes.at(-1)).toBe('reached-main null')
        for (const outcome of outcomes) expect(outcome).toMatch(/^(reached-main null|PremainError [A-Z_]+ .*|)$/)
        const launched = [7, 8, 9, 10, 11, 12].map((n) => under(n, 'launch'))
        const refusals = launched.filter((outcome) => outcome.includes('EAGAIN'))
        expect(refusals).not.toEqual([])
        const refusal = /^PremainError EXEC_FAILED EAGAIN (pthread_create|clone) .*ulimit -u/
        for (const one of refusals) expect(one).toMatch(refusal)
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit') ?? missingGo())(
    'CPU time and file size reach the target as a shell would pass them on',
    () => {
      expect(outcomeUnder(limited('--cpu=60:60'), tsgo.file, 'run')).toBe('reached-main {"code":0,"signal":null}')
      expect(outcomeUnder(limited('--fsize=0:0'), tsgo.file, 'run')).toBe('reached-main {"code":0,"signal":null}')
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit'))(
    'a report beyond the limit of file sizes leaves the old one',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'premain-fsize-'))
      try {
        const report = join(folder, 'report')
        writeFileSync(report, 'old\n')
        const words = limited('--fsize=4096:4096')
        const { status, stderr } = run([...words, process.execPath, command, '--json', '-o', report, tsgo.file])
        expect(status).toBe(2)
        expect(stderr).toContain('EFBIG')
        expect(readFileSync(report, 'utf8')).toBe('old\n')
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit'))(
    'address space: an error or a trace, never a hang',
    () => {
      for (const megabytes of [716, 800, 1200, 4000]) {
        const words = [`--as=${megabytes * 2 ** 20}`, process.execPath, '-e', script, library, tsgo.file]
        const { stdout } = spawnSync('prlimit', words, { ...BOUND, encoding: 'utf8' })
        expect(stdout).toMatch(/^(reached-main null|PremainError [A-Z_]+ .*|)\n?$/)
      }
    },
    LIMIT,
  )

  testUnless(missingCommand('prlimit'))(
    'address space: what Node cannot have is UNSUPPORTED, and its hint helps',
    () => {
      const few = [...limited(`--as=${4000 * 2 ** 20}`), process.execPath]
      const words = [...few, command, '--json', tsgo.file, ...tsgo.args]
      const { status, stdout, stderr } = run(words)
      // newer releases of Node do with less where they cannot reserve what WebAssembly would like to have
      if (run([...few, '-e', 'new WebAssembly.Memory({ initial: 1 })']).status === 0) return expect(status).toBe(0)
      expect(status).toBe(3)
      expect((JSON.parse(stdout) as Trace).error).toMatchObject({ code: 'UNSUPPORTED', errno: 'ENOMEM' })
      const launched = outcomeUnder(limited(`--as=${4000 * 2 ** 20}`), tsgo.file, 'launch')
      expect(launched).toMatch(/^PremainError UNSUPPORTED ENOMEM null .*--disable-wasm-trap-handler/)
      const [flag = ''] = /(?<=NODE_OPTIONS=)\S+/.exec(stderr) ?? []
      expect(run(words, { env: { NODE_OPTIONS: flag } }).status).toBe(0)
    },
    LIMIT,
  )
})

/** A checkout below root's home may not be read by anybody else. */
function notForNobody(): string | null {
  const words = [...AS_NOBODY.slice(1), process.execPath, '-e', `require('${library}')`]
  return spawnSync('setpriv', words).status === 0 ? null : 'nobody but root can read this checkout'
}

function notRoot(): string | null {
  return process.getuid?.() === 0 ? null : 'not root'
}
