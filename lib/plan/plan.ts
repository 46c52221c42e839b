/** Image → the ordered list of places to stop at. */
import { PremainError } from '../errors'
import type { FileAddress, FunctionInfo, GoImage, ProgramImage } from '../image/types'
import { ENTRY_STEPS, endsAtMain, findStep } from './catalogue'
import { hostsGoLibrary } from './host'
import { entryReads, readsAt } from './reads'
import { chosenFunctions, requireFunction } from './select'
import { SiteList } from './sites'
import { type StepStop, stopName, stopsFor } from './stops'
import type { Site, StopPlan } from './types'

/** What to stop at, and what to take there. */
export interface PlanOptions {
  /** A step's id or a Go symbol: the trace ends there. Default `main`. */
  until?: string | undefined
  /** Stop at every package init function. Default true. */
  inits?: boolean | undefined
  /** More Go functions to stop at, once each. */
  stops?: readonly (string | RegExp)[] | undefined
  /** Take the registers at every stop. Default true. */
  registers?: boolean | undefined
  /**
   * Take the memory maps: `true`, at every step's stops; `'evidence'`, only where a step's evidence is made of them;
   * `false`, nowhere. Default true.
   */
  maps?: boolean | 'evidence' | undefined
  /** Backtraces are wanted: registers are taken at every stop. Default false. */
  backtraces?: boolean | undefined
  /** Leave out every stop but those that end the trace. Default false. */
  only?: boolean | undefined
  /** A Go library may come later: a program without Go is not ended at its entry point. Default false. */
  awaitLibrary?: boolean | undefined
  /** Take the registers and the memory that steps' evidence is made of. Default true. */
  evidence?: boolean | undefined
}

/** What one site of the plan takes, the options applied. */
type Takes = (needs: StepStop['needs'], inStep: boolean) => Pick<Site, 'registers' | 'maps'>

function takes(options: PlanOptions): Takes {
  const registers = (options.registers ?? true) || (options.backtraces ?? false)
  const maps = options.maps ?? true
  const evidence = options.evidence ?? true
  return (needs, inStep) => ({
    registers: registers || (evidence && needs.registers === true),
    maps: inStep && (maps === true || (maps === 'evidence' && needs.maps === true)),
  })
}

/** Stands for the symbol of an entry point that no table names. */
export const UNNAMED_ENTRY = 'entry point'

/**
 * The plan for one program: its entry point; for a Go program every stop of the catalogue that it has, its init
 * functions, `main.main`, and the functions asked for. Each address occurs once.
 *
 * With `until`, what certainly comes later is left out; `main.main` stays, so that a program that never comes to the
 * place asked for does not outrun the plan. A host of a Go library (c-archive, c-shared) ends at its entry point unless
 * `until` names a place in the library, and has no `main.main`. Steps 1 to 4 lie before the first instruction of the
 * program: asked to end there, a trace ends at the entry point.
 *
 * @throws PremainError `INVALID_OPTION` for a symbol or pattern that names no function of the program, or one where a
 * breakpoint does harm; `UNSUPPORTED` for a Go program without `main.main`, or a shared library
 */
export function planStops(image: ProgramImage, options: PlanOptions = {}): StopPlan {
  const sites = sitesFor(image, options)
  if (options.evidence === false) for (const site of sites) site.reads = []
  return { image, sites }
}

function sitesFor(image: ProgramImage, options: PlanOptions): Site[] {
  const until = options.until ?? 'main'
  const take = takes(options)
  const sites = new SiteList()
  const entry = addEntry(sites, image, take)
  const { go } = image
  if (!go) {
    if (options.awaitLibrary) return sites.finish()
    refuseSymbols(until, options)
    entry.last = true
    return sites.finish()
  }
  refuseLibrary(image)
  const host = hostsGoLibrary(image)
  if (host && endsAtMain(until)) {
    entry.last = true
    return sites.finish()
  }
  addHandover(sites, image, take)
  addRuntime(sites, image, take)
  if (options.inits ?? true) addInits(sites, go, take)
  if (!host) addMain(sites, image, take).last = true
  for (const extra of chosenFunctions(go, options.stops ?? [])) addExtra(sites, extra, take) // those of steps stay theirs
  endAt(sites, until, { go, entry, take })
  if (options.only) sites.retain((site) => site.last)
  return sites.finish()
}

function refuseSymbols(until: string, options: PlanOptions): void {
  const symbol = findStep(until) ? options.stops?.[0] : until
  if (symbol === undefined) return
  throw new PremainError('INVALID_OPTION', `no Go function ${String(symbol)} in this program: it is not a Go program`, {
    hint: 'Only the entry point of such a program is stopped at; leave out `until` and `stops`.',
  })
}

function refuseLibrary({ elf }: ProgramImage): void {
  if (elf.type !== 'DYN' || elf.pie) return
  throw new PremainError('UNSUPPORTED', 'this is a Go shared library (c-shared or plugin), not a program', {
    hint: 'It has no entry point: trace the program that loads it.',
  })
}

