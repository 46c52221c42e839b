/** The initial stack as the kernel lays it out: argc, argv, envp, auxv, strings. */
import { type Auxv, parseAuxv } from './auxv'

/** The initial stack, decoded. Values of the environment are left out: they are secrets. */
export interface InitialStack {
  sp: bigint
  argc: number
  /** Null for a string that does not lie in the bytes at hand. */
  argv: (string | null)[]
  envc: number
  auxv: Auxv
}

/**
 * Decodes what lies from the stack pointer upwards. Null when the bytes end before the auxiliary vector.
 * Source: linux fs/binfmt_elf.c create_elf_tables.
 */
export function parseInitialStack(bytes: Buffer, sp: bigint): InitialStack | null {
  const word = (index: number): bigint | null =>
    index * 8 + 8 <= bytes.length ? bytes.readBigUInt64LE(index * 8) : null
  const argc = word(0)
  if (argc === null || argc > BigInt(bytes.length >> 3)) return null
  const count = Number(argc)
  if (word(count + 1) !== 0n) return null
  const argv = Array.from({ length: count }, (_, at) => stringAt(bytes, (word(at + 1) as bigint) - sp))
  const envp = count + 2
  let envc = 0
  for (let at = envp * 8; ; at += 8, envc++) {
    if (at + 8 > bytes.length) return null
    if (bytes.readUInt32LE(at) === 0 && bytes.readUInt32LE(at + 4) === 0) break
  }
  return { sp, argc: count, argv, envc, auxv: parseAuxv(bytes.subarray((envp + envc + 1) * 8)) }
}

function stringAt(bytes: Buffer, offset: bigint): string | null {
  if (offset < 0n || offset >= BigInt(bytes.length)) return null
  const start = Number(offset)
  const end = bytes.indexOf(0, start)
  return end < 0 ? null : bytes.toString('utf8', start, end)
}
