/**
 * OTLP/JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): one trace, a span for the whole start, one
 * for each step, one for each package init. `POST` it to a collector's `/v1/traces`.
 */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import type { Init, Step, Trace } from '../trace/types'

type Value =
  | { stringValue: string }
  | { intValue: string }
  | { boolValue: boolean }
  | { arrayValue: { values: Value[] } }
type Attribute = { key: string; value: Value }

/** SPAN_KIND_INTERNAL. */
const INTERNAL = 1
const STATUS_OK = 1
const STATUS_ERROR = 2

/** What every span of one trace needs. */
interface Scope {
  traceId: string
  rootId: string
  /** Unix time of execve's entry, nanoseconds. */
  zero: bigint
  /** The same seed gives the same ids: the export is a pure function of the trace. */
  seed: string
}

/** The trace as an ExportTraceServiceRequest. */
export function toOtlpJson(trace: Trace): string {
  const seed = `${trace.startedAt} ${trace.pid} ${trace.host.node} ${trace.totals.wallNs} ${trace.target.path}`
  const scope: Scope = {
    traceId: idOf(seed, 'trace', 32),
    rootId: idOf(seed, 'root', 16),
    zero: BigInt(Date.parse(trace.startedAt)) * 1_000_000n,
    seed,
  }
  const steps = trace.steps.filter(({ status }) => status === 'observed' || status === 'derived')
  const spans = [
    rootSpan(trace, scope),
    ...steps.map((step) => stepSpan(step, scope)),
    ...trace.inits.map((init) => initSpan(init, scope)),
  ]
  const resource = { attributes: resourceAttributes(trace) }
  const scopeSpans = [{ scope: { name: trace.tool.name, version: trace.tool.version }, spans }]
  return `${JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] })}\n`
}

/** Names of the semantic conventions for processes and hosts. */
function resourceAttributes({ target, pid, host }: Trace): Attribute[] {
  return attributes({
    'service.name': basename(target.path),
    'process.pid': pid,
    'process.executable.path': target.path,
    'process.command_args': target.argv,
    'process.runtime.name': target.go === null ? null : 'go',
    'process.runtime.version': target.go?.version ?? null,
    'host.arch': host.arch === 'x64' ? 'amd64' : host.arch,
    'os.type': 'linux',
    'os.version': host.kernel,
  })
}

function rootSpan(trace: Trace, scope: Scope): object {
  const { outcome, exit, totals, error } = trace
  const good = outcome.startsWith('reached')
  return {
    traceId: scope.traceId,
    spanId: scope.rootId,
    name: 'execve to main.main',
    kind: INTERNAL,
    ...times(scope, 0, totals.wallNs),
    attributes: attributes({
      'premain.outcome': outcome,
      'premain.cpu_ns': totals.cpuNs,
      'premain.cpu_corrected_ns': totals.cpuCorrectedNs,
      'premain.minor_faults': totals.minorFaults,
      'premain.major_faults': totals.majorFaults,
      'premain.stops': totals.stops,
      'process.exit.code': exit?.code ?? null,
      'error.type': error?.code ?? null,
    }),
    status: good ? { code: STATUS_OK } : { code: STATUS_ERROR, message: error?.message ?? outcome },
  }
}

function stepSpan(step: Step, scope: Scope): object {
  return {
    traceId: scope.traceId,
    spanId: idOf(scope.seed, `step ${step.id}`, 16),
    parentSpanId: scope.rootId,
    name: step.id,
    kind: INTERNAL,
    ...times(scope, step.startNs, step.wallNs),
    attributes: attributes({
      'premain.step.index': step.index,
      'premain.step.title': step.title,
      'premain.step.status': step.status,
      'code.function.name': step.symbol,
      'premain.cpu_ns': step.cpuNs,
      'premain.minor_faults': step.minorFaults,
      'premain.major_faults': step.majorFaults,
    }),
  }
}

function initSpan(init: Init, scope: Scope): object {
  return {
    traceId: scope.traceId,
    spanId: idOf(scope.seed, `init ${init.order}`, 16),
    parentSpanId: idOf(scope.seed, `step ${init.runtime ? 'sysmon' : 'inits'}`, 16),
    name: init.function,
    kind: INTERNAL,
    ...times(scope, init.startNs, init.wallNs),
    attributes: attributes({
      'premain.init.package': init.package,
      'premain.init.runtime': init.runtime,
      'code.function.name': init.function,
      'code.file.path': init.file,
      'code.line.number': init.line,
      'premain.cpu_ns': init.cpuNs,
    }),
  }
}

function times({ zero }: Scope, startNs: number, wallNs: number): object {
  const start = zero + BigInt(startNs)
  return { startTimeUnixNano: String(start), endTimeUnixNano: String(start + BigInt(wallNs)) }
}

function attributes(values: Record<string, string | number | boolean | string[] | null>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [{ key, value: anyValue(value) }]))
}

function anyValue(value: string | number | boolean | string[]): Value {
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } }
  if (typeof value === 'boolean') return { boolValue: value }
  return typeof value === 'number' ? { intValue: String(value) } : { stringValue: value }
}

function idOf(seed: string, name: string, digits: number): string {
  return createHash('sha256').update(`${seed}\0${name}`).digest('hex').slice(0, digits)
}
