// Which arguments of a system call point to a path, to be taken at its entry.
#pragma once

#include <sys/syscall.h>

#include <cstdint>

namespace premain {

// Bit i: argument i. Source: linux include/linux/syscalls.h.
inline constexpr uint8_t path_arguments(uint64_t number) {
  switch (number) {
#ifdef SYS_open
    case SYS_open:
    case SYS_access:
    case SYS_stat:
    case SYS_lstat:
    case SYS_readlink:
    case SYS_unlink:
    case SYS_mkdir:
#endif
    case SYS_execve:
    case SYS_chdir:
    case SYS_statfs:
    case SYS_memfd_create:
      return 1 << 0;
    case SYS_openat:
    case SYS_openat2:
    case SYS_execveat:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_newfstatat:
    case SYS_readlinkat:
    case SYS_statx:
    case SYS_unlinkat:
    case SYS_mkdirat:
    case SYS_name_to_handle_at:
      return 1 << 1;
    default:
      return 0;
  }
}

}  // namespace premain
