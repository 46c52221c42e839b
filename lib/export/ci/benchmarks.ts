/** Measurements in the formats of other tools. */
import { mean, sampleStandardDeviation } from 'simple-statistics'
import type { Measurement, Series } from '../../measure/types'
import { escapeControls } from '../escape'

const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', x86_64: 'amd64', arm64: 'arm64', aarch64: 'arm64' }

/**
 * Go's benchmark text (golang.org/design/14313-benchmark-format), which `benchstat` reads: a line for each launch, so that
 * it can test. Wall time is `ns/op`, CPU time `cpu-ns/op`; faults have lines of their own, from other launches.
 */
export function goBenchmark({ target, host, totals, steps, packages }: Measurement): string {
  const cpus = host?.cpus ?? 1
  const head = [
    'goos: linux',
    ...(host ? [`goarch: ${GO_ARCH[host.arch] ?? host.arch}`] : []),
    ...(target?.go?.main ? [`pkg: ${escapeControls(target.go.main)}`] : []),
    ...(host ? [`cpu: ${escapeControls(host.cpu)}`] : []),
  ]
  const timed = [
    { name: 'total', of: totals },
    ...steps.map((step) => ({ name: `step=${step.id}`, of: step })),
    ...packages.map((entry) => ({ name: `init=${entry.package}`, of: entry })),
  ]
  const lines = [
    ...timed.flatMap(({ name, of }) =>
      linesOf(name, cpus, [
        ['ns/op', of.wallNs],
        ['cpu-ns/op', of.cpuNs],
      ]),
    ),
    ...linesOf('faults', cpus, [
      ['minor-faults/op', totals.minorFaults],
      ['major-faults/op', totals.majorFaults],
    ]),
  ]
  return `${[...head, ...lines].join('\n')}\n`
}

/** One line for each launch with a sample of the first unit; `name` without white space, as the format wants. */
function linesOf(name: string, cpus: number, units: [unit: string, series: Series][]): string[] {
  const title = `BenchmarkStartup/${escapeControls(name).replace(/\s/g, '_')}-${cpus}`
  return units[0]![1].samples.flatMap((first, at) => {
    if (first === null) return []
    const values = units.flatMap(([unit, { samples }]) => (samples[at] == null ? [] : [`${samples[at]} ${unit}`]))
    return [`${title}\t1\t${values.join('\t')}`]
  })
}

/** One entry of github-action-benchmark's `customSmallerIsBetter`. */
export interface ActionBenchmark {
  name: string
  unit: string
  value: number
  range: string
  extra: string
}

/** For benchmark-action/github-action-benchmark, tool `customSmallerIsBetter`: totals, steps and init packages. */
export function actionBenchmark({ totals, steps, packages }: Measurement): ActionBenchmark[] {
  const entry = (name: string, unit: string, series: Series): ActionBenchmark[] =>
    series.median === null
      ? []
      : [
          {
            name,
            unit,
            value: series.median,
            range: `± ${series.mad}`,
            extra: `median of ${series.count}, p95 ${series.p95}, range is the MAD`,
          },
        ]
  const both = (name: string, of: { wallNs: Series; cpuNs: Series }) => [
    ...entry(`${name} wall`, 'ns', of.wallNs),
    ...entry(`${name} cpu`, 'ns', of.cpuNs),
  ]
  return [
    ...both('total', totals),
    ...entry('total minor faults', 'faults', totals.minorFaults),
    ...entry('total major faults', 'faults', totals.majorFaults),
    ...steps.flatMap((step) => both(`step ${step.id}`, step)),
    ...packages.flatMap((each) => both(`init ${each.package}`, each)),
  ]
}

/** One entry of `hyperfine --export-json`. */
export interface HyperfineResult {
  command: string
  mean: number
  stddev: number | null
  median: number
  min: number
  max: number
  times: number[]
  exit_codes: (number | null)[]
}

/**
 * What `hyperfine --export-json` writes, in seconds, for the time from execve to main. Without `user` and `system`: the CPU
 * clock that is sampled does not part them. Exit codes are null: premain ended the launches.
 */
export function hyperfine({ target, totals }: Measurement): { results: HyperfineResult[] } {
  const times = totals.wallNs.samples.flatMap((ns) => (ns === null ? [] : [ns / 1e9]))
  if (times.length === 0) return { results: [] }
  return {
    results: [
      {
        command: (target?.argv ?? []).join(' '),
        mean: mean(times),
        stddev: times.length > 1 ? sampleStandardDeviation(times) : null,
        median: totals.wallNs.median! / 1e9,
        min: totals.wallNs.min! / 1e9,
        max: totals.wallNs.max! / 1e9,
        times,
        exit_codes: times.map(() => null),
      },
    ],
  }
}
