/** JSON Lines: a trace as a stream of records, for `grep`, `jq -c` and log pipelines. */
import type { Trace } from '../trace/types'

/** The lists of a trace and the `type` of their records. */
const LISTS = {
  execs: 'exec',
  steps: 'step',
  stops: 'stop',
  inits: 'init',
  threads: 'thread',
  descendants: 'descendant',
  syscalls: 'syscall',
} as const satisfies Partial<Record<keyof Trace, string>>

/** One record a line, each with its `type`: first the `trace` without its lists, then every entry of them. */
export function toJsonLines(trace: Trace): string {
  const head = Object.entries(trace).filter(([key]) => !Object.hasOwn(LISTS, key))
  const records: object[] = [{ type: 'trace', ...Object.fromEntries(head) }]
  for (const [key, type] of Object.entries(LISTS)) {
    for (const entry of trace[key as keyof typeof LISTS] ?? []) records.push({ type, ...entry })
  }
  return records.map((record) => `${JSON.stringify(record)}\n`).join('')
}
