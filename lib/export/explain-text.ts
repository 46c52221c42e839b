/** The catalogue of the steps, for people. */
import type { StepInfo } from '../plan/catalogue'
import type { StepPlace } from '../plan/inspect'
import type { ErrorInfo } from '../trace/types'
import { escapeControls } from './escape'
import { paragraph } from './paragraph'
import { type Style, styleOf, type TextOptions } from './style'

/** `premain explain --json`, `premain.explanation/1`; after a failure without steps, with the error. */
export interface Explanation {
  schema: 'premain.explanation/1'
  tool: { name: 'premain'; version: string }
  /** The program whose places are shown, or null. */
  program: string | null
  /** `places`: where the step lives in the program; null without one. */
  steps: (StepInfo & { places: StepPlace[] | null })[]
  /** Why nothing is explained; absent or null otherwise. */
  error?: ErrorInfo | null
}

/** One step in full, or a line for each of several. */
export function toExplainText({ program, steps }: Explanation, options: TextOptions): string {
  const style = styleOf(options)
  const [only] = steps
  const head = program === null ? [] : [style.colors.bold(paragraph(escapeControls(program), style.width)), '']
  const body =
    steps.length === 1 && only
      ? full(only, style)
      : [
          ...steps.flatMap((step) => brief(step, style)),
          '',
          style.colors.dim('premain explain STEP tells more of one.'),
        ]
  return `${[...head, ...body].join('\n')}\n`
}

function brief(step: Explanation['steps'][number], { colors, width }: Style): string[] {
  const [first, ...rest] = paragraph(step.title, width - 16).split('\n')
  const index = colors.dim(String(step.index).padStart(2))
  return [
    `${index}  ${colors.bold(step.id.padEnd(10))}  ${first}`,
    ...rest.map((line) => `${' '.repeat(16)}${line}`),
    ...placeLines(step.places, { colors, indent: 16 }),
  ]
}

function full(step: Explanation['steps'][number], style: Style): string[] {
  const { colors, width } = style
  const evidence = Object.entries(step.evidence)
  const label = Math.max(...evidence.map(([key]) => key.length)) + 4
  return [
    colors.bold(paragraph(`${step.index} ${step.id}: ${step.title}`, width)),
    '',
    paragraph(step.explanation, width),
    '',
    colors.bold('Evidence'),
    ...evidence.flatMap(([key, meaning]) =>
      paragraph(meaning, width - label)
        .split('\n')
        .map((line, at) => `${(at === 0 ? `  ${key}` : '').padEnd(label)}${line}`),
    ),
    ...(step.places === null ? [] : ['', colors.bold('Stops'), ...stopLines(step.places, style)]),
  ]
}

function stopLines(places: StepPlace[], { colors }: Style): string[] {
  return places.length === 0 ? [colors.dim('  none in this program')] : placeLines(places, { colors, indent: 2 })
}

function placeLines(
  places: StepPlace[] | null,
  { colors, indent }: { colors: Style['colors']; indent: number },
): string[] {
  const width = Math.max(0, ...(places ?? []).map(({ name }) => name.length))
  return (places ?? []).map(({ name, address, file, line }) => {
    const source = [address, file === null ? null : `${file}:${line}`].filter((text) => text !== null).join('  ')
    return `${' '.repeat(indent)}${escapeControls(name.padEnd(width))}  ${colors.dim(escapeControls(source))}`.trimEnd()
  })
}
