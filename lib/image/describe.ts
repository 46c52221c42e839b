/** What a program file is, as plain data: the part of `premain.image/1` that needs no plan. */
import { resolve } from 'node:path'
import type { ElfInfo, GoInfo, Hex, ProgramImage } from './types'

/** One package's init work, as far as the file tells. */
export interface InitTaskInfo {
  package: string
  functions: { name: string; address: Hex; file: string | null; line: number | null }[]
}

/** What a program file is, without anything having been run. */
export interface ImageDescription {
  /** Absolute. */
  path: string
  /** In bytes. */
  size: number
  /** Null in the document of a failure only. */
  elf: ElfInfo | null
  /** Null for a program that is not Go, or none that can be read: `notes` says why. */
  go: GoInfo | null
  notes: string[]
  /** In run order as far as the file tells. */
  initTasks: InitTaskInfo[]
  /** How many functions Go's function table lists; 0 without one. */
  functions: number
}

/** Describes an open image as plain data: it outlives the image, and survives structuredClone and JSON. */
export function describeImage(image: ProgramImage): ImageDescription & { elf: ElfInfo } {
  return {
    path: resolve(image.path),
    size: Number(image.identity.size),
    elf: structuredClone(image.elf),
    go: image.go === null ? null : structuredClone(image.go.info),
    notes: [...image.notes],
    initTasks: describeInitTasks(image),
    functions: image.go?.pclntab.count ?? 0,
  }
}

function describeInitTasks({ go }: ProgramImage): InitTaskInfo[] {
  return (go?.initTasks ?? []).map((task) => ({
    package: task.package,
    functions: task.functions.map(({ name, entry }) => {
      const source = go?.pclntab.ownLineAt(entry) ?? null
      return { name, address: `0x${entry.toString(16)}`, file: source?.file ?? null, line: source?.line ?? null }
    }),
  }))
}
