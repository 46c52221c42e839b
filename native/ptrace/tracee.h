// A traced thread as types. A StoppedTracee is a thread in a ptrace-stop: only it can be asked or changed, and resuming
// consumes it. All calls belong to the tracer thread that seized the process.
//
// A stopped thread can vanish at any moment (SIGKILL): then a call fails with ESRCH, `vanished()` says so, and its exit
// is still to be reaped.
#pragma once

#include <sys/types.h>

#include <optional>

#include "../arch/arch.h"
#include "faults.h"
#include "memory.h"
#include "result.h"
#include "wait_status.h"

namespace premain {

// Whether a call failed because the stopped tracee is gone.
inline bool vanished(const Failure& failure) { return failure.error == ESRCH; }

// What a pending signal carries: enough to tell a breakpoint and our own wake-up from the target's affairs.
struct SignalInfo {
  int code;
  pid_t sender;
  const void* value;
};

// One side of a system call; neither for a thread that was killed in that stop. Source: PTRACE_GET_SYSCALL_INFO, linux
// 5.3.
struct SyscallInfo {
  bool entry;
  bool exit;
  uint64_t number;
  uint64_t arguments[6];
  int64_t result;
};

enum class Resume { Continue, ToSyscall, Step };

class StoppedTracee {
 public:
  explicit StoppedTracee(pid_t tid) : tid_(tid) {}
  StoppedTracee(StoppedTracee&& other) noexcept : tid_(std::exchange(other.tid_, 0)) {}
  StoppedTracee& operator=(StoppedTracee&& other) noexcept {
    tid_ = std::exchange(other.tid_, 0);
    return *this;
  }

  pid_t tid() const { return tid_; }

  Result<arch::Registers> registers() const;
  Status set_pc(uint64_t value) const;
  // At a birth stop: the new thread's or child's id.
  Result<pid_t> newborn() const;
  // At an exec stop: the id that the thread had before, which took over its leader's.
  Result<pid_t> former() const;
  Result<SignalInfo> signal_info() const;
  Result<SyscallInfo> syscall_info() const;
  // Whether it has trapped on a breakpoint and has stopped for another reason first: the SIGTRAP is still to come.
  bool owes_trap() const;

  Status resume(Resume how, int signal) &&;
  // Keeps a group-stopped thread stopped, yet reports its end.
  Status listen() &&;
  Status detach(int signal) &&;

 private:
  // The id that an event stop tells.
  Result<pid_t> event_id() const;

  pid_t tid_;
};

struct WaitEvent {
  pid_t tid;
  WaitStatus status;
  Faults faults;      // of the whole thread group, and of those children that it has reaped
  uint64_t switches;  // context switches of the thread group so far
  uint64_t at_ns;     // CLOCK_MONOTONIC at the report
};

// Seizes the process with every option the tracer uses; the tracee is killed when the tracer thread ends.
Status seize(pid_t pid);
// Asks a running thread to stop; the next stop of whatever kind answers it.
Status interrupt(pid_t tid);
// Whether two processes share one address space; nothing where the kernel does not say.
std::optional<bool> same_memory(pid_t a, pid_t b);
// Whether a thread at the birth stop of its child has asked for one that shares its memory.
bool asked_to_share_memory(const arch::Registers& registers, const Memory& memory);
// Waits for the tracer thread's own tracees and children only, never for those of Node. Fails with ECHILD when none is
// left.
Result<WaitEvent> wait_any();
// What is there already; nothing where all of them run on.
std::optional<Result<WaitEvent>> poll_any();
Result<WaitEvent> wait_for(pid_t tid);

}  // namespace premain
