/** `compare --git BASE..HEAD --build COMMAND`: both revisions built in worktrees of their own. */
import { type SpawnOptions, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { PremainError } from '../errors'
import type { Aborting } from '../session/options'
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
 * @throws PremainError `INVALID_OPTION` for a range or revision that is none, or a build that fails; `ABORTED`
 */
export async function buildRange(range: string, build: string, signal: Aborting): Promise<GitBuilds> {
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
    await worktrees.remove()
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
  readonly folder = mkdtempSync(join(tmpdir(), 'premain-compare-'))
  readonly trees: string[] = []

  constructor(private readonly signal: Aborting) {}

  async root(): Promise<string> {
    return (await git(['rev-parse', '--show-toplevel'], this.signal)).stdout.trim()
  }

  async commitOf(revision: string): Promise<string> {
    const found = await git(['rev-parse', '--verify', '--quiet', `${revision}^{commit}`], this.signal)
    if (found.status === 0) return found.stdout.trim()
    throw usageError(
      `git knows no revision ${revision}`,
      found.stderr.trim() || 'Is git installed, and this a repository?',
    )
  }

  async add(name: string, commit: string): Promise<string> {
    const tree = join(this.folder, name)
    // Its hooks are for who works in a tree.
    const hooks = ['-c', 'core.hooksPath=/dev/null']
    this.trees.push(tree)
    const added = await git([...hooks, 'worktree', 'add', '--detach', '--quiet', tree, commit], this.signal)
    if (added.status === 0) return tree
    throw usageError(`git cannot check out ${commit}`, added.stderr.trim())
  }

  async remove(): Promise<string | null> {
    try {
      makeWritable(this.folder)
      for (const tree of this.trees) await git(['worktree', 'remove', '--force', '--force', tree])
      rmSync(this.folder, { recursive: true, force: true })
      return null
    } catch {
      return this.folder
    }
  }
}

/** Builds leave folders that even their owner may not write to, as Go's module cache is. */
function makeWritable(folder: string): void {
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(folder, entry.name))
  }
}

/** Which repository and index git works on; hooks are run with them. Source: git rev-parse --local-env-vars. */
const OF_A_TREE = ['GIT_INDEX_FILE', 'GIT_WORK_TREE', 'GIT_IMPLICIT_WORK_TREE', 'GIT_PREFIX']
const OF_A_REPOSITORY = ['GIT_DIR', 'GIT_COMMON_DIR', 'GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES']

function environmentWithout(names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.includes(name)))
}

interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

function git(args: readonly string[], signal: Aborting | null = null): Promise<Ended> {
  const options: SpawnOptions = { env: environmentWithout(OF_A_TREE), stdio: ['ignore', 'pipe', 'pipe'] }
  return ended('git', args, { options, signal })
}

interface Build {
  program: string
  build: string
  name: string
  signal: Aborting
}

async function buildIn(tree: string, { program, build, name, signal }: Build): Promise<string> {
  const command = build.replaceAll('{}', `'${program}'`)
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

/** Runs a command in a process group of its own, which is ended with the signal. */
function ended(
  command: string,
  args: readonly string[],
  { options, signal }: { options: SpawnOptions; signal: Aborting | null },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal))
    const child = spawn(command, args, { ...options, detached: true })
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
      const chunks: Buffer[] = []
      stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
      return () => Buffer.concat(chunks).toString('utf8')
    }) as [() => string, () => string]
    let patience: NodeJS.Timeout | null = null
    const onAbort = (): void => {
      end(child.pid, 'SIGINT')
      patience = setTimeout(() => end(child.pid, 'SIGKILL'), PATIENCE_MS)
    }
    const settle = (result: Ended): void => {
      if (patience !== null) clearTimeout(patience)
      signal?.removeEventListener('abort', onAbort)
      if (signal?.aborted) {
        end(child.pid, 'SIGKILL') // a shell's background jobs ignore SIGINT
        reject(aborted(signal))
      } else resolve(result)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    child.on('error', ({ message }) => settle({ status: null, stdout: '', stderr: message }))
    child.on('close', (status) => settle({ status, stdout: stdout(), stderr: stderr() }))
  })
}

function end(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}

function aborted({ reason }: Aborting): PremainError {
  return new PremainError('ABORTED', 'the build was aborted', { cause: reason })
}
