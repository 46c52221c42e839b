// x86-64 Linux. Source: linux arch/x86/include/asm/user_64.h, System V ABI for AMD64.
#pragma once

#include <sys/syscall.h>
#include <sys/user.h>

#include <cstddef>
#include <cstdint>

namespace premain::arch {

using Registers = user_regs_struct;

// user_regs_struct is a row of 27 words; lib/session/registers.ts names them in this order.
inline constexpr size_t kRegisterCount = sizeof(Registers) / sizeof(uint64_t);
static_assert(kRegisterCount == 27);

// int3. After it traps, the program counter stands behind it and has to be taken back.
inline constexpr uint8_t kBreakpoint[] = {0xcc};
inline constexpr uint64_t kTrapDistance = sizeof kBreakpoint;

inline uint64_t pc(const Registers& r) { return r.rip; }
inline void set_pc(Registers& r, uint64_t value) { r.rip = value; }
inline uint64_t sp(const Registers& r) { return r.rsp; }
inline uint64_t word(const Registers& r, size_t index) { return reinterpret_cast<const uint64_t*>(&r)[index]; }
inline constexpr size_t kPcOffset = offsetof(Registers, rip);

// At a system call stop. orig_rax is -1 where the thread is not in a system call.
inline int64_t syscall_number(const Registers& r) { return static_cast<int64_t>(r.orig_rax); }
inline uint64_t first_argument(const Registers& r) { return r.rdi; }

// A system call that touches neither errno nor TLS: for a child that shares its parent's memory.
inline long raw_syscall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

}  // namespace premain::arch
