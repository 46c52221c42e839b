/** Looking at paths as execve and a shell would, and saying which part of one is the trouble. */
import { accessSync, constants, lstatSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { PremainError } from '../errors'

/** Where glibc's execvp looks when PATH is not set. */
const DEFAULT_PATH = '/bin:/usr/bin'

/** How a name is looked up. */
export interface LookupOptions {
  /** The working directory that the program will have. */
  cwd: string
  /** The program's environment: its PATH is asked for only where one is needed. */
  env: { readonly path: string | undefined }
}

/**
 * What is given as a program, if it can be one; `name` is that of the argument.
 * @throws PremainError `INVALID_OPTION`
 */
export function programName(file: unknown, name = 'file'): string {
  if (typeof file === 'string' && file !== '' && !file.includes('\0')) return file
  const given = file == null ? file : typeof file === 'string' ? JSON.stringify(file) : `of type ${typeof file}`
  throw new PremainError('INVALID_OPTION', `${name} is not a path but ${given}`, {
    hint: `${name} is a path, or a name that is looked up in PATH: './hello'`,
  })
}

/**
 * The path that a shell would give to execve for `file`: the name itself where it has a slash, else the first executable
 * file of that name in PATH, whose empty entries mean the working directory. A relative result counts from `cwd`.
 * @throws PremainError `NOT_FOUND`, or `NOT_EXECUTABLE` where PATH has the file but without permission to execute it;
 *   `INVALID_OPTION` for what is no name
 */
export function resolveProgram(file: string, { cwd, env }: LookupOptions): string {
  if (programName(file).includes('/')) return file
  let refused: string | null = null
  for (const directory of (env.path ?? DEFAULT_PATH).split(':')) {
    const candidate = `${directory === '' ? '.' : directory}/${file}`
    const kind = fileKind(resolve(cwd, candidate))
    if (kind === 'executable') return candidate
    if (kind === 'refused') refused ??= candidate
  }
  if (refused !== null) checkExecutable(resolve(cwd, refused))
  throw new PremainError('NOT_FOUND', `${file}: not found in PATH`, {
    hint: hereHint(join(cwd, file), file) ?? 'Give a path, or set PATH.',
    errno: 'ENOENT',
    syscall: 'execve',
  })
}

function hereHint(path: string, name: string): string | null {
  const kind = fileKind(path)
  if (kind === 'executable') return `There is a file of that name in the working directory: ./${name}`
  return kind === 'directory' ? `${name} is a directory here: give the path of the program in it.` : null
}

function fileKind(path: string): 'executable' | 'refused' | 'directory' | 'none' {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) return stat.isDirectory() ? 'directory' : 'none'
    accessSync(path, constants.X_OK)
    return 'executable'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'refused' : 'none'
  }
}

/**
 * Checks that the kernel would open `path`, an absolute one, for execution.
 * @throws PremainError `NOT_FOUND`, `NOT_EXECUTABLE`
 */
export function checkExecutable(path: string): void {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) throw refusal(`${path} is a directory`, 'Name the program inside it.')
    if (!stat.isFile()) throw refusal(`${path} is not a regular file`, null)
    if (!mayExecute(path)) throw notPermitted(path, stat.mode)
  } catch (error) {
    if (error instanceof PremainError) throw error
    throw missing(path, error as NodeJS.ErrnoException)
  }
}

function mayExecute(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function refusal(message: string, hint: string | null, cause?: unknown): PremainError {
  return new PremainError('NOT_EXECUTABLE', message, { hint, errno: 'EACCES', syscall: 'execve', cause })
}

function notPermitted(path: string, mode: number): PremainError {
  const mount = noexecMount(path)
  if (mount !== null) {
    return refusal(
      `${path} lies on ${mount}, which is mounted noexec`,
      'Copy the program to a file system that allows execution, or remount it with exec.',
    )
  }
  if ((mode & 0o111) === 0) return refusal(`${path} has no execute permission`, `chmod +x ${path}`)
  return refusal(`${path} may not be executed by this user`, 'Its owner or root can grant it: see ls -l and getfacl.')
}

function noexecMount(path: string): string | null {
  try {
    return noexecMountOf(realpathSync(path), readFileSync('/proc/self/mountinfo', 'utf8'))
  } catch {
    return null
  }
}

/**
 * The mount point of an absolute path without symbolic links, where it is mounted noexec; else null. Source: proc(5),
 * /proc/pid/mountinfo.
 */
export function noexecMountOf(path: string, mountinfo: string): string | null {
  let best: { point: string; options: string[] } | null = null
  for (const line of mountinfo.split('\n')) {
    const [, , , , escaped, options] = line.split(' ')
    if (escaped === undefined || options === undefined) continue
    const point = escaped.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))
    const holds = point === '/' || path === point || path.startsWith(`${point}/`)
    // Of two mounts at one point the later one is on top.
    if (holds && (best === null || point.length >= best.point.length)) best = { point, options: options.split(',') }
  }
  return best?.options.includes('noexec') ? best.point : null
}

/** Says which component of a path stops it from being found. */
function missing(path: string, error: NodeJS.ErrnoException): PremainError {
  const errno = error.code ?? null
  const details = { errno, syscall: 'execve', cause: error }
  const at = firstTrouble(path)
  const of = at === path ? path : `${path}: ${at}`
  if (errno === 'EACCES') return refusal(`${of} may not be searched`, 'A directory on the way denies x.', error)
  if (errno === 'ELOOP') {
    return new PremainError('NOT_FOUND', `${of} is a loop of symbolic links`, { ...details, hint: null })
  }
  if (errno === 'ENOTDIR') {
    return new PremainError('NOT_FOUND', `${of} is not a directory`, { ...details, hint: 'A file stands on the way.' })
  }
  const link = linkTarget(at)
  const hint =
    link === null ? 'Check the spelling, and that the program is built.' : `It is a symbolic link to ${link}.`
  return new PremainError('NOT_FOUND', link === null ? `${of} does not exist` : `${of} points to nothing`, {
    ...details,
    hint,
  })
}

/** The shortest leading part of an absolute path that cannot be gone through, or the whole. */
function firstTrouble(path: string): string {
  const parts = path.split('/').filter((part) => part !== '')
  let walked = ''
  for (const [index, part] of parts.entries()) {
    const next = `${walked}/${part}`
    try {
      const isDirectory = statSync(next).isDirectory()
      if (!isDirectory && index < parts.length - 1) return next
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EACCES' ? walked || '/' : next
    }
    walked = next
  }
  return path
}

function linkTarget(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null
  } catch {
    return null
  }
}

/** `path` from the working directory that the program will have. */
export function fromCwd(path: string, cwd: string): string {
  return isAbsolute(path) ? path : join(cwd, path)
}
