// A process's memory through /proc/pid/mem. The descriptor belongs to one address space: open it anew after every exec
// (one from before reads nothing). Where the file cannot be opened (no /proc, no descriptor left, a security module) it
// is read by process_vm_readv and written by PTRACE_POKEDATA. Reading is allowed from any thread; writing is the tracer
// thread's.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "fd.h"
#include "result.h"

namespace premain {

class Memory {
 public:
  Memory() = default;
  static Memory open(pid_t pid);

  // Bytes read, fewer where a mapping ends, 0 where nothing is mapped.
  size_t read(uint64_t address, void* out, size_t length) const;
  // Writes even to read-only text, as a debugger may; falls back to PTRACE_POKEDATA where the kernel refuses. Fails with
  // ESRCH once the address space is gone: by its id, the process's next one would be hit.
  Status write(uint64_t address, const void* bytes, size_t length) const;

 private:
  Memory(pid_t pid, Fd fd) : pid_(pid), fd_(std::move(fd)) {}
  // One try: bytes read, or what the kernel returned.
  ssize_t read_some(uint64_t address, void* out, size_t length) const;

  pid_t pid_ = 0;
  Fd fd_;
};

}  // namespace premain
