/** Records of a run that never was, of the program in `../plan/fake`. */
import type { ProgramImage } from '../../lib/image/types'
import { planStops } from '../../lib/plan/plan'
import type { StopPlan } from '../../lib/plan/types'
import type { BreakpointRecord, EndRecord, SessionRecord } from '../../lib/session/records'
import { REGISTERS, type RegisterName } from '../../lib/session/registers'
import { type Assembly, assembleTrace } from '../../lib/trace/assemble'
import type { Host, Trace } from '../../lib/trace/types'

export const PID = 100
export const SP = 0x7ffd0000n
/** The process's counters at execve's entry: those of the tracer's child before. */
export const BASE = { cpuNs: 5_000, threadCpuNs: 4_000, minorFaults: 30, majorFaults: 1 }

const host: Host = {
  kernel: '6.0',
  arch: 'x86_64',
  cpu: 'cpu',
  cpus: 2,
  virtualization: null,
  container: null,
  libc: 'glibc',
  node: 'v20.0.0',
}

type Common = Omit<BreakpointRecord, 'kind' | 'site' | 'accepted'>

export function common(atNs: number, heldNs = 0): Common {
  return {
    tid: PID,
    atNs,
    heldNs,
    cpuNs: BASE.cpuNs + Math.max(0, atNs),
    threadCpuNs: BASE.threadCpuNs + Math.max(0, atNs),
    minorFaults: BASE.minorFaults + Math.max(0, Math.trunc(atNs / 1000)),
    majorFaults: BASE.majorFaults,
    crossedCores: false,
    address: 0n,
    registers: null,
    maps: null,
    reads: [],
    stack: null,
  }
}

export function registers(values: Partial<Record<RegisterName, bigint>>): BigUint64Array {
  return BigUint64Array.from(REGISTERS, (name) => values[name] ?? 0n)
}

/** The initial stack at SP, with the strings behind it. */
export function stackBytes(
  argv: readonly string[],
  envp: readonly string[],
  auxv: readonly [number, bigint][],
): Buffer {
  const words = 1 + argv.length + 1 + envp.length + 1 + 2 * (auxv.length + 1)
  const strings = Buffer.from([...argv, ...envp].map((text) => `${text}\0`).join(''))
  const bytes = Buffer.concat([Buffer.alloc(words * 8), strings])
  let at = 0
  const put = (value: bigint) => {
    at = bytes.writeBigUInt64LE(value, at)
  }
  let text = SP + BigInt(words * 8)
  const putText = (value: string) => {
    put(text)
    text += BigInt(Buffer.byteLength(value) + 1)
  }
  put(BigInt(argv.length))
  argv.forEach(putText)
  put(0n)
  envp.forEach(putText)
  put(0n)
  for (const [type, value] of [...auxv, [0, 0n] as const]) {
    put(BigInt(type))
    put(value)
  }
  return bytes
}

/** What execve leaves: entry, exec, exit. The program's bias is `bias`. */
export function execRecords(image: ProgramImage, bias = 0n): SessionRecord[] {
  const auxv: [number, bigint][] = [
    [6, 4096n],
    [7, 0n],
    [9, BigInt(image.entry) + bias],
  ]
  const initialStack = stackBytes(['/fake', 'x'], ['HOME=/secret'], auxv)
  return [
    { ...common(-400, 400), ...BASE, kind: 'syscall-entry', realtimeNs: 1_700_000_000_000_000_000n },
    {
      ...common(1_000, 500),
      kind: 'exec',
      registers: registers({ rsp: SP }),
      auxv: initialStack.subarray(initialStack.length - auxvLength(auxv) - stringsLength(), -stringsLength()),
      initialStack,
      bias,
      exe: '/fake',
      planned: true,
      armNs: 300,
    },
    { ...common(1_600, 100), kind: 'syscall-exit', result: 0, address: BigInt(image.entry) + bias },
  ]
}

const auxvLength = (auxv: readonly unknown[]): number => (auxv.length + 1) * 16
const stringsLength = (): number => '/fake\0x\0HOME=/secret\0'.length

/** One accepted stop at each site, in the plan's order, `step` apart, held for `held`. */
export function stopRecords(
  plan: StopPlan,
  { from = 2_000, step = 100, held = 10, bias = 0n } = {},
): BreakpointRecord[] {
  return plan.sites.map((site, index) => ({
    ...common(from + index * step, held),
    kind: 'breakpoint',
    site: index,
    accepted: true,
    address: BigInt(site.address ?? 0x401004) + bias,
    registers: registers({}),
    reads: site.reads.map(() => null),
  }))
}

export function endRecord(atNs: number, end: Partial<EndRecord> = {}): EndRecord {
  return {
    ...common(atNs),
    kind: 'end',
    how: 'killed-by-us',
    status: 9,
    syscall: null,
    threads: 1,
    descendants: [],
    ...end,
  }
}

/** The trace of a whole run of this image. */
export function assembleFake(
  image: ProgramImage,
  records: readonly SessionRecord[],
  more: Partial<Assembly> = {},
): Trace {
  return assembleTrace(assemblyOf(image, records, more))
}

/** What a trace of made-up records is assembled from. */
export function assemblyOf(
  image: ProgramImage,
  records: readonly SessionRecord[],
  { plan = planStops(image), ...more }: Partial<Assembly> = {},
): Assembly {
  const target = { path: '/fake', argv: ['/fake', 'x'], cwd: '/', size: 3, stdio: ['null', 'pipe', 'pipe'] as const }
  return { image, plan, records, host, target: { ...target, stdio: [...target.stdio] }, version: '0', ...more }
}

/** Entry to main.main, all well. */
export function wholeRun(image: ProgramImage, plan: StopPlan = planStops(image)): SessionRecord[] {
  const stops = stopRecords(plan)
  return [...execRecords(image), ...stops, endRecord((stops.at(-1)?.atNs ?? 0) + 50)]
}
