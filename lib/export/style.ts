/** What the parts of the text report share. */
import pc from 'picocolors'
import type { StepStatus } from '../trace/types'
import { type Language, WORDS, type Words } from './words'

/** What only matters to people. */
export interface TextOptions {
  /** Columns of the terminal; taken as 40 to 200. */
  width: number
  color: boolean
  lang: Language
  /** Show the registers at each step's main stop. */
  registers: boolean
  /** Show the memory maps at each step's main stop. */
  maps: boolean
}

/** The options, made ready for use. */
export interface Style {
  width: number
  words: Words
  colors: ReturnType<typeof pc.createColors>
}

const NARROWEST = 40
const WIDEST = 200

/** The style that the options ask for. */
export function styleOf({ width, color, lang }: Pick<TextOptions, 'width' | 'color' | 'lang'>): Style {
  return {
    width: Math.max(NARROWEST, Math.min(WIDEST, Math.floor(width) || 80)),
    words: WORDS[lang],
    colors: pc.createColors(color),
  }
}

/** The mark of a step's status, in its colour. */
export function mark(status: StepStatus, { colors }: Style): string {
  switch (status) {
    case 'observed':
      return colors.green('●')
    case 'derived':
      return colors.cyan('◐')
    case 'not-applicable':
      return colors.dim('–')
    case 'not-reached':
      return colors.yellow('○')
    case 'missed':
      return colors.red('✗')
  }
}
