import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { PremainError } from '../errors'
import { parseBudget } from './budget'
import { between, oneOf, wholeNumber } from './options'
import type { Clock } from './types'
import { parseMilliseconds } from './units'

/** `premain.config.json`: what `premain check` does where no flag says otherwise. */
export interface Config {
  /** Where editors find this file's schema. */
  $schema?: string
  /** Limits by key: `{ "total.cpu": "5ms", "init:net/http.cpu": "1ms", "total.wall": "+10%" }`. */
  budgets?: Record<string, string>
  /** A baseline file; a relative path starts at the configuration's folder. */
  baseline?: string
  /** Counted launches. @minimum 1 */
  runs?: number
  /** Launches before them. @minimum 0 */
  warmup?: number
  cold?: boolean
  clock?: Clock
  /** For each launch: `10s`. */
  timeout?: string
  /** End with code 5 where nothing can be concluded. */
  strict?: boolean
}

export const CONFIG_NAME = 'premain.config.json'

/** A configuration with its file. */
export interface FoundConfig {
  path: string
  config: Config
}

/**
 * The nearest `premain.config.json`, from `directory` upwards; null where there is none. Read by hand: the usual loaders of
 * configuration can run code from it, and bring `import()` with them.
 *
 * @throws PremainError `INVALID_OPTION` when it cannot be read, is not JSON, or has a key or value without meaning
 */
export function findConfig(directory: string): FoundConfig | null {
  for (let folder = resolve(directory); ; folder = dirname(folder)) {
    const path = join(folder, CONFIG_NAME)
    const text = readIfThere(path)
    if (text !== null) return { path, config: parseConfig(path, text) }
    if (dirname(folder) === folder) return null
  }
}

/** One named configuration. @throws PremainError `INVALID_OPTION`, also when it is not there */
export function readConfig(path: string): FoundConfig {
  const text = readIfThere(path)
  if (text === null) throw new PremainError('INVALID_OPTION', `no configuration at ${path}`)
  return { path, config: parseConfig(path, text) }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw new PremainError('INVALID_OPTION', `cannot read ${path}`, { cause })
  }
}

type Check = (value: unknown) => void

/** Each known key with what it accepts; they throw. */
const CHECKS: Readonly<Record<keyof Config, Check>> = {
  $schema: (value) => expectType(value, 'string'),
  budgets: (value) => {
    expectType(value, 'object', 'Write { "total.cpu": "5ms" }.')
    for (const [key, limit] of Object.entries(value as object)) {
      expectType(limit, 'string')
      parseBudget(`${key}=${limit}`)
    }
  },
  baseline: (value) => expectType(value, 'string'),
  runs: (value) => wholeNumber('runs', value as number, 1),
  warmup: (value) => wholeNumber('warmup', value as number, 0),
  cold: (value) => expectType(value, 'boolean'),
  clock: (value) => oneOf('clock', value as string, ['wall', 'cpu']),
  timeout: (value) => {
    expectType(value, 'string')
    between('timeout', parseMilliseconds(value as string), [0, 2 ** 31 - 1])
  },
  strict: (value) => expectType(value, 'boolean'),
}

function expectType(value: unknown, type: 'string' | 'boolean' | 'object', hint: string | null = null): void {
  if (typeof value === type && value !== null && !Array.isArray(value)) return
  throw new PremainError('INVALID_OPTION', `expected ${type}, not ${JSON.stringify(value)}`, { hint })
}

function parseConfig(path: string, text: string): Config {
  let config: Config
  try {
    config = JSON.parse(text) as Config
  } catch (cause) {
    throw new PremainError('INVALID_OPTION', `${path} is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new PremainError('INVALID_OPTION', `${path} must hold an object`)
  }
  for (const [key, value] of Object.entries(config)) {
    if (!Object.hasOwn(CHECKS, key)) {
      const known = Object.keys(CHECKS).join(', ')
      throw new PremainError('INVALID_OPTION', `${path}: no such key: ${key}`, { hint: `The keys: ${known}.` })
    }
    try {
      CHECKS[key as keyof Config](value)
    } catch (cause) {
      const { message, hint } = cause as PremainError
      throw new PremainError('INVALID_OPTION', `${path}: ${key}: ${message}`, { hint, cause })
    }
  }
  const { baseline } = config
  return baseline === undefined ? config : { ...config, baseline: resolve(dirname(path), baseline) }
}
