// A process that inspects one program after a small one, and says by how many bytes its resident memory rose at most.
import { readFileSync, writeFileSync } from 'node:fs'
import { projectRequire } from '../support/project.mjs'

const [small, program] = process.argv.slice(2)
const { inspect } = projectRequire('./dist/index.js')

const resident = (field) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))[1])

await inspect(small)
// The highest so far counts from here on (linux Documentation/filesystems/proc.rst, clear_refs).
writeFileSync('/proc/self/clear_refs', '5')
const before = resident('VmRSS')
await inspect(program)
process.stdout.write(String((resident('VmHWM') - before) * 1024))
