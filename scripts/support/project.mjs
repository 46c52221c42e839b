// What every script needs to know of the project: where it is, and how to run and fingerprint things.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** Resolves as the project's own files would. */
export const projectRequire = createRequire(join(root, 'package.json'))

/** A path below the project's root. */
export const at = (...parts) => join(root, ...parts)

/** Failure that needs no stack trace: its message says it all. */
export class Failure extends Error {}

/** One line of talk. */
export function say(line) {
  process.stderr.write(`${line}\n`)
}

/** Runs `main` and ends with its result as the exit code; a Failure is printed as its message alone. */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0
  } catch (error) {
    say(error instanceof Failure ? error.message : error.stack)
    process.exitCode = 1
  }
}

/** Is `url` the module that node was started with? */
export function isEntry(url) {
  return process.argv[1] !== undefined && fileURLToPath(url) === realpathSync(process.argv[1])
}

/** Runs a command with the terminal's own streams and returns its exit code; 128 + n for a signal. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error) throw new Failure(`${command}: ${result.error.message}`)
  return result.status ?? 128
}

/** Runs a command in silence; prints what it said, and throws, when it fails. Returns its stdout. */
export function runQuietly(what, command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options })
  if (result.error) throw new Failure(`${what} failed: ${result.error.message}`)
  if (result.status !== 0) throw new Failure(`${result.stdout}${result.stderr}\n${what} failed (${command} ${args[0]})`)
  return result.stdout
}

/** The file of a command in PATH, or null. */
export function findCommand(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {}
  }
  return null
}

/** Every file below `folder` for which `keep(path)` holds, as sorted paths relative to the root. */
export function listFiles(folder, keep = () => true) {
  let entries
  try {
    entries = readdirSync(at(folder), { recursive: true, withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter(keep)
    .sort()
}

/** A hash over the names and contents of files, and over `more`. */
export function fingerprint(files, more = []) {
  const hash = createHash('sha256')
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(at(file)))
      .update('\0')
  return hash.update(JSON.stringify(more)).digest('hex')
}

/** Runs `work` unless the stamp in `file` is `value` already; stamps only what succeeded. */
export function unlessStamped(file, value, work) {
  if (readOrNull(at(file)) === value) return false
  work()
  mkdirSync(dirname(at(file)), { recursive: true })
  writeFileSync(at(file), value)
  return true
}

/** A file's text, or null when there is none. */
export function readOrNull(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

/** Writes `text` to `file`, or with `check` throws a Failure when it is not what stands there. */
export function writeGenerated(file, text, { check, command }) {
  if (readOrNull(at(file)) === text) return
  if (check) throw new Failure(`${file} is not fresh: run ${command}`)
  mkdirSync(dirname(at(file)), { recursive: true })
  writeFileSync(at(file), text)
  say(`wrote ${file}`)
}
