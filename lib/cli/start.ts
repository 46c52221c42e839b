/** The command, as `bin.ts` starts it from its bundle. */
import { processContext } from './context'
import { main } from './main'

/** Runs the command line of this process. `keepCode` is called when what most traces need has run. */
export function start(keepCode: () => void): void {
  main(process.argv.slice(2), processContext(keepCode)).then((code) => {
    process.exitCode = code
  })
}
