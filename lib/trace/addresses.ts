/** The only place where addresses of the file and of the process meet. */
import type { FileAddress, Hex } from '../image/types'

const MASK = (1n << 64n) - 1n

/** `0x…`, lower case. Negative values are taken modulo 2^64. */
export function hex(value: bigint | number): Hex {
  return `0x${(typeof value === 'bigint' && value < 0n ? value & MASK : value).toString(16)}`
}

/** One image in one process: where its addresses lie. */
export class Addresses {
  constructor(
    /** Runtime address less file address, modulo 2^64. */
    readonly bias: bigint,
  ) {}

  /** Where an address of the file lies in the process. */
  runtime(address: FileAddress | number): bigint {
    return (BigInt(address) + this.bias) & MASK
  }

  /** The address of the file, or null when it cannot be one (the image may still not hold it). */
  file(address: bigint): FileAddress | null {
    const value = (address - this.bias) & MASK
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? (Number(value) as FileAddress) : null
  }
}
