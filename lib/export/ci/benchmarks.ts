/** Measurements in the formats of other tools. */
import { mean, sampleStandardDeviation } from 'simple-statistics'
import { hasTime } from '../../measure/judge'
import type { Measurement, PackageAllocs, PackageSeries, Series } from '../../measure/types'
import { escapeControls } from '../escape'

const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', x86_64: 'amd64', arm64: 'arm64', aarch64: 'arm64' }

/** Measurements by the name of their side in a comparison; one by itself has the name ''. */
export type Sides = Readonly<Record<string, Measurement>>

/**
 * Go's benchmark text (golang.org/design/14313-benchmark-format), which `benchstat` reads: a line for each launch, so that
 * it can test. Wall time is `ns/op`, CPU time `cpu-ns/op`; faults and allocations have lines of their own, from other
 * launches. Two measurements are told apart by a key of the file, `side`: `benchstat -col side FILE`.
 */
export function goBenchmark(sides: Sides): string {
  const lines = Object.entries(sides).flatMap(([side, measurement]) => [
    ...(side === '' ? [] : [`side: ${side}`]),
    ...goLines(measurement),
  ])
  return `${lines.join('\n')}\n`
}

function goLines({ target, host, totals, steps, packages }: Measurement): string[] {
  const cpus = host?.cpus ?? 1
  const timed = [
    { name: 'total', of: totals },
    ...steps.filter(hasTime).map((step) => ({ name: `step=${step.id}`, of: step })),
    ...packages.map((entry) => ({ name: `init=${entry.package}`, of: entry })),
  ]
  return [
    'goos: linux',
    ...(host ? [`goarch: ${GO_ARCH[host.arch] ?? host.arch}`] : []),
    ...(target?.go?.main ? [`pkg: ${escapeControls(target.go.main)}`] : []),
    ...(host ? [`cpu: ${escapeControls(host.cpu)}`] : []),
    ...timed.flatMap(({ name, of }) =>
      linesOf(name, cpus, [
        ['ns/op', of.wallNs],
        ['cpu-ns/op', of.cpuNs],
      ]),
    ),
    ...packages.flatMap((entry) => allocLine(`init=${entry.package}`, cpus, entry.allocs)),
    ...linesOf('faults', cpus, [
      ['minor-faults/op', totals.minorFaults],
      ['major-faults/op', totals.majorFaults],
    ]),
  ]
}

/** One line for each launch with a sample of the first unit; `name` without white space, as the format wants. */
function linesOf(name: string, cpus: number, units: [unit: string, series: Series][]): string[] {
  const title = titleOf(name, cpus)
  return units[0]![1].samples.flatMap((first, at) => {
    if (first === null) return []
    const values = units.flatMap(([unit, { samples }]) => (samples[at] == null ? [] : [`${samples[at]} ${unit}`]))
    return [`${title}\t1\t${values.join('\t')}`]
  })
}

function titleOf(name: string, cpus: number): string {
  return `BenchmarkStartup/${escapeControls(name).replace(/\s/g, '_')}-${cpus}`
}

/** Of the launches for it only the medians are kept. */
function allocLine(name: string, cpus: number, allocs: PackageAllocs | null): string[] {
  return allocs ? [`${titleOf(name, cpus)}\t1\t${allocs.bytes} B/op\t${allocs.allocs} allocs/op`] : []
}

/** One entry of github-action-benchmark's `customSmallerIsBetter`. */
export interface ActionBenchmark {
  name: string
  unit: string
  value: number
  range?: string
  extra: string
}

/** For benchmark-action/github-action-benchmark, tool `customSmallerIsBetter`: totals, steps and init packages. */
export function actionBenchmark(sides: Sides): ActionBenchmark[] {
  return Object.entries(sides).flatMap(([side, measurement]) =>
    actionEntries(measurement).map((entry) => (side === '' ? entry : { ...entry, name: `${side}: ${entry.name}` })),
  )
}

function actionEntries({ totals, steps, packages }: Measurement): ActionBenchmark[] {
  const entry = (name: string, unit: string, series: Series): ActionBenchmark[] =>
    series.median === null
      ? []
      : [
          {
            name,
            unit,
            value: series.median,
            range: `± ${series.mad}`,
            extra: `median of ${series.count}, p95 ${Math.round(series.p95 ?? 0)}, range is the MAD`,
          },
        ]
  const both = (name: string, of: { wallNs: Series; cpuNs: Series }) => [
    ...entry(`${name} wall`, 'ns', of.wallNs),
    ...entry(`${name} cpu`, 'ns', of.cpuNs),
  ]
  const allocs = ({ package: name, allocs: of }: PackageSeries): ActionBenchmark[] => {
    if (of === null) return []
    const extra = `median of ${of.launches}`
    return [
      { name: `init ${name} bytes`, unit: 'B', value: of.bytes, extra },
      { name: `init ${name} allocs`, unit: 'allocs', value: of.allocs, extra },
    ]
  }
  return [
    ...both('total', totals),
    ...entry('total minor faults', 'faults', totals.minorFaults),
    ...entry('total major faults', 'faults', totals.majorFaults),
    ...steps.filter(hasTime).flatMap((step) => both(`step ${step.id}`, step)),
    ...packages.flatMap((each) => [...both(`init ${each.package}`, each), ...allocs(each)]),
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
export function hyperfine(sides: Sides): { results: HyperfineResult[] } {
  return { results: Object.values(sides).flatMap(hyperfineResult) }
}

function hyperfineResult({ target, totals }: Measurement): HyperfineResult[] {
  const times = totals.wallNs.samples.flatMap((ns) => (ns === null ? [] : [ns / 1e9]))
  if (times.length === 0) return []
  return [
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
  ]
}
