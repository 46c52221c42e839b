// npm, as the scripts use it: exact installs from a lock, in silence.
import { readFileSync } from 'node:fs'
import { at, readOrNull, runQuietly, say } from './project.mjs'

/** Installs what the folder's lock says, unless it is there already. */
export function installFromLock(folder, what, options = []) {
  if (isInstalled(folder)) return
  say(`Installing ${what} …`)
  // No package here needs its install script, and npm 12 would refuse to run it.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...options]
  runQuietly(`npm ci of ${what}`, 'npm', args, { cwd: at(folder) })
}

/** npm's record of what stands in node_modules against the lock: by content, so that a checkout costs nothing. */
export function isInstalled(folder) {
  const installed = readOrNull(at(folder, 'node_modules/.package-lock.json'))
  if (installed === null) return false
  const have = JSON.parse(installed).packages
  const want = JSON.parse(readFileSync(at(folder, 'package-lock.json'), 'utf8')).packages
  return Object.entries(want).every(
    ([path, entry]) => path === '' || entry.optional || have[path]?.version === entry.version,
  )
}

/** A setting of npm's, or null. */
export function npmSetting(name) {
  const value = runQuietly('npm config', 'npm', ['config', 'get', name]).trim()
  return value === 'undefined' || value === '' ? null : value
}
