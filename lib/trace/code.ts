/**
 * What an image's function table and code say of its addresses, remembered: launches of one program ask for the same few
 * again and again, and each answer takes reads of the file.
 */
import type { FileAddress, FunctionInfo, ProgramImage } from '../image/types'
import type { Addresses } from './addresses'
import { disassemble, type Instruction } from './disassembly'

/** Beyond so many answers of a kind they are forgotten and asked for again. */
const MOST_ANSWERS = 8192
/** A program that is loaded anywhere has others at every launch. */
const MOST_FINDINGS = 64

type Line = { file: string; line: number }

/** How far to decode. */
export interface Limit {
  /** Instructions. */
  count: number
  /** Bytes. */
  length: number
  /** Instructions before this address, as it is in the process, are left out. */
  from?: bigint | undefined
}

/** The answers for one image. */
export class Code {
  private readonly lines = new Map<FileAddress, Line | null>()
  private readonly functions = new Map<FileAddress, FunctionInfo | null>()
  private readonly names = new Map<FileAddress, string | null>()
  private readonly deltas = new Map<FileAddress, number | null>()
  private readonly findings = new Map<string, unknown>()

  constructor(private readonly image: ProgramImage) {}

  /** Where an instruction stands in the function that holds it. */
  lineAt(address: FileAddress): Line | null {
    return remembered(this.lines, address, () => this.image.go?.pclntab.ownLineAt(address) ?? null)
  }

  /** The Go function that holds an address. */
  functionAt(address: FileAddress): FunctionInfo | null {
    return remembered(this.functions, address, () => this.image.go?.pclntab.functionAt(address) ?? null)
  }

  /** Bytes that the function has pushed by then. */
  spDelta(address: FileAddress): number | null {
    return remembered(this.deltas, address, () => this.image.go?.pclntab.spDelta(address) ?? null)
  }

  /** The symbol or function that holds an address. */
  nameAt(address: FileAddress): string | null {
    return remembered(this.names, address, () => this.image.nameAt(address))
  }

  /** The instructions from an address on, as they stand in a process whose addresses are `addresses`. */
  decode(start: FileAddress, { count, length, from }: Limit, addresses: Addresses): readonly Instruction[] {
    const code = { bytes: this.image.read(start, length), address: addresses.runtime(start), from }
    return disassemble(code, count, (target) => {
      const file = addresses.file(target)
      return file === null ? null : this.nameAt(file)
    })
  }

  /**
   * What was found out from the code before, as plain data, for a program loaded at the same addresses; `key` says what
   * else it follows from.
   */
  finding<T>(key: string, { bias }: Addresses, find: () => T): T {
    const { answers } = this.image
    if (bias === 0n && answers !== undefined) return answers.of(key, find)
    if (this.findings.size >= MOST_FINDINGS) this.findings.clear()
    return remembered(this.findings, `${key} ${bias}`, find) as T
  }
}

function remembered<K, V>(answers: Map<K, V>, key: K, ask: () => V): V {
  const known = answers.get(key)
  if (known !== undefined) return known
  const answer = ask()
  if (answers.size >= MOST_ANSWERS) answers.clear()
  answers.set(key, answer)
  return answer
}

const codes = new WeakMap<ProgramImage, Code>()

/** The answers for an image; the same object for as long as the image is in use. */
export function codeOf(image: ProgramImage): Code {
  let code = codes.get(image)
  if (code === undefined) {
    code = new Code(image)
    codes.set(image, code)
  }
  return code
}

/** Whether an earlier process has found out from the code what a trace shows: a program loaded anywhere has it anew. */
export function knowsCode({ answers, elf }: ProgramImage): boolean {
  return answers?.restored === true && elf.type === 'EXEC'
}
