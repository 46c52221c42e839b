// What /proc says of a process, appended to a caller's buffer. Source: proc(5), linux fs/proc/array.c, task_mmu.c.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "faults.h"
#include "fd.h"
#include "proc_text.h"
#include "result.h"

namespace premain {

using Bytes = std::vector<uint8_t>;

// Page faults of a process alone, from /proc/pid/stat.
Faults faults_of(pid_t pid);

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

Status append_auxv(pid_t pid, Bytes& out);
std::string executable_path(pid_t pid);
// The file that the process executes.
Result<Fd> open_executable(pid_t pid);
// Device and inode of an open file; zeros when it is not open.
void file_identity(const Fd& file, uint64_t& device, uint64_t& inode);
// The direct children of all threads of a process.
std::vector<pid_t> children_of(pid_t pid);

// Whether a thread is asleep in the kernel; false also where that is not told (hidepid, without CONFIG_KALLSYMS).
// linux fs/proc/base.c proc_pid_wchan
bool is_asleep(pid_t tid);

// One thread's use from /proc/pid/task/tid/schedstat, exact while the thread is stopped: the kernel gives a thread's clock
// to its own process only.
class ThreadClock {
 public:
  ThreadClock() = default;
  ThreadClock(pid_t pid, pid_t tid);
  // Nothing where the kernel keeps no such figures (without CONFIG_SCHED_INFO) or the thread is gone.
  std::optional<ThreadUse> read() const;
  explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
  Fd fd_;
};

// A process's CPU time in nanoseconds, 0 once it is gone.
uint64_t process_cpu_ns(pid_t pid);
uint64_t monotonic_ns();
uint64_t realtime_ns();

}  // namespace premain
