/** The registers of a stop, in the order in which the tracer reports them: that of the kernel's user_regs_struct. */
export const REGISTERS = [
  'r15',
  'r14',
  'r13',
  'r12',
  'rbp',
  'rbx',
  'r11',
  'r10',
  'r9',
  'r8',
  'rax',
  'rcx',
  'rdx',
  'rsi',
  'rdi',
  'orig_rax',
  'rip',
  'cs',
  'eflags',
  'rsp',
  'ss',
  'fs_base',
  'gs_base',
  'ds',
  'es',
  'fs',
  'gs',
] as const

/** A register's name on x86-64. Source: linux arch/x86/include/asm/user_64.h. */
export type RegisterName = (typeof REGISTERS)[number]
