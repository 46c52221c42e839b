/** `compare --git BASE..HEAD --build COMMAND`: both revisions built in worktrees of their own. */
import { type SpawnOptions, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { PremainError } from '../errors'
import type { Aborting } from '../session/options'
import { isTerminal } from '../session/terminal'
import { usageError } from './command'

/** The program of one revision. */
export interface GitBuild {
  file: string
  revision: { name: string; commit: string }
}

/** Two programs that were built, until `remove()`. */
export interface GitBuilds {
  before: GitBuild
  after: GitBuild
  /** The file of the repository that one of a worktree is; others as they are. */
  inRepository(file: string | null): string | null
  /** Removes programs and worktrees. Never rejects: resolves to the folder that is left, or null. */
  remove(): Promise<string | null>
}

/** How long an aborted build has for clearing up what it has begun. */
const PATIENCE_MS = 2000

/**
 * Builds the two ends of a range. `{}` in the command stands for the path of the program to make; the command runs in the
 * worktree's root, by `sh -c`.
 *
 * @param signal ends the build, and all that it started
 * @param onLeft is told which folder could not be removed after a build that failed
 * @throws PremainError `INVALID_OPTION` for a range or revision that is none, or a build that fails; `ABORTED`
 */
export async function buildRange(
  range: string,
  build: string,
  { signal, onLeft }: { signal: Aborting; onLeft: (folder: string) => Promise<void> },
): Promise<GitBuilds> {
  const ends = endsOf(range)
  if (!build.includes('{}')) {
    throw usageError('--build has no {}', "Write {} where the program's path belongs: 'go build -o {} ./cmd/x'.")
  }
  const worktrees = new Worktrees(signal)
  try {
    const made: GitBuild[] = []
    for (const [at, name] of ends.entries()) {
      const commit = await worktrees.commitOf(name)
      const tree = await worktrees.add(`tree-${at}`, commit)
      const program = join(worktrees.folder, at === 0 ? 'before' : 'after')
      made.push({ file: await buildIn(tree, { program, build, name, signal }), revision: { name, commit } })
    }
    const [before, after] = made as [GitBuild, GitBuild]
    const root = await worktrees.root()
    return {
      before,
      after,
      inRepository: (file) => {
        const tree = worktrees.trees.find((one) => file?.startsWith(`${one}/`))
        return file === null || tree === undefined ? file : join(root, relative(tree, file))
      },
      remove: () => worktrees.remove(),
    }
  } catch (error) {
    const left = await worktrees.remove()
    if (left !== null) await onLeft(left)
    throw error
  }
}

function endsOf(range: string): [string, string] {
  const [base, head, more] = range.split('..')
  if (!base || head === undefined || more !== undefined || /^-/.test(base) || /^[-.]/.test(head)) {
    throw usageError(`not a range of revisions: ${JSON.stringify(range)}`, 'Write BASE..HEAD; BASE.. means up to HEAD.')
  }
  return [base, head || 'HEAD']
}

/** Worktrees of the repository here, in a folder of their own. */
class Worktrees {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'premain-compare-')))
  readonly trees: string[] = []

  constructor(private readonly signal: Aborting) {}

  async root(): Promise<string> {
    const { stdout } = await git(['rev-parse', '--show-toplevel'], { signal: this.signal, without: OF_AN_INDEX })
    return stdout.trim()
  }

  async commitOf(revision: string): Promise<string> {
    // By itself first: what stands behind `:/` is searched for as it is.
    const named = await git(['rev-parse', '--verify', revision], { signal: this.signal })
    const words = ['rev-parse', '--verify', `${named.stdout.trim()}^{commit}`]
    const found = named.status === 0 ? await git(words, { signal: this.signal }) : named
    if (found.status === 0) return found.stdout.trim()
    const reason = found.status === null ? 'Is git installed?' : found.stderr.trim().replace(/^fatal: /, '')
    throw usageError(
      `git knows no revision ${revision}: ${reason}`,
      'A shallow clone has but the newest: actions/checkout wants fetch-depth: 0 for a range.',
    )
  }

  async add(name: string, commit: string): Promise<string> {
    const tree = join(this.folder, name)
    // Its hooks are for who works in a tree.
    const hooks = ['-c', 'core.hooksPath=/dev/null']
    this.trees.push(tree)
    const added = await git([...hooks, 'worktree', 'add', '--detach', '--quiet', tree, commit], { signal: this.signal })
    if (added.status === 0) return tree
    throw usageError(`git cannot check out ${commit}`, added.stderr.trim())
  }

  async remove(): Promise<string | null> {
    makeWritable(this.folder)
    let left = false
    try {
      rmSync(this.folder, { recursive: true, force: true })
    } catch {
      left = true
    }
    // Forced twice, git forgets a tree that is gone already too.
    for (const tree of this.trees) await git(['worktree', 'remove', '--force', '--force', tree])
    return left ? this.folder : null
  }
}

