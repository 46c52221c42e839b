/** OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/): gauges of one trace, in seconds. */
import { basename } from 'node:path'
import type { Trace } from '../trace/types'
import { decimal } from './clock'
import { initsByPackage } from './inits-table'

/** Label names and values. */
type Labels = Readonly<Record<string, string>>

/** One metric family. */
interface Family {
  name: string
  help: string
  unit?: 'seconds'
  type?: 'gauge' | 'info'
  samples: readonly [Labels, string][]
}

/** The trace as one exposition, `# EOF` at its end. Every sample has the label `program`. */
export function toOpenMetrics(trace: Trace): string {
  const program = basename(trace.target.path)
  return `${families(trace)
    .filter(({ samples }) => samples.length > 0)
    .map((family) => familyLines(family, { program }))
    .join('')}# EOF\n`
}

function families(trace: Trace): Family[] {
  const { totals, overhead, target, outcome } = trace
  const timed = trace.steps.filter(({ status }) => status === 'observed' || status === 'derived')
  const packages = initsByPackage(trace.inits)
  const one = (value: number | string): [Labels, string][] => [[{}, String(value)]]
  return [
    {
      name: 'premain_program',
      help: 'What was traced.',
      type: 'info',
      samples: [[{ path: target.path, go_version: target.go?.version ?? '', module: target.go?.module ?? '' }, '1']],
    },
    {
      name: 'premain_reached',
      help: '1 when the program came as far as was asked for.',
      samples: [[{ outcome }, outcome.startsWith('reached') ? '1' : '0']],
    },
    seconds('premain_total_wall', 'Time from execve to the end of the trace.', [[{}, totals.wallNs]]),
    seconds('premain_total_cpu', 'CPU time, less the cost of the stops.', [[{}, totals.cpuCorrectedNs]]),
    seconds(
      'premain_step_wall',
      'Time of each load step.',
      timed.map((step) => [{ step: step.id }, step.wallNs]),
    ),
    seconds(
      'premain_step_cpu',
      'CPU time of each load step.',
      timed.map((step) => [{ step: step.id }, step.cpuNs]),
    ),
    seconds(
      'premain_init_wall',
      'Time of the init functions of each package.',
      packages.map((init) => [{ package: init.package, runtime: String(init.runtime) }, init.wallNs]),
    ),
    {
      name: 'premain_page_faults',
      help: 'Page faults of the program.',
      samples: [
        [{ kind: 'minor' }, String(totals.minorFaults)],
        [{ kind: 'major' }, String(totals.majorFaults)],
      ],
    },
    { name: 'premain_threads', help: 'Threads alive at the last stop.', samples: one(totals.threads) },
    { name: 'premain_stops', help: 'Stops of the tracer.', samples: one(totals.stops) },
    seconds('premain_held', 'Time that the program was held at stops, in no other time.', [[{}, overhead.heldNs]]),
  ]
}

function seconds(name: string, help: string, samples: readonly [Labels, number][]): Family {
  return {
    name: `${name}_seconds`,
    help,
    unit: 'seconds',
    samples: samples.map(([labels, ns]) => [labels, decimal(ns, 9)]),
  }
}

function familyLines({ name, help, unit, type = 'gauge', samples }: Family, common: Labels): string {
  const lines = [
    `# TYPE ${name} ${type}`,
    ...(unit ? [`# UNIT ${name} ${unit}`] : []),
    `# HELP ${name} ${help}`,
    ...samples.map(([labels, value]) => {
      const sample = type === 'info' ? `${name}_info` : name
      return `${sample}{${labelText({ ...common, ...labels })}} ${value}`
    }),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeValue(value)}"`)
    .join(',')
}

/** Label values are any UTF-8; only these three are written otherwise. */
function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
}
