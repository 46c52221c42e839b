/** Registers, maps and code at three stops, held against gdb: same program, same environment, no randomised addresses. */
import { join } from 'node:path'
import { REGISTERS } from '../../lib/session/registers'
import type { Mapping } from '../../lib/session/types'
import { output } from '../image/support'
import { missingCommand, testUnless } from '../support/skip'
import { minorOf, type Subject } from './subjects'

const GDB_RUNS = 20
const PREMAIN_RUNS = 4
const MORE_BATCHES = 5
const CODE_BYTES = 64
/** For gdb and premain and what they start, alike. */
const env = { PATH: '/usr/bin:/bin', HOME: '/', LANG: 'C' }

interface Shown {
  registers: Record<string, string>
  code: string
}

interface GdbStop extends Shown {
  symbol: string
  maps: string
}

interface PremainStop extends Shown {
  name: string
  address: string
  maps: Mapping[]
}

const withoutRandomness = (command: string, args: string[]): string =>
  output('setarch', [
    '-R',
    'env',
    '-i',
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    command,
    ...args,
  ])

function premainShows(file: string): { launched: PremainStop[][]; traced: PremainStop[] } {
  const symbols = ['runtime.schedinit', 'main.main']
  const spec = { file, env, runs: PREMAIN_RUNS, symbols, length: CODE_BYTES }
  return JSON.parse(withoutRandomness(process.execPath, [join(__dirname, 'stops.cjs'), JSON.stringify(spec)]))
}

function gdbShows(file: string, addresses: string[]): GdbStop[][] {
  const spec = JSON.stringify({ addresses, runs: GDB_RUNS, registers: REGISTERS, length: CODE_BYTES })
  const args = ['-nx', '-batch', '-iex', 'set auto-load no', '-iex', 'set debuginfod enabled off']
  const script = ['-ex', `python spec = ${spec}`, '-x', join(__dirname, 'stops.py')]
  return JSON.parse(
    withoutRandomness('gdb', [...args, ...script, '--args', file])
      .trim()
      .split('\n')
      .at(-1) as string,
  )
}

/** A mapping as the kernel prints it, without the padding before the path. */
function kernelLine({ start, end, perms, offset, dev, inode, path }: Mapping): string {
  const [from, to, at] = [start, end, offset].map((value) => value.slice(2).padStart(8, '0'))
  return `${from}-${to} ${perms} ${at} ${dev} ${inode} ${path}`.trim()
}

const kernelLines = (maps: string): string[] =>
  maps
    .trim()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' ').trim())

const ofFiles = (lines: string[]): string[] => lines.filter((line) => !/ 00:00 0( |$)/.test(line))

/** Registers that tell of no thread's timing at main.main: the stack's, the closure's, the thread's own; since Go 1.17, g. */
function settledRegisters(subject: Subject): string[] {
  return ['rip', 'rsp', 'rbp', 'rdx', 'eflags', 'fs_base', 'cs', ...(minorOf(subject) >= 17 ? ['r14'] : [])]
}

/** The values, and how many there are of the most frequent one. */
function distinct(values: string[]): { values: Set<string>; most: number } {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return { values: new Set(counts.keys()), most: Math.max(...counts.values()) }
}

const inPage = (value: string): string => `…${(BigInt(value) & 0xfffn).toString(16)}`

/**
 * Registers of which no premain run shows a value that a gdb run shows. One in which gdb has no opinion of its own, since
 * no value comes up in half of its runs, is compared by its place in a page; where that varies as well, not at all.
 */
function strangeRegisters(gdb: Shown[], premain: Shown[]): { strange: unknown[]; compared: string[] } {
  const strange: unknown[] = []
  const compared: string[] = []
  for (const name of REGISTERS) {
    for (const view of [String, inPage]) {
      const values = (stops: Shown[]) => distinct(stops.map(({ registers }) => view(registers[name] as string)))
      const [reference, ours] = [values(gdb), values(premain)]
      if (reference.most * 2 < gdb.length) continue
      compared.push(name)
      if (![...ours.values].some((value) => reference.values.has(value))) strange.push({ name, reference, ours })
      break
    }
  }
  return { strange, compared }
}

const gdbMissing = missingCommand('gdb', 'setarch') ?? gdbWithoutPython()

function gdbWithoutPython(): string | null {
  try {
    output('gdb', ['-nx', '-batch', '-ex', 'python print(1)'])
    return null
  } catch {
    return 'this gdb has no Python'
  }
}

/** A test that premain shows what gdb shows, at the entry point, `runtime.schedinit` and `main.main`. */
export function testAgainstGdb(subject: Subject): void {
  const { name, missing, file, symbols } = subject
  testUnless(missing ?? gdbMissing)(`${name}: registers, maps and code are those that gdb shows`, () => {
    const program = file()
    const { launched, traced } = premainShows(program)
    const first = launched[0] as PremainStop[]
    const gdb = gdbShows(
      program,
      first.map(({ address }) => address),
    )
    expect(first.map(({ name }) => name).slice(1)).toEqual(['runtime.schedinit', 'main.main'])
    if (symbols) {
      const names = gdb[0]?.map(({ symbol }) => symbol.split(' ')[0])
      expect(names?.slice(1)).toEqual(['runtime.schedinit', 'main.main'])
    }

    for (const at of [0, 1]) {
      const reference = gdb.map((run) => run[at] as GdbStop)
      for (const stop of [...launched.map((run) => run[at] as PremainStop), traced[at] as PremainStop]) {
        expect(stop.registers).toEqual(reference[0]?.registers)
        expect(stop.maps.map(kernelLine)).toEqual(kernelLines(reference[0]?.maps ?? ''))
      }
    }

    const reference = gdb.map((run) => run[2] as GdbStop)
    const ours = [...launched.map((run) => run[2] as PremainStop), traced[2] as PremainStop]
    for (const { registers, maps } of ours) {
      expect(registers.rip).toBe(reference[0]?.registers.rip)
      expect(ofFiles(maps.map(kernelLine))).toEqual(ofFiles(kernelLines(reference[0]?.maps ?? '')))
    }
    // What threads of the runtime do meanwhile shows in some registers: on a busy machine one batch may meet other timing.
    let { strange, compared } = strangeRegisters(reference, ours)
    for (let batch = 0; strange.length > 0 && batch < MORE_BATCHES; batch++) {
      ours.push(...premainShows(program).launched.map((run) => run[2] as PremainStop))
      ;({ strange, compared } = strangeRegisters(reference, ours))
    }
    expect(strange).toEqual([])
    expect(compared).toEqual(expect.arrayContaining(settledRegisters(subject)))

    launched.forEach((run) => {
      expect(run.map(({ code }) => code)).toEqual(gdb[0]?.map(({ code }) => code))
    })
  })
}
