/** From a name to a planned program: the file, its image, its plan; remembered while the file does not change. */
import { existsSync } from 'node:fs'
import { PremainError } from '../errors'
import { classifyProgram, resolveProgram } from '../image/classify'
import { NEWEST_MINOR } from '../image/go/layouts'
import { openImage } from '../image/image'
import { fromCwd } from '../image/lookup'
import type { FileIdentity, ProgramImage } from '../image/types'
import { planLoader } from '../plan/loader'
import { type PlanOptions, planStops } from '../plan/plan'
import { siteOf } from '../plan/sites'
import type { StopPlan } from '../plan/types'
import { binding } from './binding'
import { requireProc } from './denial'
import type { ResolvedOptions } from './options'

/** How many images are remembered between launches. */
const REMEMBERED_IMAGES = 4

/** The oldest Go release, 1.x, that is traced. */
const OLDEST_TRACED = 10

/** A program that can be launched. */
export interface PreparedProgram {
  /** The path given to execve. */
  path: string
  argv: string[]
  /** The image that will be in place after execve: the file itself, or the last interpreter of its `#!` chain. */
  image: ProgramImage
  plan: StopPlan
  /** The `#!` chain, outermost first; empty for an ELF file. */
  scripts: { path: string; interpreter: string }[]
}

interface Remembered {
  image: ProgramImage
  /** As the addon’s `expectLaunch()` takes it. */
  identity: BigInt64Array
  plans: Map<string, StopPlan>
}

/** By the absolute path of the image. */
const images = new Map<string, Remembered>()

/**
 * Finds, opens and plans a program.
 * @throws PremainError `NOT_FOUND`, `NOT_EXECUTABLE`, `INTERPRETER_MISSING`, `WRONG_ARCH`, `NOT_ELF`, `MALFORMED_ELF`,
 * `UNSUPPORTED`, `INVALID_OPTION`
 */
export function prepareProgram(file: string, args: readonly string[], options: ResolvedOptions): PreparedProgram {
  requireProc()
  const path = resolveProgram(file, options)
  const argv = [file, ...args]
  const known = recall(fromCwd(path, options.cwd))
  if (known !== null) return { path, argv, image: known.image, plan: planFor(known, options), scripts: [] }
  const { elf, scripts } = classifyProgram(path, options.cwd)
  const made = recall(elf) ?? remember(elf)
  return { path, argv, image: made.image, plan: planFor(made, options), scripts }
}

let open: (path: string) => ProgramImage = openImage

/** Has programs opened for tracing by that function from now on, instead of `openImage()`. */
export function openImagesBy(opener: (path: string) => ProgramImage): void {
  open = opener
}

/** An image for tracing, not remembered. */
export function openForTrace(path: string): ProgramImage {
  const image = open(path)
  try {
    refuseUnsupported(image)
    return image
  } catch (error) {
    image.close()
    throw error
  }
}

/** The plan's part of the options. */
export function planOptions(options: ResolvedOptions): PlanOptions {
  const { until, inits, stops, registers, maps, backtraces, only, evidence } = options
  return { until, inits, stops, registers, maps: maps || (evidence && 'evidence'), backtraces, only, evidence }
}

/** A plan of one more stop, at one Go function. Throws `INVALID_OPTION` when the program has no such function. */
export function planSymbol(image: ProgramImage, symbol: string): StopPlan {
  const body = image.go?.body(symbol) ?? null
  if (body === null) {
    throw new PremainError('INVALID_OPTION', `no Go function ${symbol} in ${image.path}`, {
      hint: 'symbols are written as the Go linker does: net/http.(*Server).Serve',
    })
  }
  return { image, sites: [siteOf({ symbol, step: null, role: 'extra', registers: true, maps: false }, body.entry)] }
}

/** The image of that path while its file is the same: what was found out about it before exec holds still. */
function recall(path: string): Remembered | null {
  const known = images.get(path)
  if (known === undefined || !binding().expectLaunch(path, known.identity)) return null
  const { interpreter } = known.image.elf
  if (interpreter !== null && !existsSync(interpreter)) return null
  images.delete(path)
  images.set(path, known)
  return known
}

function remember(path: string): Remembered {
  const image = openForTrace(path)
  const made = { image, identity: numbersOf(image.identity), plans: new Map<string, StopPlan>() }
  images.delete(path)
  images.set(path, made)
  const oldest = images.keys().next().value
  if (images.size > REMEMBERED_IMAGES && oldest !== undefined) images.delete(oldest)
  return made
}

function numbersOf({ dev, ino, size, mtimeNs, ctimeNs }: FileIdentity): BigInt64Array {
  return BigInt64Array.of(dev, ino, size, mtimeNs, ctimeNs)
}

function planFor(remembered: Remembered, options: ResolvedOptions): StopPlan {
  const key = planKey(options)
  const known = remembered.plans.get(key)
  if (known !== undefined) return known
  try {
    const wanted = planOptions(options)
    const plan = planLoader(remembered.image, wanted) ?? planStops(remembered.image, wanted)
    remembered.plans.set(key, plan)
    return plan
  } finally {
    remembered.image.close()
  }
}

/** Tells apart all that {@link planOptions} does. */
function planKey({ until, inits, stops, registers, maps, backtraces, only, evidence }: ResolvedOptions): string {
  const symbols = stops.length > 0 ? JSON.stringify(stops.map((stop) => [typeof stop, String(stop)])) : ''
  return `${inits} ${registers} ${maps} ${backtraces} ${only} ${evidence} ${until} ${symbols}`
}

/** What cannot be traced truthfully is refused before exec. */
function refuseUnsupported(image: ProgramImage): void {
  if (image.go === null) return
  const { min, max } = image.go.minors
  if (min >= OLDEST_TRACED && max <= NEWEST_MINOR) return
  throw new PremainError('UNSUPPORTED', `${image.path} was built by a Go version that premain does not know`, {
    hint: `Go 1.${OLDEST_TRACED} to 1.${NEWEST_MINOR} are known; this file says ${image.go.info.version ?? image.go.info.versionRange}`,
  })
}
