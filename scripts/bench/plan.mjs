// premain's plan for a program as the text that peers.c reads: both stop at the same places and take the same there.
import { writeFileSync } from 'node:fs'
import { projectRequire } from '../support/project.mjs'

const FLAGS = { maps: 1, last: 2, keepMask: 4 }
const REGISTER = 0
const FILE = 1
const READ = 2

/** Plans `program` with the options of planStops and writes the plan to `file`. Returns the number of places. */
export function writePlan(program, options, file) {
  const { openImage } = projectRequire('./dist/image/image.js')
  const { planStops } = projectRequire('./dist/plan/plan.js')
  const image = openImage(program)
  try {
    const { sites } = planStops(image, options)
    writeFileSync(file, [`entry ${image.entry.toString(16)}`, ...sites.flatMap(siteLines), ''].join('\n'))
    return sites.length
  } finally {
    image.close()
  }
}

function siteLines(site) {
  const flags = Object.entries(FLAGS).reduce((all, [key, bit]) => all | (site[key] ? bit : 0), 0)
  const address = (site.address ?? 0).toString(16)
  return [`site ${address} ${flags} ${site.armReturn ?? -1} ${site.reads.length}`, ...site.reads.map(readLine)]
}

function readLine({ base, offset, length }) {
  const [kind, value] = baseOf(base)
  return `read ${kind} ${value.toString(16)} ${offset} ${length}`
}

function baseOf(base) {
  const { REGISTERS } = projectRequire('./dist/session/registers.js')
  if ('register' in base) return [REGISTER, REGISTERS.indexOf(base.register)]
  return 'file' in base ? [FILE, base.file] : [READ, base.read]
}
