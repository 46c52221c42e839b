/** The commands, one line each: a name, what it does, and where it is. Modules are loaded when they are called. */
import type { CommandModule } from './command'

/** A line of the list. */
export interface CommandEntry {
  summary: string
  load(): CommandModule
}

/** All commands, in the order in which the help lists them. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  trace: {
    summary: 'trace a program from execve to main.main (the default command)',
    load: () => (require('./trace') as typeof import('./trace')).traceCommand as unknown as CommandModule,
  },
  inspect: {
    summary: 'what a program file is and where each step lives; runs nothing',
    load: () => (require('./inspect') as typeof import('./inspect')).inspectCommand as unknown as CommandModule,
  },
  measure: {
    summary: 'launch a program many times: a distribution for every step',
    load: () => (require('./measure') as typeof import('./measure')).measureCommand as unknown as CommandModule,
  },
  compare: {
    summary: 'two programs, run in turns, or two saved measurements',
    load: () => (require('./compare') as typeof import('./compare')).compareCommand as unknown as CommandModule,
  },
  check: {
    summary: 'budgets and baselines for CI',
    load: () => (require('./check') as typeof import('./check')).checkCommand as unknown as CommandModule,
  },
  explain: {
    summary: 'the catalogue of steps, for a program where one is given',
    load: () => (require('./explain') as typeof import('./explain')).explainCommand as unknown as CommandModule,
  },
  step: {
    summary: 'stop by stop, at a terminal',
    load: () => (require('./step') as typeof import('./step')).stepCommand as unknown as CommandModule,
  },
  doctor: {
    summary: 'may this machine trace? if not: the cause and the fix',
    load: () => (require('./doctor') as typeof import('./doctor')).doctorCommand as unknown as CommandModule,
  },
  completion: {
    summary: 'a completion script for bash, zsh or fish',
    load: () =>
      (require('./completion') as typeof import('./completion')).completionCommand as unknown as CommandModule,
  },
}

/** Every word that is taken for a command when it stands first. */
export function isCommand(word: string): boolean {
  return word === 'help' || Object.hasOwn(COMMANDS, word)
}
