/** Where a target hangs whose time has run out: the init function that does not return, and its goroutine's frames. */
import type { Run } from '../session/run'

/** Fills `run.stuck` from the held target. */
export function readStuck(run: Run): void {
  const line = lastInit(run)
  if (line !== null) run.stuck = line
}

/** The last init function that was entered, if the target has not come to main.main since. */
function lastInit(run: Run): string | null {
  const record = run.records.findLast((one) => one.kind === 'breakpoint' && one.accepted)
  if (record?.kind !== 'breakpoint') return null
  const { site } = run.siteOf(record)
  return site.role === 'init' ? `${site.symbol} has not returned` : `it did not get past ${site.name}`
}
