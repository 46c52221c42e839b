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
}

/** Every word that is taken for a command when it stands first. */
export function isCommand(word: string): boolean {
  return word === 'help' || Object.hasOwn(COMMANDS, word)
}