/** Builds leave folders that even their owner may not write to, as Go's module cache is. */
function makeWritable(folder: string): void {
  try {
    chmodSync(folder, 0o700)
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) makeWritable(join(folder, entry.name))
    }
  } catch {
    // Somebody else's, or gone: removing it tells.
  }
}

/** Which repository and index git works on; hooks are run with them. Source: git rev-parse --local-env-vars. */
const OF_AN_INDEX = ['GIT_INDEX_FILE', 'GIT_PREFIX']
const OF_A_TREE = [...OF_AN_INDEX, 'GIT_WORK_TREE', 'GIT_IMPLICIT_WORK_TREE']
const OF_A_REPOSITORY = ['GIT_DIR', 'GIT_COMMON_DIR', 'GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES']

function environmentWithout(names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.includes(name)))
}

interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

function git(
  args: readonly string[],
  { signal = null, without = OF_A_TREE }: { signal?: Aborting | null; without?: readonly string[] } = {},
): Promise<Ended> {
  const options: SpawnOptions = { env: environmentWithout(without), stdio: ['ignore', 'pipe', 'pipe'] }
  return ended('git', args, { options, signal })
}

interface Build {
  program: string
  build: string
  name: string
  signal: Aborting
}

async function buildIn(tree: string, { program, build, name, signal }: Build): Promise<string> {
  const quoted = `'${program.replaceAll("'", "'\\''")}'`
  const command = build.replaceAll('{}', () => quoted)
  // What the build says is talk: it goes to standard error.
  const options: SpawnOptions = {
    cwd: tree,
    env: environmentWithout([...OF_A_TREE, ...OF_A_REPOSITORY]),
    stdio: ['ignore', 2, 2],
  }
  const { status } = await ended('sh', ['-c', command], { options, signal })
  if (status !== 0) throw usageError(`the build of ${name} failed with exit code ${status}`, `It was: ${command}`)
  if (!existsSync(program)) throw usageError(`the build of ${name} made no program at {}`, `It was: ${command}`)
  return program
}

/**
 * Runs a command in a process group of its own, which is ended with the signal. At a terminal it stays in premain's: builds may ask
 * for a passphrase there, and the keyboard's interrupt reaches them all.
 */
function ended(
  command: string,
  args: readonly string[],
  { options, signal }: { options: SpawnOptions; signal: Aborting | null },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal))
    const apart = !isTerminal(0)
    const child = spawn(command, args, { ...options, detached: apart })
    const { pid = Number.NaN } = child
    const end = (name: NodeJS.Signals): void => kill(apart ? -pid : pid, name)
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
      const chunks: Buffer[] = []
      stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
      return () => Buffer.concat(chunks).toString('utf8')
    }) as [() => string, () => string]
    let patience: NodeJS.Timeout | null = null
    const onAbort = (): void => {
      end('SIGINT')
      patience = setTimeout(() => end('SIGKILL'), PATIENCE_MS)
    }
    const settle = (result: Ended): void => {
      if (patience !== null) clearTimeout(patience)
      signal?.removeEventListener('abort', onAbort)
      if (signal?.aborted) {
        if (apart) end('SIGKILL') // a shell's background jobs ignore SIGINT
        reject(aborted(signal))
      } else resolve(result)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    child.on('error', ({ message }) => settle({ status: null, stdout: '', stderr: message }))
    child.on('close', (status) => settle({ status, stdout: stdout(), stderr: stderr() }))
  })
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended, or was never started.
  }
}

function aborted({ reason }: Aborting): PremainError {
  return new PremainError('ABORTED', 'the build was aborted', { cause: reason })
}
