/** Step 16: the packages' init work. */
import type { Scene } from './scene'

/** Evidence of step 16. */
export interface InitsEvidence {
  tasks: number
  functions: number
  packages: string[]
  ran: boolean
  unseen: string[]
}

export function initsEvidence({ context, inits }: Scene): InitsEvidence {
  const planned = context.ownSites.filter((site) => site.role === 'init' && site.address !== null)
  if (planned.length === 0 && inits.length === 0) return fromFile(context.go?.initTasks ?? [])
  const packages = [...new Map(inits.map((init) => [init.task, init.package])).values()]
  const reached = new Set(context.hits.map(({ site }) => site.address))
  const complete = context.hit('main.main') !== null
  const unseen = planned.filter((site) => !reached.has(site.address))
  return {
    tasks: packages.length,
    functions: inits.length,
    packages,
    ran: true,
    unseen: complete ? unseen.map((site) => site.name) : [],
  }
}

function fromFile(tasks: readonly { package: string; functions: readonly unknown[] }[]): InitsEvidence {
  return {
    tasks: tasks.length,
    functions: tasks.reduce((total, task) => total + task.functions.length, 0),
    packages: tasks.map((task) => task.package),
    ran: false,
    unseen: [],
  }
}
