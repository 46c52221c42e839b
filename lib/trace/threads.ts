/** The threads of the target, in order of birth. */
import { type Context, symbolOf } from './context'
import { sysmonThread } from './steps/schedule'
import type { ThreadInfo } from './types'

/** The first thread, then each that was cloned. `startedNs` leaves out held time, as the steps' times do. */
export function listThreads(context: Context): ThreadInfo[] {
  const first = context.records[0]
  if (!first) return []
  const entry = symbolOf(context.stepHits('entry')[0]?.site)
  const threads: ThreadInfo[] = [{ tid: first.tid, startedNs: 0, entry }]
  const sysmon = sysmonThread(context)
  for (const record of context.records) {
    if (record.kind !== 'thread' || record.event !== 'start') continue
    const startedNs = context.clock.effectiveNs(record.atNs)
    threads.push({ tid: record.newTid, startedNs, entry: record.newTid === sysmon ? 'runtime.sysmon' : null })
  }
  return threads
}
