/** What a program file is, for people. */
import type { Image, StepPlace } from '../plan/inspect'
import { type Column, fitColumns, shortenName } from './columns'
import { escapeControls, sealed } from './escape'
import { grid } from './grid'
import { paragraph } from './paragraph'
import { type Style, styleOf, type TextOptions } from './style'

const LABEL = 12

/** The description as text of at most `options.width` columns. */
export function toInspectText(image: Image, options: TextOptions): string {
  const style = styleOf(options)
  const sections = [
    style.colors.bold(paragraph(escapeControls(image.path), style.width)),
    facts(image)
      .map(([label, text]) => fact(label, text, style))
      .join('\n'),
    stepsTable(image, style),
    notes(image, style),
  ]
  return sealed(`${sections.filter(Boolean).join('\n\n')}\n`)
}

function fact(label: string, text: string, { width, colors }: Style): string {
  const lines = paragraph(escapeControls(text), width - LABEL).split('\n')
  return lines.map((line, at) => colors.dim((at === 0 ? label : '').padEnd(LABEL)) + line).join('\n')
}

/** Label and text of each line that the file has something to say to. */
function facts(image: Image): [string, string][] {
  const { elf, go, initTasks } = image
  const lines: [string, string | null | undefined][] = [
    ...image.scripts.map(({ path, interpreter }): [string, string] => ['script', `${path} by ${interpreter}`]),
    ['ELF', `${elf.type} ${elf.machine}, entry ${elf.entry}, ${bytes(image.size)}`],
    ['linked', linkage(image)],
    ['interpreter', elf.interpreter],
    ['needs', elf.needed.join(', ')],
    ['tables', tables(image)],
    ['build id', elf.buildId],
    ['Go build id', elf.goBuildId],
    ['Go', go && (go.version ?? go.versionRange ?? 'version not stated')],
    ['module', go?.module],
    ['main', go?.main],
    ['modules', go && go.deps.length > 0 ? `${go.deps.length} dependencies` : null],
    ['settings', go && settings(go.settings)],
    ['inits', go && `${count(initTasks)} functions of ${initTasks.length} packages`],
  ]
  return lines.filter((line): line is [string, string] => Boolean(line[1]))
}

function linkage({ elf, go }: Image): string {
  const cgo = go === null ? '' : go.cgo ? ', cgo' : ', no cgo'
  return `${elf.static ? 'static' : 'dynamic'}${elf.pie ? ', position-independent' : ''}${cgo}`
}

function tables({ elf, functions }: Image): string {
  const { symtab, dwarf, pclntab, buildinfo, sectionHeaders } = elf.has
  return [
    symtab ? 'symbol table' : 'no symbol table (stripped)',
    dwarf ? 'DWARF' : 'no DWARF',
    pclntab || functions > 0 ? `pclntab of ${functions} functions` : 'no pclntab',
    buildinfo ? 'buildinfo' : 'no buildinfo',
    sectionHeaders ? null : 'no section headers',
  ]
    .filter(Boolean)
    .join(', ')
}

function settings(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${/\s/.test(value) ? JSON.stringify(value) : value}`)
    .join(' ')
}

function count(tasks: Image['initTasks']): number {
  return tasks.reduce((total, task) => total + task.functions.length, 0)
}

/** 1,234,567 bytes as `1.18 MiB`. */
function bytes(size: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB']
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, size)) / 10))
  return `${unit === 0 ? size : (size / 1024 ** unit).toFixed(1)} ${units[unit]}`
}

type Key = 'index' | 'step' | 'where' | 'address' | 'source'

const COLUMNS: readonly Column<Key>[] = [
  { key: 'index', width: 2, align: 'right' },
  { key: 'step', width: 10 },
  { key: 'where', width: 18, most: 36 },
  { key: 'address', width: 12 },
  { key: 'source', width: 20, most: 60 },
]

const SHOWN: readonly Key[] = ['index', 'step', 'where', 'address', 'source']

/** A row for each place at which a trace would stop. */
function stepsTable(image: Image, style: Style): string {
  const { colors, words, width } = style
  const columns = fitColumns(COLUMNS, { width, shown: SHOWN })
  const titles = { index: '', step: words.columns.step, where: words.columns.where, address: words.columns.address }
  const head = columns.map(({ key }) => colors.dim(key === 'source' ? words.source : titles[key]))
  const rows = image.steps.flatMap((step) => {
    const places: (StepPlace | null)[] = step.places.length > 0 ? step.places : [null]
    return places.map((place, at) =>
      columns.map(({ key, width: cell }) => {
        if (key === 'index') return at === 0 ? colors.dim(String(step.index)) : ''
        if (key === 'step') return at === 0 ? (place ? step.id : colors.dim(step.id)) : ''
        return place ? placeCell(key, { place, width: cell, style }) : ''
      }),
    )
  })
  return grid(columns, [head, ...rows])
}

function placeCell(
  key: 'where' | 'address' | 'source',
  { place, width, style }: { place: StepPlace; width: number; style: Style },
): string {
  if (key === 'address') return style.colors.dim(place.address ?? '')
  const text = key === 'where' ? place.name : place.file === null ? '' : `${place.file}:${place.line}`
  return escapeControls(shortenName(text, width))
}

function notes({ notes: lines }: Image, { colors, words, width }: Style): string {
  if (lines.length === 0) return ''
  return [colors.bold(words.notes), ...lines.map((line) => paragraph(escapeControls(line), width, 2))].join('\n')
}
