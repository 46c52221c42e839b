/**
 * A bundle that is run from the code that V8 made of it the last time: reading and compiling what it runs is a quarter of
 * a short trace. V8 looks neither at the source's text nor for damage in the code: see {@link KeptFile}.
 */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Script } from 'node:vm'
import { type Environment, identityOf, KeptFile } from './kept-file'

/** A CommonJS file, and the code that is kept of it. */
export class KeptScript {
  /** The code came from the last time. */
  readonly reused: boolean
  private readonly script: Script
  private readonly kept: KeptFile

  /**
   * @param filename an absolute path
   * @param environment as for {@link KeptFile}
   */
  constructor(
    private readonly filename: string,
    environment: Environment = process.env,
  ) {
    const key = keyOf(filename, environment)
    this.kept = new KeptFile({ kind: 'code', name: key, key: Buffer.from(key) }, environment)
    const source = readFileSync(filename, 'utf8')
    const code = this.kept.read()
    this.script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
      filename,
      ...(code && { cachedData: code }),
    })
    this.reused = code !== null && !this.script.cachedDataRejected
  }

  /** Runs the file as a module with that `require` and returns its exports. */
  run(require: (id: string) => unknown): unknown {
    const module = { exports: {} }
    this.script.runInThisContext()(module.exports, require, module, this.filename, dirname(this.filename))
    return module.exports
  }

  /** Keeps the code of the functions that have run, unless it was there already. */
  keep(): void {
    if (!this.reused) this.kept.write(() => this.script.createCachedData())
  }
}

/** V8 checks its own version and what else the code depends on; flags are here so that each set of them has a file. */
function keyOf(filename: string, { NODE_OPTIONS = '' }: Environment): string {
  const { version, arch, execArgv } = process
  return `${JSON.stringify([version, arch, execArgv, NODE_OPTIONS, identityOf(filename)])}\n`
}
