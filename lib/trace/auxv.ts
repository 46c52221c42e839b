/** The auxiliary vector: pairs of words, ended by AT_NULL. */

/** Names by number. Source: linux include/uapi/linux/auxvec.h, arch/x86/include/uapi/asm/auxvec.h. */
const NAMES: Readonly<Record<number, string>> = {
  2: 'AT_EXECFD',
  3: 'AT_PHDR',
  4: 'AT_PHENT',
  5: 'AT_PHNUM',
  6: 'AT_PAGESZ',
  7: 'AT_BASE',
  8: 'AT_FLAGS',
  9: 'AT_ENTRY',
  10: 'AT_NOTELF',
  11: 'AT_UID',
  12: 'AT_EUID',
  13: 'AT_GID',
  14: 'AT_EGID',
  15: 'AT_PLATFORM',
  16: 'AT_HWCAP',
  17: 'AT_CLKTCK',
  23: 'AT_SECURE',
  24: 'AT_BASE_PLATFORM',
  25: 'AT_RANDOM',
  26: 'AT_HWCAP2',
  27: 'AT_RSEQ_FEATURE_SIZE',
  28: 'AT_RSEQ_ALIGN',
  29: 'AT_HWCAP3',
  30: 'AT_HWCAP4',
  31: 'AT_EXECFN',
  32: 'AT_SYSINFO',
  33: 'AT_SYSINFO_EHDR',
  51: 'AT_MINSIGSTKSZ',
}

/** Values by AT_ name; an unknown type is `AT_` and its number. */
export type Auxv = Map<string, bigint>

/** Decodes as far as there are whole pairs. */
export function parseAuxv(bytes: Buffer): Auxv {
  const auxv: Auxv = new Map()
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    const type = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
    if (type === 0) break
    auxv.set(NAMES[type] ?? `AT_${type}`, bytes.readBigUInt64LE(at + 8))
  }
  return auxv
}
