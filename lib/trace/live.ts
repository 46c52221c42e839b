/** A held stop's maps and frames, for `launch()`. */
import type { BreakpointRecord, ExecRecord } from '../session/records'
import type { Run } from '../session/run'
import { backtrace } from './backtrace'
import { Context, register } from './context'
import { mappingsOf } from './maps'
import type { Frame, Mapping } from './types'

/** A run as far as it has come. */
export function contextOf(run: Run): Context {
  return new Context({ image: run.image, plan: run.program.plan, laterPlans: run.laterPlans, records: run.records })
}

/** The mappings of /proc/pid/maps, with their roles. */
export function liveMappings(run: Run, text: Buffer): Mapping[] {
  return mappingsOf(contextOf(run).maps.regions(text))
}

/** The frames of a stop by the function table; empty where the program is not Go or the stop is not in it. */
export function liveFrames(run: Run, record: BreakpointRecord | ExecRecord, stack: Buffer): Frame[] {
  const { image } = run
  const sp = register(record, 'rsp')
  if (image.go === null || sp === null || record.kind === 'exec') return []
  return backtrace(image.go.pclntab, contextOf(run).addresses, { pc: record.address, sp, bytes: stack })
}
