/** What a command of premain is. */
import type { Command } from 'commander'
import { PremainError } from '../errors'
import type { Context } from './context'

/** One command, in a file of its own. */
export interface CommandModule<Options extends object = Record<string, unknown>> {
  /** Describes arguments and options to commander. */
  define(command: Command): void
  /** Does the work and returns the exit code; what it throws is told to the user by {@link fail}, if there is one. */
  run(invocation: Invocation<Options>): Promise<number>
  /** Tells of a failure on standard output, where the options ask for a document, and returns the exit code. */
  fail?(error: unknown, invocation: Invocation<Partial<Options>>): Promise<number>
}

/** One call of a command. */
export interface Invocation<Options extends object = Record<string, unknown>> {
  /** The program and its arguments, or what the command has in their place. */
  operands: string[]
  options: Options
  /** All words after the command's name, as they were given. */
  words: readonly string[]
  context: Context
}

/** An `INVALID_OPTION` of the command line: exit code 2. */
export function usageError(message: string, hint?: string): PremainError {
  return new PremainError('INVALID_OPTION', message, { hint: hint ?? null })
}

/** Collects a repeatable option. */
export function collect<T>(parse: (text: string) => T): (text: string, previous: T[] | undefined) => T[] {
  return (text, previous) => [...(previous ?? []), parse(text)]
}
