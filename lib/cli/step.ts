/** `premain step`: a program stop by stop, at a terminal. All its threads stay stopped while one looks. */
import type { Interface } from 'node:readline'
import { type Command, Option } from 'commander'
import { escapeControls } from '../export/escape'
import type { LiveStop } from '../session/live-stop'
import type { Session } from '../session/session'
import type { Trace } from '../trace/types'
import { type CommandModule, collect, type Invocation } from './command'
import type { Context } from './context'
import { EXIT, exitCodeOfSignal } from './exit-codes'
import { answer, STEP_HELP } from './step-words'
import { environmentOf, type TraceCommandOptions, variable } from './trace-options'

type StepOptions = Pick<TraceCommandOptions, 'until' | 'inits' | 'env' | 'cwd' | 'stop'>

/** The command. */
export const stepCommand: CommandModule<StepOptions> = { define, run }

function define(command: Command): void {
  command
    .description('Shows a program stop by stop; it stays stopped, all its threads, until you say.')
    .argument('<program>', 'a path, or a name that is looked up in PATH')
    .argument('[args...]', 'all that follows the program belongs to it')
    .option('--until <step|symbol>', 'end at a step or a Go symbol (default: main)')
    .option('--stop <symbol>', 'stop at one more Go symbol; repeatable', collect(String))
    .addOption(new Option('--inits', 'stop at every package init (the default)').hideHelp())
    .option('--no-inits', 'do not stop at package inits')
    .option('--env <name=value>', 'set one more environment variable; repeatable', collect(variable))
    .option('--cwd <directory>', 'the program’s working directory')
    .addHelpText('after', `\nAt a stop:\n${STEP_HELP}`)
}

async function run({ operands, options, context }: Invocation<StepOptions>): Promise<number> {
  const [file = '', ...args] = operands
  const session = context.services().launch(file, args, {
    inits: options.inits,
    stops: options.stop ?? [],
    env: environmentOf(options, context.env),
    // The terminal's input is premain's own; standard output carries what premain shows.
    stdio: ['ignore', 2, 2],
    ...(options.until === undefined ? {} : { until: options.until }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const reader = readerOf(context, () => void session.close())
  try {
    return await steps(session, reader, context)
  } finally {
    reader.close()
    await session.close()
  }
}

/** Lines of the input; `interrupted` at Ctrl-C, null at the input's end. */
interface Reader {
  ask(): Promise<string | null>
  interrupted: boolean
  close(): void
}

/** `onInterrupt`: at Ctrl-C, also while nothing is asked for. */
function readerOf(context: Context, onInterrupt: () => void): Reader {
  const { createInterface } = require('node:readline') as typeof import('node:readline')
  const input = context.input()
  const lines: Interface = createInterface({
    input,
    terminal: context.interactive,
    ...(context.interactive ? { output: process.stderr } : {}),
  })
  const iterator = lines[Symbol.asyncIterator]()
  const reader: Reader = {
    interrupted: false,
    async ask() {
      if (context.interactive) lines.setPrompt('> ')
      if (context.interactive) lines.prompt()
      const { value, done } = await iterator.next()
      return done ? null : value
    },
    close: () => lines.close(),
  }
  lines.on('SIGINT', () => {
    reader.interrupted = true
    lines.close()
    onInterrupt()
  })
  return reader
}

async function steps(session: Session<Trace>, reader: Reader, context: Context): Promise<number> {
  let asking = true
  for await (const stop of session) {
    await context.stdout.write(`${headline(stop)}\n`)
    for (let going = asking; going; ) {
      const line = await reader.ask()
      if (reader.interrupted) return exitCodeOfSignal('SIGINT')
      const reply = line === null ? { next: 'quit' as const } : await answer(line, { stop, session })
      if (reply.text) await context.stdout.write(`${reply.text}\n`)
      if (reply.next === 'quit') return EXIT.done
      if (reply.next === 'detach') {
        await session.detach()
        return EXIT.done
      }
      if (reply.next === 'all') asking = false
      going = reply.next === undefined
    }
  }
  if (reader.interrupted) return exitCodeOfSignal('SIGINT')
  await context.stdout.write('the end: the program is ended here\n')
  return EXIT.done
}

/** Its time is left out: it runs on while one looks. Of the source's path the last two elements are enough. */
function headline({ index, name, address, file, line, tid }: LiveStop): string {
  const source = file === null ? '' : `  ${file.split('/').slice(-2).join('/')}:${line}`
  return escapeControls(`${String(index).padStart(3)}  ${name}  0x${address.toString(16)}${source}  tid ${tid}`)
}
