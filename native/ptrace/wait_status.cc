#include "wait_status.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <csignal>

namespace premain {

WaitStatus decode_wait_status(int status) {
  if (WIFEXITED(status)) return Exited{WEXITSTATUS(status)};
  if (WIFSIGNALED(status)) return Killed{WTERMSIG(status)};
  const int signal = WSTOPSIG(status);
  if (signal == (SIGTRAP | 0x80)) return SyscallStop{};  // PTRACE_O_TRACESYSGOOD
  switch (const int event = status >> 16) {
    case 0:
      return SignalStop{signal};
    case PTRACE_EVENT_STOP:
      if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) return GroupStop{signal};
      return TrapStop{};
    case PTRACE_EVENT_EXEC:
      return ExecStop{};
    case PTRACE_EVENT_CLONE:
      return BirthStop{BirthStop::How::Thread};
    case PTRACE_EVENT_FORK:
      return BirthStop{BirthStop::How::Fork};
    case PTRACE_EVENT_VFORK:
      return BirthStop{BirthStop::How::Vfork};
    case PTRACE_EVENT_VFORK_DONE:
      return VforkDone{};
    case PTRACE_EVENT_EXIT:
      return ExitStop{};
    default:
      return OtherStop{event};
  }
}

}  // namespace premain
