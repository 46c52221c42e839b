/** `compare --git BASE..HEAD --build COMMAND`: both revisions built in worktrees of their own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  remove(): void
}

/**
 * Builds the two ends of a range. `{}` in the command stands for the path of the program to make; the command runs in the
 * worktree's root, by `sh -c`.
 *
 * @throws PremainError `INVALID_OPTION` for a range or revision that is none, or a build that fails
 */
export function buildRange(range: string, build: string): GitBuilds {
  const [base, head, more] = range.split('..')
  if (!base || head === undefined || more !== undefined || base.startsWith('-') || head.startsWith('.')) {
    throw usageError(`not a range of revisions: ${JSON.stringify(range)}`, 'Write BASE..HEAD; BASE.. means up to HEAD.')
  }
  if (!build.includes('{}')) {
    throw usageError('--build has no {}', "Write {} where the program's path belongs: 'go build -o {} ./cmd/x'.")
  }
  const folder = mkdtempSync(join(tmpdir(), 'premain-compare-'))
  const trees: string[] = []
  const remove = () => {
    for (const tree of trees) git(['worktree', 'remove', '--force', tree])
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const made = [base, head || 'HEAD'].map((revision, at) => {
      const tree = join(folder, `tree-${at}`)
      addWorktree(tree, revision)
      trees.push(tree)
      const file = buildIn(tree, { program: join(folder, at === 0 ? 'before' : 'after'), build, revision })
      return { file, revision: { name: revision, commit: git(['-C', tree, 'rev-parse', 'HEAD']).stdout.trim() } }
    })
    return { before: made[0]!, after: made[1]!, remove }
  } catch (error) {
    remove()
    throw error
  }
}

function git(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('git', args, { encoding: 'utf8' })
}

function addWorktree(tree: string, revision: string): void {
  const { status, stderr } = git(['worktree', 'add', '--detach', '--quiet', tree, revision])
  if (status !== 0) throw usageError(`git cannot check out ${revision}`, stderr?.trim() || 'Is git installed?')
}

function buildIn(
  tree: string,
  { program, build, revision }: { program: string; build: string; revision: string },
): string {
  const command = build.replaceAll('{}', `'${program}'`)
  // What the build says is talk: it goes to standard error.
  const { status } = spawnSync('sh', ['-c', command], { cwd: tree, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw usageError(`the build of ${revision} failed with exit code ${status}`, `It was: ${command}`)
  return program
}
