import fc from 'fast-check'
import { annotations } from '../../../lib/export/ci/annotations'
import { actionBenchmark, goBenchmark, hyperfine } from '../../../lib/export/ci/benchmarks'
import { escapeXml, junit } from '../../../lib/export/ci/junit'
import { cutBelow } from '../../../lib/export/ci/markdown'
import { stepGantt, stepSummary } from '../../../lib/export/ci/summary'
import { checkWith } from '../../../lib/measure/check'
import { compare } from '../../../lib/measure/compare'
import { measureWith } from '../../../lib/measure/measure'
import type { CheckResult, Comparison, Measurement } from '../../../lib/measure/types'
import { type FakeInit, type FakeOptions, fakeWorld } from '../../measure/fake'

const PROGRAM = { file: '/bin/fake', args: ['-v'] }

function measured(fake: FakeOptions = {}, runs = 10): Promise<Measurement> {
  return measureWith(fakeWorld(fake), PROGRAM, { runs })
}

function checked(budgets: string[]): Promise<CheckResult> {
  return checkWith(fakeWorld(), PROGRAM, { budgets, runs: 10 })
}

async function compared(scale: number): Promise<Comparison> {
  return compare(await measured(), await measured({ seed: 2, scale }))
}

describe('step summary', () => {
  it('of a measurement: totals, a chart, the steps and whom to blame', async () => {
    const text = stepSummary(await measured({ noise: 0 }))
    expect(text).toContain('### `/bin/fake` from execve to main.main')
    expect(text).toContain('```mermaid\ngantt\n')
    expect(text).toContain('| 1 `execve` | 400 µs |')
    expect(text).toContain('| 4 `interp` | not-applicable |')
    expect(text.match(/\| `[^|]*\| 400 µs \|/)?.[0]).toContain('`net/http`')
    expect(text).not.toMatch(/undefined|NaN|null/)
  })

  it('the chart’s bars follow each other', async () => {
    const chart = stepGantt(await measured({ noise: 0 }))
    const bars = [...chart.matchAll(/^ {2}(\w+) : (\d+), (\d+)ms$/gm)].map(([, id, at, us]) => [
      id,
      Number(at),
      Number(us),
    ])
    expect(bars.slice(0, 2)).toEqual([
      ['execve', 0, 400],
      ['entry', 400, 20],
    ])
    for (const [index, [, at]] of bars.slice(1).entries()) {
      expect(at).toBe((bars[index]![1] as number) + (bars[index]![2] as number))
    }
    expect(chart.match(/section .*/g)).toEqual(['section kernel', 'section Go runtime', 'section program'])
    expect(stepGantt(await measured({ failing: () => true }))).toBe('')
  })

  it('of a check and of a comparison', async () => {
    const check = stepSummary(await checked(['total.cpu=1us', 'total.wall=1s', 'init:gone.cpu=1ms']))
    expect(check).toContain('## ❌ premain check failed')
    expect(check).toContain('| ❌ `total.cpu=1us` |')
    expect(check).toContain('| ✅ `total.wall=1s` |')
    expect(check).toContain('no init of gone ran')
    const comparison = stepSummary(await compared(1.5))
    expect(comparison).toContain('## 🔴 slower')
    expect(comparison).toMatch(/\| total, wall time \| .* \| 🔴 slower \|/)
    expect(comparison).toContain('`/bin/fake -v` → `/bin/fake -v`: ')
  })

  it('of a comparison of revisions: their names, not the files that were built of them', async () => {
    const comparison = await compared(1.5)
    comparison.before.revision = { name: 'main', commit: '0123456789abcdef' }
    comparison.after.revision = { name: 'HEAD', commit: 'fedcba9876543210' }
    expect(stepSummary(comparison)).toContain('`main (0123456789) -v` → `HEAD (fedcba9876) -v`: ')
  })

  it('is cut below GitHub’s limit, at a line’s end and with everything closed', async () => {
    const inits = Array.from({ length: 20_000 }, (_, at) => ({
      package: `example.com/a/very/long/path/of/package${at}`,
      ns: 100,
    }))
    const text = stepSummary(await measured({ inits }, 1))
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024)
    expect(Buffer.byteLength(text)).toBeGreaterThan(900 * 1024)
    expect(text.split('<details>').length).toBe(text.split('</details>').length)
    expect(text).toContain('*Cut:')
  })

  it('names that look like its tags do not mislead the cut', async () => {
    const inits = Array.from({ length: 20_000 }, (_, at) => ({ package: `</details><details>/p${at}`, ns: 100 }))
    const text = stepSummary(await measured({ inits }, 1))
    expect(Buffer.byteLength(text)).toBeLessThan(1000 * 1024)
    expect(text.match(/^<details>/gm)?.length).toBe(text.match(/^<\/details>$/gm)?.length)
  })

  it('leaves room for what the step’s other commands have written', async () => {
    const measurement = await measured()
    expect(stepSummary(measurement, 1_023_000)).toContain('*Cut:')
    expect(Buffer.byteLength(stepSummary(measurement, 1_023_000))).toBeLessThan(1000)
    expect(stepSummary(measurement, 1_100_000)).toBe('')
  })

  it('of launches that failed: what the program said, line by line', async () => {
    const measurement = await measured({ failing: () => true })
    const message = 'all 10 launches failed: it exited before main.main:\npanic: `x`\n\tmain.go:3'
    const text = stepSummary({ ...measurement, error: { ...measurement.error!, message } })
    expect(text).toContain(
      '\n❌ all 10 launches failed: it exited before main.main:\n\n```\npanic: `x`\n\tmain.go:3\n```\n',
    )
  })

  it('of a comparison has both sides’ steps in its chart', async () => {
    const text = stepSummary(await compared(1.5))
    expect(text.match(/section \w+/g)).toEqual(['section before', 'section after'])
    expect(text.match(/^ {2}execve : 0, \d+ms$/gm)).toHaveLength(2)
  })

  it('cuts any text below any limit', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.integer({ min: 200, max: 400 }), (lines, limit) => {
        const text = lines.join('\n')
        const cut = cutBelow(text, limit)
        expect(Buffer.byteLength(cut)).toBeLessThan(limit)
        if (Buffer.byteLength(text) < limit) expect(cut).toBe(text)
        else expect(text.startsWith(cut.split('\n\n*Cut')[0]!)).toBe(true)
      }),
    )
  })

  it('names from the binary cannot become markup', async () => {
    const inits = [{ package: 'a|b`c\u001b[31m\n## x <img>', ns: 1000 }]
    const text = stepSummary(await measured({ inits }))
    expect(text).not.toContain('\u001b')
    expect(text).not.toMatch(/^## x/m)
    expect(text).toContain('a\\|b`c\\x1b[31m\\n## x <img>')
  })
})

describe('annotations', () => {
  it('name the init’s place below the checkout, with escapes', async () => {
    const text = annotations(await checked(['init:net/http.wall=1us', 'total.cpu=1s']), '/src')
    expect(text).toMatch(
      /^::error file=net\/http\/init\.go,line=12,title=init%3Anet\/http\.wall=1us::median .* 95 %25 /,
    )
    expect(text.trim().split('\n')).toHaveLength(1)
    const elsewhere = annotations(await checked(['init:net/http.wall=1us']), '/checkout')
    expect(elsewhere).toMatch(/^::error title=init/)
  })

  it('know the files of a program built with -trimpath by its module, and no others', async () => {
    const of = (file: string) => ({ package: file, ns: 1000, file })
    const inits = [of('example.com/app/p/p.go'), of('example.com/application/q.go'), of('net/http/server.go')]
    const budgets = inits.map((init) => `init:${init.package}.wall=1ns`)
    const world = fakeWorld({ inits, goMain: 'example.com/app' })
    const result = await checkWith(world, PROGRAM, { budgets, runs: 10 })
    const there = annotations(result, '/checkout', (path) => path === '/checkout/p/p.go')
    expect(there.match(/file=[^,]*/g)).toEqual(['file=p/p.go'])
    // a module of a subfolder
    expect(annotations(result, '/checkout', () => false)).not.toContain('file=')
  })

  it('of a comparison: at the place of the init', async () => {
    const inits = (ns: number) => [{ package: 'app/config', ns, file: '/src/config/config.go' }]
    const before = await measured({ inits: inits(1e6) }, 30)
    const comparison = compare(before, await measured({ inits: inits(3e6), seed: 2 }, 30))
    expect(annotations(comparison, '/src')).toMatch(
      /^::warning file=config\/config\.go,line=10,title=init app\/config%2C wall time%3A slower::/m,
    )
  })

  it('name no place for what the compiler made, but that of the package’s next init', async () => {
    const variables = { package: 'app/config', ns: 1000, file: '<autogenerated>' }
    const budgets = ['init:app/config.wall=1ns']
    const of = async (inits: FakeInit[]) =>
      annotations(await checkWith(fakeWorld({ inits }), PROGRAM, { budgets, runs: 10 }), '/src')
    expect(await of([variables])).toMatch(/^::error title=init/)
    const named = { package: 'app/config', function: 'app/config.init.0', ns: 1000 }
    expect(await of([variables, named])).toMatch(/^::error file=app\/config\/init\.go,line=11,title=init/)
  })

  it('what is inconclusive is a warning', async () => {
    const { totals } = await measured()
    const result = await checked([`total.wall=${Math.round(totals.wallNs.median!)}ns`])
    expect(annotations(result, '/')).toMatch(/^::warning title=total\.wall/)
  })

  it('are rolled up beyond ten', async () => {
    const budgets = Array.from({ length: 25 }, (_, at) => `total.cpu=${at}ns`)
    const lines = annotations(await checked(budgets), '/')
      .trim()
      .split('\n')
    expect(lines).toHaveLength(10)
    expect(lines[9]).toContain('and 16 more: total.cpu=9ns, ')
  })

  it('of a comparison: the total is an error, its parts are warnings', async () => {
    const text = annotations(await compared(1.5), '/')
    expect(text).toMatch(/^::error title=total%2C wall time%3A slower::shifted by \+\d+\.\d %25/)
    expect(text).toMatch(/^::warning title=step execve/m)
    expect(annotations(await compared(0.5), '/')).toBe('')
  })
})

describe('JUnit', () => {
  it('has a case for each budget', async () => {
    const text = junit(await checked(['total.cpu=1us', 'total.wall=1s', 'init:a"<&.cpu=1ms']))
    expect(text).toContain('<testsuites tests="3" failures="1" errors="0" skipped="0">')
    expect(text).toMatch(/<testcase name="total.wall=1s" [^>]*><system-out>median 1\.\d+ ms, allowed 1 s, /)
    expect(text).toContain('<system-out>no init of a&quot;&lt;&amp; ran: ')
    expect(text).toContain('<failure message="median ')
    expect(text).toContain('name="init:a&quot;&lt;&amp;.cpu=1ms"')
  })

  it('has a case for each difference', async () => {
    const comparison = await compared(1.5)
    const text = junit(comparison)
    expect(text.match(/<testcase /g)).toHaveLength(comparison.differences.length + 1)
    expect(text).toMatch(/<testcase name="step schedinit, wall time" [^>]*><system-out>slower: shifted by/)
    expect(text).toContain('<testcase name="failed launches"')
  })

  it('fails where --fail-on slower does: by the total’s clocks, and by more failed launches', async () => {
    const failing = (text: string) => [...text.matchAll(/name="([^"]*)"[^>]*><failure /g)].map(([, name]) => name)
    expect(failing(junit(await compared(1.5)))).toEqual(['total, wall time', 'total, CPU time'])
    const inits = (ns: number) => [
      { package: 'app/config', ns },
      { package: 'rest', ns: 1e9 },
    ]
    const dear = compare(await measured({ inits: inits(1e6) }, 30), await measured({ inits: inits(3e6), seed: 2 }, 30))
    expect(dear.differences.some(({ scope, verdict }) => scope === 'init' && verdict === 'slower')).toBe(true)
    expect(failing(junit(dear))).toEqual([])
    const half = await measured({ failing: (launch) => launch % 2 === 0, seed: 2 }, 60)
    expect(failing(junit(compare(await measured({}, 60), half)))).toEqual(['failed launches'])
  })

  it('escapes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeXml(`${text}\ud800\u0000`)
        expect(escaped.replace(/&(amp|lt|gt|quot|#10);/g, '')).not.toMatch(/[<>"&\n\0\ud800]/u)
      }),
    )
  })
})

describe('other tools’ formats', () => {
  it('Go benchmark text: a line for each launch, in the format’s grammar', async () => {
    const measurement = await measured({}, 6)
    const lines = goBenchmark({ '': measurement }).trimEnd().split('\n')
    const results = lines.filter((line) => line.startsWith('Benchmark'))
    // golang.org/design/14313-benchmark-format: name, iterations, then value and unit pairs.
    for (const line of results) expect(line).toMatch(/^Benchmark[A-Z]\S*-\d+\t\d+(\t\d+ \S+)+$/)
    for (const line of lines.slice(0, lines.indexOf(results[0]!))) expect(line).toMatch(/^[a-z]\S*: \S/)
    expect(results.filter((line) => line.startsWith('BenchmarkStartup/init=net/http-2\t'))).toHaveLength(6)
    expect(results.filter((line) => line.startsWith('BenchmarkStartup/step=interp-'))).toEqual([])
    expect(results[0]).toBe(
      `BenchmarkStartup/total-2\t1\t${measurement.totals.wallNs.samples[0]} ns/op\t${measurement.totals.cpuNs.samples[0]} cpu-ns/op`,
    )
    expect(results.at(-1)).toMatch(/^BenchmarkStartup\/faults-2\t1\t\d+ minor-faults\/op\t0 major-faults\/op$/)
  })

  it('steps without a time of their own have no line, and allocations have theirs', async () => {
    const stderr = 'init net/http @0.1 ms, 0.02 ms clock, 4096 bytes, 17 allocs\n'
    const measurement = await measureWith(fakeWorld({ stderr }), PROGRAM, { runs: 6, allocs: true })
    const text = goBenchmark({ '': measurement })
    expect(text).not.toMatch(/step=(image|stack|interp)/)
    expect(text).not.toMatch(/\t0 ns\/op/)
    expect(text).toContain('BenchmarkStartup/init=net/http-2\t1\t4096 B/op\t17 allocs/op\n')
    const names = actionBenchmark({ '': measurement }).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['init net/http bytes', 'init net/http allocs']))
    expect(names.filter((name) => name.startsWith('step image'))).toEqual([])
  })

  it('both sides of a comparison, told apart', async () => {
    const sides = { before: await measured(), after: await measured({ seed: 2 }) }
    expect(goBenchmark(sides).match(/^side: .*$/gm)).toEqual(['side: before', 'side: after'])
    const names = actionBenchmark(sides).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['before: total wall', 'after: total wall']))
    expect(new Set(names).size).toBe(names.length)
    expect(hyperfine(sides).results).toHaveLength(2)
  })

  it('github-action-benchmark', async () => {
    const entries = actionBenchmark({ '': await measured({ noise: 0 }) })
    expect(entries[0]).toEqual({
      name: 'total wall',
      unit: 'ns',
      value: 1_175_000,
      range: '± 0',
      extra: 'median of 10, p95 1175000, range is the MAD',
    })
    expect(entries.map((entry) => entry.name)).toEqual(expect.arrayContaining(['step inits cpu', 'init net/http wall']))
    expect(new Set(entries.map((entry) => entry.name)).size).toBe(entries.length)
  })

  it('hyperfine, in seconds', async () => {
    const measurement = await measured()
    const { results } = hyperfine({ '': measurement })
    expect(results[0]).toMatchObject({ command: '/bin/fake -v', exit_codes: Array(10).fill(null) })
    expect(results[0]!.times[3]).toBe(measurement.totals.wallNs.samples[3]! / 1e9)
    expect(results[0]!.stddev).toBeGreaterThan(0)
    expect(hyperfine({ '': await measured({ failing: () => true }) })).toEqual({ results: [] })
  })
})
