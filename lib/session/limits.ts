/** The limits that a shell would have given the target. */
import { readFileSync, readlinkSync } from 'node:fs'

let cached: readonly [number, number] | null | undefined

/**
 * Soft and hard RLIMIT_NOFILE of the nearest ancestor that is not Node, which raises its own soft limit at its start;
 * null when none can be read. The hard limit is never raised above this process's own. Source: proc(5), /proc/pid/limits.
 */
export function inheritedOpenFiles(): readonly [soft: number, hard: number] | null {
  if (cached === undefined) cached = findOpenFiles()
  return cached
}

function findOpenFiles(): readonly [number, number] | null {
  const own = openFilesOf(process.pid)
  for (let pid = parentOf(process.pid); pid > 0 && own !== null; pid = parentOf(pid)) {
    if (isNode(pid)) continue
    const limits = openFilesOf(pid)
    return limits === null ? null : [Math.min(limits[0], own[1]), own[1]]
  }
  return null
}

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readProc(pid, 'status'))?.[1] ?? 0)
}

function isNode(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === readlinkSync('/proc/self/exe')
  } catch {
    return false
  }
}

function openFilesOf(pid: number): [soft: number, hard: number] | null {
  const match = /^Max open files\s+(\S+)\s+(\S+)/m.exec(readProc(pid, 'limits'))
  if (match === null) return null
  const [soft, hard] = match.slice(1).map((text) => (text === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(text)))
  return [soft as number, hard as number]
}
