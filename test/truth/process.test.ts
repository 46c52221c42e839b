/** What the trace says of the process and the file, against /proc, readelf and nm. */
import { readFileSync } from 'node:fs'
import { launch, trace } from '../../lib/index'
import { parseAuxv } from '../../lib/trace/auxv'
import type { StackEvidence } from '../../lib/trace/steps/kernel'
import type { Step, Trace } from '../../lib/trace/types'
import { nm, output } from '../image/support'
import { assertNothingLeft, type Snapshot, snapshot } from '../support/leaks'
import { missingCommand, testUnless } from '../support/skip'
import { subjects } from './subjects'

let before: Snapshot
beforeEach(() => {
  before = snapshot()
})
afterEach(() => assertNothingLeft(before))

const step = (of: Trace, id: string): Step => of.steps.find((one) => one.id === id) as Step

interface Load {
  offset: number
  vaddr: number
  fileSize: number
  memSize: number
  flags: string
}

/** The PT_LOADs and the entry point, as readelf prints them. */
function readelf(file: string): { entry: number; type: string; loads: Load[]; interpreter: string | null } {
  const shown = output('readelf', ['-hlW', file])
  const rows = [...shown.matchAll(/^ {2}LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+) (0x\w+) ([R ][W ][E ])/gm)]
  return {
    entry: Number(/Entry point address:\s+(\S+)/.exec(shown)?.[1]),
    type: /Type:\s+(\w+)/.exec(shown)?.[1] ?? '',
    interpreter: /Requesting program interpreter: (.*)\]/.exec(shown)?.[1] ?? null,
    loads: rows.map(([, offset, vaddr, fileSize, memSize, flags]) => ({
      offset: Number(offset),
      vaddr: Number(vaddr),
      fileSize: Number(fileSize),
      memSize: Number(memSize),
      flags: flags!.replace('E', 'x').toLowerCase().replaceAll(' ', '-'),
    })),
  }
}

const withReadelf = (missing: string | null) => testUnless(missing ?? missingCommand('readelf'))

describe.each(subjects)('$name', ({ missing, file, args, env, symbols }) => {
  testUnless(missing)('argv, the environment and auxv are those in /proc', async () => {
    const words = ['one', 'zwei wörter', '', '--four=4']
    const session = launch(file(), [...args, ...words], { until: 'entry', env: { ...env, EMPTY: '' } })
    let live: { argv: string[]; environ: string[]; auxv: Buffer } | null = null
    for await (const stop of session) {
      if (stop.kind !== 'breakpoint') continue
      const strings = (name: string) => readFileSync(`/proc/${session.pid}/${name}`, 'utf8').split('\0').slice(0, -1)
      const auxv = readFileSync(`/proc/${session.pid}/auxv`)
      live = { argv: strings('cmdline'), environ: strings('environ'), auxv }
    }
    const seen = await session.trace()
    const evidence = step(seen, 'stack').evidence as unknown as StackEvidence
    expect(live?.argv).toEqual([file(), ...args, ...words])
    expect(evidence.argv).toEqual(live?.argv)
    expect(seen.target.argv).toEqual(live?.argv)
    expect(evidence.argc).toBe(live?.argv.length)
    expect(evidence.envc).toBe(live?.environ.length)
    expect(live?.environ).toContain('EMPTY=')
    const auxv = [...parseAuxv(live!.auxv)].map(([name, value]) => [name, `0x${value.toString(16)}`])
    expect(Object.entries(evidence.auxv)).toEqual(auxv)
    expect(auxv.length).toBeGreaterThan(15)
  })

  withReadelf(missing)(
    'every PT_LOAD is in the maps, at the place and with the rights that readelf shows',
    async () => {
      const { loads, entry, type, interpreter } = readelf(file())
      const seen = await trace(file(), args, { until: 'entry', env })
      const stop = seen.stops.find(({ kind }) => kind === 'breakpoint')!
      expect(seen.target.elf).toMatchObject({ type, entry: `0x${entry.toString(16)}`, interpreter })
      const bias = Number(stop.address) - entry
      expect(type === 'EXEC' ? bias : bias % 4096).toBe(0)
      expect(loads.length).toBeGreaterThan(1)
      const ranges = stop.maps!.map((mapping) => ({ ...mapping, from: Number(mapping.start), to: Number(mapping.end) }))
      for (const { vaddr, memSize, fileSize, offset, flags } of loads) {
        const [low, fileEnd, high] = [vaddr, vaddr + fileSize, vaddr + memSize].map((value) => value + bias) as [
          number,
          number,
          number,
        ]
        const holding = ranges.filter(({ from, to }) => from < high && to > low)
        expect(holding[0]!.from).toBeLessThanOrEqual(low)
        expect(holding.at(-1)!.to).toBeGreaterThanOrEqual(high)
        expect(holding.slice(1).map(({ from }) => from)).toEqual(holding.slice(0, -1).map(({ to }) => to))
        for (const mapping of holding) {
          // The page after the file's bytes belongs to .bss; what the dynamic linker relocated may be read-only by now.
          if (mapping.from < fileEnd && mapping.inode !== 0) {
            expect(Number(mapping.offset) - offset).toBe(mapping.from - low)
          }
          expect(mapping.perms.slice(0, 3)).toBe(mapping.perms[1] === '-' ? flags.replace('w', '-') : flags)
        }
      }
      expect(step(seen, 'image').evidence.asserted).toBe(true)
    },
  )

  if (!symbols) return
  withReadelf(missing ?? missingCommand('nm'))('stops are at the addresses of their symbols', async () => {
    const table = nm(file())
    const { entry } = readelf(file())
    const seen = await trace(file(), args, { env })
    const stops = seen.stops.filter(({ kind }) => kind === 'breakpoint')
    const bias = Number(stops[0]!.address) - entry
    const named = stops
      // A stop at a return has its own name. The linker writes the middle dot of a name as a dot.
      .filter(({ name, symbol }) => name === symbol)
      .map(({ symbol, address }) => ({ name: symbol!.replaceAll('·', '.'), address: Number(address) - bias }))
    const places = (name: string) => [name, `${name}.abi0`].flatMap((one) => table.get(one) ?? [])
    const wrong = named.filter(({ name, address }) => !places(name).includes(address))
    expect(wrong).toEqual([])
    expect(named.length).toBeGreaterThan(30)
  })
})
