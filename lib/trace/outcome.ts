/** How a run ended. */
import { signalName } from '../session/errno'
import type { EndRecord } from '../session/records'
import type { Context } from './context'
import type { Descendant, Outcome, Trace } from './types'

/** The end record, when the run has come to it. */
export function endOf(context: Context): EndRecord | null {
  const last = context.records.at(-1)
  return last?.kind === 'end' ? last : null
}

/** From the records alone; a timeout or an abort is known to the caller. */
export function outcomeOf(context: Context): Outcome {
  const end = endOf(context)
  if (end?.how === 'exec-failed' || end?.how === 'launch-failed') return 'exec-failed'
  const { last } = context
  if (last) {
    if (!context.go || (context.host && last.site.step === 'entry')) return 'reached-entry'
    return last.site.name === 'main.main' ? 'reached-main' : 'reached-until'
  }
  if (end?.how === 'exited') return 'exited'
  return end?.how === 'signaled' ? 'killed' : 'aborted'
}

/** How the process ended by itself. */
export function exitOf(context: Context): Trace['exit'] {
  const end = endOf(context)
  if (end?.how === 'exited') return { code: end.status, signal: null }
  return end?.how === 'signaled' ? { code: null, signal: signalName(end.status) } : null
}

/** Processes that the target forked, with what became of them. */
export function listDescendants(context: Context): Descendant[] {
  const end = endOf(context)
  const alive = new Map((end?.descendants ?? []).map((one) => [one.pid, one]))
  const detached = end?.how === 'detached'
  const listed: Descendant[] = [...alive.values()].map(({ pid, exe, killed }) => ({
    pid,
    path: exe,
    fate: killed ? 'killed' : detached ? 'detached' : 'left',
  }))
  for (const record of context.records) {
    if (record.kind !== 'fork' || alive.has(record.childPid)) continue
    listed.push({ pid: record.childPid, path: null, fate: 'exited' })
  }
  return listed
}

/** A `#!` file and its interpreter. */
export interface Script {
  path: string
  interpreter: string
}

/** What was executed: the program asked for, or its chain of scripts; then what the target went on to execute. */
export function listExecs(context: Context, path: string, scripts: readonly Script[]): Trace['execs'] {
  const first =
    scripts.length > 0
      ? scripts.map(({ path: script, interpreter }) => ({ path: script, interpreter }))
      : [{ path, interpreter: null }]
  const execs = context.records.filter((record) => record.kind === 'exec')
  return [...first, ...execs.slice(1).map(({ exe }) => ({ path: exe, interpreter: null }))]
}
