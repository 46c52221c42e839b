/** The packages whose inits took most of the time. */
import { formatDuration } from '../measure/units'
import type { Init, Trace } from '../trace/types'
import { bar, type Column, fitColumns, milliseconds, percent, shortenName } from './columns'
import { escapeControls } from './escape'
import { grid } from './grid'
import { paragraph } from './paragraph'
import type { Style } from './style'
import { fill } from './words'

const MOST_SHOWN = 8

/** Packages below this part of all inits' time are left out, unless there are few. */
const LEAST_SHARE = 0.005
const FEW = 5

/** The init functions of one package taken together. */
export interface PackageInits {
  package: string
  runtime: boolean
  functions: number
  wallNs: number
}

/** Sums the inits by package, the longest first; equal ones in order of running. */
export function initsByPackage(inits: readonly Init[]): PackageInits[] {
  const packages = new Map<string, PackageInits>()
  for (const init of inits) {
    const known = packages.get(init.package)
    if (known === undefined) {
      packages.set(init.package, {
        package: init.package,
        runtime: init.runtime,
        functions: 1,
        wallNs: init.wallNs,
      })
    } else {
      known.functions++
      known.wallNs += init.wallNs
    }
  }
  return [...packages.values()].sort((a, b) => b.wallNs - a.wallNs)
}

const WALL_WIDTH = 12

type Key = 'wall' | 'share' | 'package' | 'bar' | 'runtime' | 'functions'

const COLUMNS: readonly Column<Key>[] = [
  { key: 'wall', width: WALL_WIDTH, align: 'right' },
  { key: 'package', width: 18, most: 60 },
  { key: 'bar', width: 6, most: 10 },
  { key: 'runtime', width: 7 },
  { key: 'share', width: 7, align: 'right' },
  { key: 'functions', width: 13 },
]

const SHOWN: readonly Key[] = ['wall', 'share', 'bar', 'package', 'runtime', 'functions']

/** A line on all inits and the packages with the most time; empty when no init ran. */
export function initsTable(trace: Trace, style: Style): string {
  const packages = initsByPackage(trace.inits)
  if (packages.length === 0) return ''
  const wallNs = sum(packages)
  const shown = packages.filter((one, at) => at < MOST_SHOWN && (at < FEW || one.wallNs >= wallNs * LEAST_SHARE))
  const columns = fitColumns(COLUMNS, { width: style.width, shown: SHOWN })
  const rows = shown.map((one) =>
    columns.map(({ key, width }) => cell(key, { one, width, wallNs, longest: shown[0]!.wallNs, style })),
  )
  return [headline(packages, wallNs, style), grid(columns, rows), ending(packages, shown.length, style)]
    .filter(Boolean)
    .join('\n')
}

function headline(packages: readonly PackageInits[], wallNs: number, { words, width, colors }: Style): string {
  const runtimeNs = sum(packages.filter((one) => one.runtime))
  const functions = packages.reduce((total, one) => total + one.functions, 0)
  const text = fill(words.inits, { functions, packages: packages.length, wall: formatDuration(wallNs) })
  const runtime = runtimeNs > 0 ? fill(words.runtimeInits, { wall: formatDuration(runtimeNs) }) : ''
  return colors.bold(paragraph(text + runtime, width))
}

interface CellContext {
  one: PackageInits
  width: number
  wallNs: number
  longest: number
  style: Style
}

function cell(key: Key, { one, width, wallNs, longest, style: { colors, words } }: CellContext): string {
  switch (key) {
    case 'wall':
      return `${milliseconds(one.wallNs)} ms`
    case 'share':
      return colors.dim(percent(one.wallNs, wallNs))
    case 'bar':
      return colors.cyan(bar(one.wallNs, longest, width))
    case 'package':
      return escapeControls(shortenName(one.package, width))
    case 'runtime':
      return one.runtime ? colors.dim(words.runtime) : ''
    case 'functions':
      return colors.dim(one.functions > 1 ? fill(words.functions, { count: one.functions }) : '')
  }
}

function ending(packages: readonly PackageInits[], shown: number, { words, colors }: Style): string {
  const rest = packages.slice(shown)
  if (rest.length === 0) return ''
  const text = fill(words.notShown, { count: rest.length })
  return colors.dim(`${milliseconds(sum(rest))} ms  ${text}`.padStart(WALL_WIDTH + 2 + text.length))
}

function sum(packages: readonly PackageInits[]): number {
  return packages.reduce((total, one) => total + one.wallNs, 0)
}
