/** What a command may touch of the world, so that its tests can give it another one. */
import type { Image } from '../plan/inspect'
import type { TraceOptions } from '../session/options'
import type { Session } from '../session/session'
import { isTerminal } from '../session/terminal'
import type { Trace } from '../trace/types'
import type { KeptPrograms } from './kept-programs'
import { type Sink, sinkOf } from './sink'

/** The library, as a command uses it. */
export interface Services {
  trace(file: string, args: string[], options: TraceOptions): Promise<Trace>
  inspect(file: string): Promise<Image>
  launch(file: string, args: string[], options: TraceOptions): Session<Trace>
}

/** One process's surroundings. */
export interface Context {
  stdout: Sink
  stderr: Sink
  env: Record<string, string | undefined>
  /** Standard input. Asked for, it keeps the process alive until its end. */
  input(): NodeJS.ReadableStream
  /** Standard input is a terminal: an interrupt from the keyboard reaches the target too. */
  interactive: boolean
  /** Calls `listener` at SIGINT, SIGTERM and SIGHUP, until the returned function is called. */
  onInterrupt(listener: (signal: Interrupt) => void): () => void
  /** The library, each part loaded when it is called: usage errors and help need none of it. */
  services(): Services
  /** What most traces need has run: its code is worth keeping for the next process, and what is known of the program. */
  keep(): void
}

/** A signal that asks premain to leave. */
export type Interrupt = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

const INTERRUPTS: readonly Interrupt[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The surroundings of this process. */
export function processContext(keepCode: () => void): Context {
  let programs: KeptPrograms | null = null
  return {
    stdout: sinkOf(1),
    stderr: sinkOf(2),
    env: process.env,
    get interactive() {
      return isTerminal(0)
    },
    input: () => process.stdin,
    onInterrupt,
    services: () => ({
      trace: (file, args, options) => {
        programs ??= keptPrograms()
        return (require('../trace/trace') as typeof import('../trace/trace')).trace(file, args, options)
      },
      launch: (file, args, options) =>
        (require('../trace/trace') as typeof import('../trace/trace')).launch(file, args, options),
      inspect: (file) => (require('../plan/inspect') as typeof import('../plan/inspect')).inspect(file),
    }),
    keep: () => {
      keepCode()
      programs?.keep()
    },
  }
}

function keptPrograms(): KeptPrograms {
  const { KeptPrograms } = require('./kept-programs') as typeof import('./kept-programs')
  return new KeptPrograms()
}

function onInterrupt(listener: (signal: Interrupt) => void): () => void {
  for (const signal of INTERRUPTS) process.on(signal, listener)
  return () => {
    for (const signal of INTERRUPTS) process.off(signal, listener)
  }
}