function addEntry(sites: SiteList, image: ProgramImage, take: Takes): Site {
  return sites.add({
    key: 'entry',
    symbol: image.nameAt(image.entry) ?? UNNAMED_ENTRY,
    step: 'entry',
    role: 'step',
    address: image.entry,
    ...take({ registers: true, maps: true }, true),
    reads: entryReads(image),
  })
}

/** Where the entry point is crt1's `_start`: the function named `main` in which C hands over to Go. */
function addHandover(sites: SiteList, image: ProgramImage, take: Takes): void {
  if (image.nameAt(image.entry)?.startsWith('_rt0_')) return
  const main = image.go?.pclntab.find(['main']).get('main')?.[0]
  if (main === undefined) return
  sites.add({ key: 'main', symbol: 'main', step: 'entry', role: 'step', address: main, ...take({}, true) })
}

function addRuntime(sites: SiteList, image: ProgramImage, take: Takes): void {
  const go = image.go as GoImage
  const stops = stopsFor(go.minors.min, go.minors.max).filter((stop) => stop.step !== 'main')
  const bodies = functionBodies(
    go,
    stops.map((stop) => stop.symbol),
  )
  for (const stop of stops) {
    const body = bodies.get(stop.symbol)
    if (!body) continue
    const { symbol, step, keepMask } = stop
    const name = stopName(stop)
    const reads = readsAt(stop, image)
    const draft = { key: name, name, symbol, step, role: 'step' as const, keepMask, reads, ...take(stop.needs, true) }
    if (stop.at === 'entry') sites.add({ ...draft, address: body })
    else sites.addReturn(draft, symbol)
  }
}

/** The entry of each name's body, of the names that the program has. One pass over the function table for all. */
function functionBodies(go: GoImage, names: readonly string[]): Map<string, FileAddress> {
  const bodies = new Map<string, FileAddress>()
  for (const [name, entries] of go.pclntab.find([...new Set(names)])) {
    const body = entries.length > 1 ? go.body(name)?.entry : entries[0]
    if (body !== undefined) bodies.set(name, body)
  }
  return bodies
}

function addInits(sites: SiteList, go: GoImage, take: Takes): void {
  // up to 1.12 a package's init calls those of its imports: without the returns their times could not be told apart
  const nested = go.minors.max <= 12
  for (const init of go.initTasks.flatMap((task) => task.functions)) {
    const key = `init ${init.entry}`
    const draft = { symbol: init.name, step: 'inits', role: 'init', ...take({}, false) } as const
    sites.add({ ...draft, key, address: init.entry })
    if (nested) sites.addReturn({ ...draft, key: `${key} (return)`, name: `${init.name} (return)` }, key)
  }
}

function addExtra(sites: SiteList, extra: FunctionInfo, take: Takes): Site {
  const { name: symbol, entry: address } = extra
  return sites.add({ key: `extra ${address}`, symbol, step: null, role: 'extra', address, ...take({}, false) })
}

function addMain(sites: SiteList, image: ProgramImage, take: Takes): Site {
  const go = image.go as GoImage
  const main = go.body('main.main')
  if (!main) {
    throw new PremainError('UNSUPPORTED', 'this Go program has no function main.main that could be found', {
      hint: 'Its names may be obfuscated, or it is a library (c-shared, c-archive, plugin). See `premain inspect`.',
    })
  }
  const caller = go.body('runtime.main')
  return sites.add({
    key: 'main.main',
    symbol: 'main.main',
    step: 'main',
    role: 'step',
    address: main.entry,
    ...take({ registers: true, maps: true }, true),
    reads: readsAt({ symbol: 'main.main', at: 'entry' }, image),
    callerWithin: caller && { low: caller.entry, high: caller.end },
  })
}

interface Ending {
  go: GoImage
  entry: Site
  take: Takes
}

function endAt(sites: SiteList, until: string, { go, entry, take }: Ending): void {
  if (endsAtMain(until)) return
  const step = findStep(until)
  if (step && ENTRY_STEPS.has(step.id)) {
    entry.last = true
    sites.retain((site) => site === entry)
    return
  }
  const target = step
    ? sites.find((site) => site.role === 'step' && site.step === step.id)
    : sites.find((site) => site.role === 'step' && (site.symbol === until || site.name === until))
  if (!target && step) {
    throw new PremainError('INVALID_OPTION', `this program has no stop in step ${step.id}`, {
      hint: `Go 1.${go.minors.min} has no such step, or its functions were not found. See \`premain inspect\`.`,
    })
  }
  const last = target ?? addExtra(sites, requireFunction(go, until), take)
  last.last = true
  if (target) dropLater(sites, target)
}

/** Leaves out what certainly comes after the target; `main.main` stays as the backstop. */
function dropLater(sites: SiteList, target: Site): void {
  const end = sites.indexOf(target)
  // the runtime's own inits run before gcenable
  const keepInits = target.symbol === 'runtime.gcenable'
  sites.retain((site, index) => {
    if (site.step === 'main' || site.role === 'extra') return true
    return site.role === 'init' ? keepInits : index <= end
  })
}
