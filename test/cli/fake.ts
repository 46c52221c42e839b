/** A context whose streams are strings, whose program is a given trace, and whose interrupts come from the test. */
import { Readable } from 'node:stream'
import type { Context, Interrupt, Services } from '../../lib/cli/context'
import { main } from '../../lib/cli/main'
import type { Image } from '../../lib/plan/inspect'
import type { TraceOptions } from '../../lib/session/options'
import type { Trace } from '../../lib/trace/types'
import { fixtureImage, fixtureTrace } from './fixture'

/** What a call left. */
export interface Result {
  code: number
  stdout: string
  stderr: string
  /** The calls of `trace()`. */
  traced: { file: string; args: string[]; options: TraceOptions }[]
}

/** How the fake behaves. */
export interface Fake {
  trace?: (file: string, args: string[], options: TraceOptions) => Trace | Promise<Trace>
  inspect?: (file: string) => Image
  /** Columns of a terminal behind both streams; none: they are pipes. */
  columns?: number
  env?: Record<string, string>
  interactive?: boolean
  /** Standard input. */
  input?: string
  launch?: Services['launch']
  /** Called with the function that sends an interrupt, when premain listens for one. */
  onListening?: (interrupt: (signal: Interrupt) => void) => void
}

/** Runs one command line. */
export async function premain(args: string[], fake: Fake = {}): Promise<Result> {
  const result: Result = { code: -1, stdout: '', stderr: '', traced: [] }
  result.code = await main(args, contextOf(result, fake))
  return result
}

function contextOf(
  result: Result,
  { trace = () => fixtureTrace(), inspect = () => fixtureImage(), columns, env = {}, ...fake }: Fake,
): Context {
  const sink = (key: 'stdout' | 'stderr') => ({
    terminal: columns !== undefined,
    columns: columns ?? null,
    write: async (text: string) => {
      result[key] += text
    },
  })
  const services: Services = {
    async trace(file, list, options) {
      result.traced.push({ file, args: list, options })
      return trace(file, list, options)
    },
    launch(...of) {
      if (!fake.launch) throw new Error('this test launches nothing')
      return fake.launch(...of)
    },
    async inspect(file) {
      return inspect(file)
    },
  }
  return {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    env,
    interactive: fake.interactive ?? false,
    input: () => Readable.from([fake.input ?? '']),
    onInterrupt(listener) {
      fake.onListening?.(listener)
      return () => {}
    },
    services: () => services,
    keep: () => {},
  }
}
