// A wait status, decoded once. Source: ptrace(2), wait(2), linux include/uapi/linux/ptrace.h.
#pragma once

#include <variant>

namespace premain {

// The thread is gone; for the thread group's leader, the process.
struct Exited {
  int code;
};
struct Killed {
  int signal;
};
// A signal is about to be delivered (a breakpoint shows as SIGTRAP).
struct SignalStop {
  int signal;
};
// The process is stopped by this job-control signal; PTRACE_LISTEN keeps it so.
struct GroupStop {
  int signal;
};
// PTRACE_INTERRUPT, the birth of a thread, or the end of a group stop.
struct TrapStop {};
struct SyscallStop {};
struct ExecStop {};
struct BirthStop {
  enum class How { Thread, Fork, Vfork } how;
};
struct VforkDone {};
// The thread is about to end, its state still there.
struct ExitStop {};
// Nothing that this tracer asked for; resumed without a signal.
struct OtherStop {
  int event;
};

using WaitStatus = std::variant<Exited, Killed, SignalStop, GroupStop, TrapStop, SyscallStop, ExecStop, BirthStop,
                                VforkDone, ExitStop, OtherStop>;

WaitStatus decode_wait_status(int status);

inline bool has_ended(const WaitStatus& status) {
  return std::holds_alternative<Exited>(status) || std::holds_alternative<Killed>(status);
}

// Visits a variant exhaustively: a missing case does not compile.
template <class... Cases>
struct visitor : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
visitor(Cases...) -> visitor<Cases...>;  // clang before 17 does not deduce this by itself

}  // namespace premain
