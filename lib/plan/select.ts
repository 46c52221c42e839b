/** The functions that a caller names: found, or refused with what comes near. */
import { PremainError } from '../errors'
import type { FunctionInfo, GoImage } from '../image/types'
import { STEPS } from './catalogue'
import { FORBIDDEN } from './stops'

/** The most functions that `stops` may name in all: each costs a page copy and a stop. */
export const MOST_EXTRA_STOPS = 4096

/** How many near matches a hint shows. */
const MOST_NEAR = 5

/**
 * The function of exactly that name.
 * @throws PremainError `INVALID_OPTION` when there is none, or when a breakpoint there does harm
 */
export function requireFunction(go: GoImage, symbol: string): FunctionInfo {
  if (FORBIDDEN.has(symbol)) {
    throw new PremainError('INVALID_OPTION', `${symbol} cannot be stopped at`, {
      hint: 'It runs with signals blocked, or in a child that shares the memory; a breakpoint there would do harm.',
    })
  }
  const found = go.body(symbol)
  if (found) return found
  throw new PremainError('INVALID_OPTION', `no step or Go function is called ${symbol}`, { hint: nearHint(go, symbol) })
}

/**
 * Every function that the names and patterns select, once each, in the order of the names and then of the addresses.
 * @throws PremainError `INVALID_OPTION` when one selects nothing, or all together more than {@link MOST_EXTRA_STOPS}
 */
export function chosenFunctions(go: GoImage, stops: readonly (string | RegExp)[]): FunctionInfo[] {
  const chosen = new Map<number, FunctionInfo>()
  const take = (info: FunctionInfo) => chosen.set(info.entry, info)
  for (const stop of stops) {
    if (typeof stop === 'string') take(requireFunction(go, stop))
    else matching(go, stop).forEach(take)
  }
  if (chosen.size > MOST_EXTRA_STOPS) {
    throw new PremainError('INVALID_OPTION', `stops: ${chosen.size} functions match, more than ${MOST_EXTRA_STOPS}`, {
      hint: 'Narrow the pattern, for example to one package: /^main\\./.',
    })
  }
  return [...chosen.values()]
}

function matching(go: GoImage, pattern: RegExp): FunctionInfo[] {
  // g and y make a RegExp remember where it was
  const test = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  const found: FunctionInfo[] = []
  for (const info of go.pclntab.all()) {
    // go:buildid and its like are data among the text
    if (FORBIDDEN.has(info.name) || /^go[:.]/.test(info.name) || !test.test(info.name)) continue
    found.push(info)
  }
  if (found.length > 0) return withoutWrappers(go, found)
  throw new PremainError('INVALID_OPTION', `stops: no Go function matches ${String(pattern)}`, {
    hint: 'Names are as in a Go stack trace: net/http.(*Server).Serve, main.init.0.',
  })
}

function withoutWrappers(go: GoImage, found: FunctionInfo[]): FunctionInfo[] {
  const seen = new Map<string, FunctionInfo>()
  for (const info of found) {
    if (!seen.has(info.name)) seen.set(info.name, info)
    else seen.set(info.name, go.body(info.name) ?? info)
  }
  return [...seen.values()]
}

function nearHint(go: GoImage, symbol: string): string {
  const near = nearNames(go, symbol)
  if (near.length > 0) return `Near: ${near.join(', ')}`
  return `Steps are ${STEPS.map((step) => step.id).join(', ')}; functions are named as in a Go stack trace.`
}

function nearNames(go: GoImage, symbol: string): string[] {
  const wanted = symbol.toLowerCase()
  const steps = STEPS.map((step) => step.id as string).filter((id) => editDistance(id, wanted) <= 2)
  const ends: string[] = []
  const holds: string[] = []
  for (const { name } of go.pclntab.all()) {
    const lower = name.toLowerCase()
    if (lower === wanted || lower.endsWith(`.${wanted}`)) ends.push(name)
    else if (lower.includes(wanted)) holds.push(name)
    else if (Math.abs(lower.length - wanted.length) <= 2 && editDistance(lower, wanted) <= 2) holds.push(name)
  }
  holds.sort((a, b) => a.length - b.length)
  return [...new Set([...steps, ...ends, ...holds])].slice(0, MOST_NEAR)
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitute, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
