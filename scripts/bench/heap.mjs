// A process with a heap of so many megabytes of live objects that traces a program whenever it is told to, and says how
// many milliseconds that took.
import { projectRequire } from '../support/project.mjs'

const [program, megabytes] = [process.argv[2], Number(process.argv[3])]
const { trace } = projectRequire('./dist/index.js')

// Eight bytes a number.
const ballast = Array.from({ length: megabytes }, (_, n) => new Array(131_072).fill(n + 0.5))

process.on('message', async () => {
  const before = performance.now()
  await trace(program, [], { run: true, inits: false, maps: false, stdio: 'ignore' })
  process.send(performance.now() - before)
})

process.on('disconnect', () => process.exit(ballast.length < 0 ? 1 : 0))
