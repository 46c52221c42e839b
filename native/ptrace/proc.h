// What /proc says of a process, appended to a caller's buffer. Source: proc(5), linux fs/proc/array.c, task_mmu.c.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "faults.h"
#include "fd.h"
#include "result.h"

namespace premain {

using Bytes = std::vector<uint8_t>;

// Page faults of a process alone, from /proc/pid/stat, by one pread of a descriptor that stays open.
class UsageReader {
 public:
  static Result<UsageReader> open(pid_t pid);
  Faults read() const;

 private:
  Fd fd_;
};

// The core on which a thread last ran, or -1.
int last_core(pid_t tid);

// /proc/pid/maps, verbatim. Bound to one address space: open it anew after an exec.
class MapsReader {
 public:
  static Result<MapsReader> open(pid_t pid);
  void append(Bytes& out) const;

 private:
  Fd fd_;
};

void append_auxv(pid_t pid, Bytes& out);
// The value of one auxv entry, or 0.
uint64_t auxv_value(const uint8_t* auxv, size_t length, uint64_t type);
std::string executable_path(pid_t pid);
// The file that the process executes; closed when it cannot be opened.
Fd open_executable(pid_t pid);
// Device and inode of /proc/pid/exe; zeros when it cannot be read.
void executable_identity(pid_t pid, uint64_t& device, uint64_t& inode);
// The direct children of all threads of a process.
std::vector<pid_t> children_of(pid_t pid);

// A process's and a thread's CPU time in nanoseconds, 0 once it is gone.
uint64_t process_cpu_ns(pid_t pid);
uint64_t thread_cpu_ns(pid_t tid);
uint64_t monotonic_ns();
uint64_t realtime_ns();

}  // namespace premain
