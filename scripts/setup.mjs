// Makes a clone ready to run: dependencies, addon, JavaScript. Does only what is out of date, and says what it does.
// Uses nothing but Node's built-in modules, since it is what installs the others.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buildDist, DIST_STAMP } from './support/dist.mjs'
import { installFromLock, npmSetting } from './support/npm.mjs'
import {
  at,
  Failure,
  findCommand,
  fingerprint,
  isEntry,
  listFiles,
  readOrNull,
  root,
  runMain,
  runQuietly,
  say,
  unlessStamped,
} from './support/project.mjs'

const OLDEST_NODE = [20, 19]
const ADDON_STAMP = 'node_modules/.cache/premain/addon'

/** Brings everything up to date. Throws a Failure that says what is missing. */
export function setup({ rebuild = false } = {}) {
  checkMachine()
  installFromLock('.', 'packages')
  if (rebuild) for (const stamp of [ADDON_STAMP, DIST_STAMP]) rmSync(at(stamp), { force: true })
  buildAddon()
  buildDist()
}

function checkMachine() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (process.platform !== 'linux') throw new Failure('premain runs on Linux only: it traces with ptrace.')
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new Failure(`premain needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}.`)
  }
  const missing = ['python3', 'make', 'g++'].filter((name) => findCommand(name) === null)
  if (missing.length > 0) {
    const line = `apt-get install -y ${missing.join(' ')}`
    throw new Failure(`The addon's build needs ${missing.join(', ')}:\n\n    ${line}\n`)
  }
}

function buildAddon() {
  const sources = [...listFiles('native'), 'binding.gyp']
  const { version } = JSON.parse(readFileSync(at('node_modules/node-addon-api/package.json'), 'utf8'))
  const stamp = fingerprint(sources, [version, process.versions.modules, process.arch])
  if (!existsSync(at('build/Release/premain.node'))) rmSync(at(ADDON_STAMP), { force: true })
  unlessStamped(ADDON_STAMP, stamp, () => {
    say('Building the addon …')
    const gyp = at('node_modules/node-gyp/bin/node-gyp.js')
    const headers = findHeaders()
    const args = [gyp, 'rebuild', '--loglevel=error', '--jobs=max', ...(headers ? [`--nodedir=${headers}`] : [])]
    runQuietly('The addon’s build', process.execPath, args)
  })
}

/** The folder above Node's headers: npm's `nodedir`, else beside the running node; null lets node-gyp fetch them. */
function findHeaders() {
  const configured = process.env.npm_config_nodedir ?? npmSetting('nodedir')
  return [configured, join(dirname(process.execPath), '..')].find(holdsHeaders) ?? null
}

function holdsHeaders(folder) {
  if (!folder || !existsSync(join(folder, 'include/node/node_api.h'))) return false
  const text = readOrNull(join(folder, 'include/node/node_version.h')) ?? ''
  return /NODE_MAJOR_VERSION (\d+)/.exec(text)?.[1] === process.versions.node.split('.')[0]
}

if (isEntry(import.meta.url)) {
  runMain(() => {
    setup({ rebuild: process.argv.includes('--rebuild') })
    say(`premain is ready in ${root}`)
  })
}
