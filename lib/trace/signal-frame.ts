/**
 * What a signal interrupted, read from the frame that the kernel laid on the handler's stack.
 *
 * @kernel arch/x86/include/asm/sigframe.h rt_sigframe: the return address of the handler, then the ucontext;
 * include/uapi/asm-generic/ucontext.h; arch/x86/include/uapi/asm/sigcontext.h; filled by arch/x86/kernel/signal_64.c
 */
import type { Pclntab } from '../image/types'
import type { Addresses } from './addresses'
import { type StackBytes, walk } from './backtrace'

/** Go's handler of every signal, entered by the kernel; cgo's own jumps here. @go runtime.sigtramp go1.5 */
const HANDLER = 'runtime.sigtramp'

/** From the handler's return address: it, uc_flags, uc_link and uc_stack are 48 bytes, then r8 … r15, rdi … rcx. */
const RSP = 48 + 15 * 8
const RIP = RSP + 8

/** From a place inside a handler, on its stack, the place that it interrupted; null where no handler is found. */
export function interruptedAt(
  pclntab: Pclntab,
  addresses: Addresses,
  { bytes, ...start }: StackBytes,
): { pc: bigint; sp: bigint } | null {
  for (const { function: within, returnAt } of walk(pclntab, addresses, { bytes, ...start })) {
    if (within?.name !== HANDLER || returnAt === null) continue
    if (returnAt < 0 || returnAt + RIP + 8 > bytes.length) return null
    return { pc: bytes.readBigUInt64LE(returnAt + RIP), sp: bytes.readBigUInt64LE(returnAt + RSP) }
  }
  return null
}
