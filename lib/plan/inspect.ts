/** `inspect()`: what a program file is and where each step lives in it. Nothing is run. */
import { throwNamed } from '../errors'
import { classifyProgram, resolveProgram } from '../image/classify'
import { describeImage, type ImageDescription } from '../image/describe'
import { openImage } from '../image/image'
import type { ElfInfo, FileAddress, Hex, ProgramImage } from '../image/types'
import { TOOL } from '../tool'
import { STEPS } from './catalogue'
import { planStops } from './plan'
import type { Site, StepId } from './types'

/** Where one step would stop. */
export interface StepPlace {
  name: string
  symbol: string
  /** In the file, without the load bias; null for an address that is known only while the program runs. */
  address: Hex | null
  file: string | null
  line: number | null
}

/** What `premain inspect --json` prints: the image; after a failure, one of nothing with the error. */
export interface ImageDocument extends ImageDescription {
  schema: 'premain.image/1'
  tool: { name: 'premain'; version: string }
  /** The `#!` chain that leads to the file, outermost first; empty when it was named itself. */
  scripts: { path: string; interpreter: string }[]
  /** The 17 steps, each with the places at which a trace stops; empty where a step has no place of its own. */
  steps: { index: number; id: StepId; title: string; places: StepPlace[] }[]
  error?: { code: string; message: string; hint: string | null; errno: string | null; syscall: string | null } | null
}

/** `premain.image/1`: what a program file is, as plain data. */
export interface Image extends ImageDocument {
  elf: ElfInfo
}

/**
 * Reads a program file.
 *
 * @param file a path, or a name that is looked up in PATH
 * @throws PremainError `NOT_FOUND`, `NOT_EXECUTABLE`, `INTERPRETER_MISSING`, `WRONG_ARCH`, `NOT_ELF`, `MALFORMED_ELF`,
 * `UNSUPPORTED`
 */
export function inspect(file: string): Promise<Image> {
  return readImage(file).catch(throwNamed)
}

async function readImage(file: string): Promise<Image> {
  const cwd = process.cwd()
  const { elf, scripts } = classifyProgram(resolveProgram(file, { cwd, env: { path: process.env.PATH } }), cwd)
  const image = openImage(elf)
  try {
    return { schema: 'premain.image/1', tool: TOOL, ...describeImage(image), scripts, steps: stepPlaces(image) }
  } finally {
    image.close()
  }
}

function stepPlaces(image: ProgramImage): Image['steps'] {
  const sites = plannedSites(image)
  return STEPS.map(({ index, id, title }) => ({
    index,
    id,
    title,
    places: sites.filter((site) => site.step === id && site.role === 'step').map((site) => placeOf(image, site)),
  }))
}

/** A program that cannot be traced can still be described: its steps have no places then. */
function plannedSites(image: ProgramImage): Site[] {
  try {
    return planStops(image, { inits: false }).sites
  } catch {
    return []
  }
}

function placeOf(image: ProgramImage, site: Site): StepPlace {
  const line = site.address === null ? null : (image.go?.pclntab.ownLineAt(site.address) ?? null)
  return {
    name: site.name,
    symbol: site.symbol,
    address: site.address === null ? null : hex(site.address),
    file: line?.file ?? null,
    line: line?.line ?? null,
  }
}

function hex(address: FileAddress): Hex {
  return `0x${address.toString(16)}`
}
