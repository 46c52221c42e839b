/** What one can say at a stop of `premain step`. */
import { PremainError } from '../errors'
import { escapeControls } from '../export/escape'
import { shownFunction } from '../export/machine-state'
import type { LiveStop } from '../session/live-stop'

/** What follows an answer: the next stop, all stops without asking, or an end. Undefined: another question. */
export interface Reply {
  text?: string
  next?: 'next' | 'all' | 'quit' | 'detach'
}

/** Where one is. */
export interface Place {
  stop: LiveStop
  session: { stopAt(symbol: string): void }
}

/** What there is to say, for people. */
export const STEP_HELP = [
  '  n, Enter        go on to the next stop',
  '  c               go on to the end, without asking',
  '  r [name]        registers, or one of them',
  '  m               memory maps',
  '  b               backtrace',
  '  x ADDR [BYTES]  memory at an address or a register (default: 64 bytes)',
  '  s SYMBOL        stop once more, at a Go symbol',
  '  d               detach: let the program run on its own, and leave',
  '  q               end the program, and leave',
].join('\n')

const MOST_BYTES = 65536

type Word = (place: Place, words: string[]) => Reply | Promise<Reply>

const WORDS: Readonly<Record<string, Word>> = {
  '': () => ({ next: 'next' }),
  n: () => ({ next: 'next' }),
  c: () => ({ next: 'all' }),
  q: () => ({ next: 'quit' }),
  d: () => ({ next: 'detach' }),
  h: () => ({ text: STEP_HELP }),
  '?': () => ({ text: STEP_HELP }),
  r: registers,
  m: maps,
  b: backtrace,
  x: memory,
  s: stopAt,
}

/** Answers one line. What went wrong is the answer's text: the stop stays. */
export async function answer(line: string, place: Place): Promise<Reply> {
  const [word = '', ...rest] = line.trim().split(/\s+/)
  const act = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined
  if (!act) return { text: `what is ${JSON.stringify(word)}? h tells what there is` }
  try {
    return await act(place, rest)
  } catch (error) {
    if (!(error instanceof PremainError)) throw error
    return { text: escapeControls([error.message, error.hint].filter(Boolean).join('\n'), { lines: true }) }
  }
}

function registers({ stop }: Place, [name]: string[]): Reply {
  const all = Object.entries(stop.registers)
  const chosen = name === undefined ? all : all.filter(([one]) => one === name)
  if (chosen.length === 0) return { text: `no register ${name}: ${all.map(([one]) => one).join(' ')}` }
  return { text: chosen.map(([one, value]) => `${one.padStart(8)}  ${hex(value)}`).join('\n') }
}

async function maps({ stop }: Place): Promise<Reply> {
  const lines = (await stop.maps()).map(({ start, end, perms, role, path }) => {
    return `${start}-${end} ${perms} ${role.padEnd(10)} ${path}`.trimEnd()
  })
  return { text: lines.map((line) => escapeControls(line)).join('\n') }
}

async function backtrace({ stop }: Place): Promise<Reply> {
  const frames = await stop.backtrace()
  if (frames.length === 0) return { text: 'no frames: this stop is not in Go' }
  const lines = frames.map((frame) => {
    const { address, file, line } = frame
    return `${address}  ${shownFunction(frame)}${file === null ? '' : `  ${file}:${line}`}`
  })
  return { text: lines.map((line) => escapeControls(line)).join('\n') }
}

async function memory({ stop }: Place, [at = 'rsp', count = '64']: string[]): Promise<Reply> {
  const named = (stop.registers as Record<string, bigint>)[at]
  const address = named ?? (/^(0x[0-9a-f]+|\d+)$/i.test(at) ? BigInt(at) : null)
  const length = Number(count)
  if (address === null || !(Number.isInteger(length) && length > 0 && length <= MOST_BYTES)) {
    return { text: `x ADDR [BYTES]: an address such as 0x400000, or a register; 1 to ${MOST_BYTES} bytes` }
  }
  const bytes = await stop.readMemory(address, length)
  return { text: bytes.length === 0 ? `nothing is mapped at ${hex(address)}` : dump(address, bytes) }
}

/** 16 bytes a line, as `hexdump -C` has them. */
function dump(address: bigint, bytes: Buffer): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const digits = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${hex(address + BigInt(at))}  ${digits.padEnd(47)}  ${text}`)
  }
  return lines.join('\n')
}

function stopAt({ session }: Place, [symbol]: string[]): Reply {
  if (symbol === undefined) return { text: 's SYMBOL: a Go symbol such as net.Dial' }
  session.stopAt(symbol)
  return { text: `will stop at ${escapeControls(symbol)}` }
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`
}
