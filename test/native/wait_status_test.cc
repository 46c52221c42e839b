#include "ptrace/wait_status.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

namespace premain {
namespace {

// A status as the kernel makes it: linux include/linux/ptrace.h, ptrace_event() and wait_task_stopped().
constexpr int stopped(int signal, int event = 0) { return (event << 16) | (signal << 8) | 0x7f; }

template <class T>
T as(int status) {
  const WaitStatus decoded = decode_wait_status(status);
  EXPECT_TRUE(std::holds_alternative<T>(decoded)) << "alternative " << decoded.index();
  return std::holds_alternative<T>(decoded) ? std::get<T>(decoded) : T{};
}

TEST(WaitStatus, Ends) {
  EXPECT_EQ(as<Exited>(3 << 8).code, 3);
  EXPECT_EQ(as<Killed>(SIGKILL).signal, SIGKILL);
  EXPECT_EQ(as<Killed>(SIGSEGV | 0x80).signal, SIGSEGV) << "with a core dump";
}

TEST(WaitStatus, SignalsAndGroupStops) {
  EXPECT_EQ(as<SignalStop>(stopped(SIGTRAP)).signal, SIGTRAP);
  EXPECT_EQ(as<SignalStop>(stopped(SIGSTOP)).signal, SIGSTOP) << "about to be delivered, not yet a group stop";
  EXPECT_EQ(as<GroupStop>(stopped(SIGTSTP, PTRACE_EVENT_STOP)).signal, SIGTSTP);
  as<TrapStop>(stopped(SIGTRAP, PTRACE_EVENT_STOP));
}

TEST(WaitStatus, Events) {
  as<SyscallStop>(stopped(SIGTRAP | 0x80));
  as<ExecStop>(stopped(SIGTRAP, PTRACE_EVENT_EXEC));
  as<VforkDone>(stopped(SIGTRAP, PTRACE_EVENT_VFORK_DONE));
  as<ExitStop>(stopped(SIGTRAP, PTRACE_EVENT_EXIT));
  EXPECT_EQ(as<BirthStop>(stopped(SIGTRAP, PTRACE_EVENT_CLONE)).how, BirthStop::How::Thread);
  EXPECT_EQ(as<BirthStop>(stopped(SIGTRAP, PTRACE_EVENT_FORK)).how, BirthStop::How::Fork);
  EXPECT_EQ(as<BirthStop>(stopped(SIGTRAP, PTRACE_EVENT_VFORK)).how, BirthStop::How::Vfork);
  EXPECT_EQ(as<OtherStop>(stopped(SIGTRAP, PTRACE_EVENT_SECCOMP)).event, PTRACE_EVENT_SECCOMP);
}

}  // namespace
}  // namespace premain
