#include "tracee.h"

#include <elf.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "knobs.h"
#include "proc.h"

namespace premain {

namespace {

constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                          PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;

Status call(__ptrace_request request, pid_t tid, void* address, long data) {
  if (ptrace(request, tid, address, data) == -1) return failed("ptrace");
  return ok();
}

std::optional<Result<WaitEvent>> wait_on(pid_t which, int options) {
  int status = 0;
  rusage usage{};
  pid_t tid;
  do {
    // For a stop, too, the kernel fills in the usage (RUSAGE_BOTH): far cheaper than /proc/pid/stat.
    tid = wait4(which, &status, __WALL | __WNOTHREAD | options, &usage);
  } while (tid == -1 && errno == EINTR);
  if (tid == 0) return std::nullopt;
  if (tid == -1) return failed("wait4");
  const Faults faults{static_cast<uint64_t>(usage.ru_minflt), static_cast<uint64_t>(usage.ru_majflt)};
  return WaitEvent{tid, decode_wait_status(status), faults, static_cast<uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw),
                   monotonic_ns()};
}

}  // namespace

Result<arch::Registers> StoppedTracee::registers() const {
  arch::Registers registers;
  iovec area{&registers, sizeof registers};
  if (ptrace(PTRACE_GETREGSET, tid_, NT_PRSTATUS, &area) == -1) return failed("ptrace");
  return registers;
}

Status StoppedTracee::set_pc(uint64_t value) const {
  return call(PTRACE_POKEUSER, tid_, reinterpret_cast<void*>(arch::kPcOffset), static_cast<long>(value));
}

// A thread that was killed in its birth stop goes on to its exit stop, where the message is its exit code: only what was
// read before the thread was still seen in a birth stop is an id.
Result<pid_t> StoppedTracee::newborn() const {
  Result<pid_t> born = event_id();
  if (!born) return born;
  Result<SignalInfo> info = signal_info();
  if (!info) return info.failure();
  const int event = info->code >> 8;
  const bool birth = event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK;
  if (!birth) return Failure{ESRCH, "ptrace"};
  return born;
}

Result<pid_t> StoppedTracee::former() const { return event_id(); }

Result<pid_t> StoppedTracee::event_id() const {
  unsigned long message = 0;
  if (ptrace(PTRACE_GETEVENTMSG, tid_, nullptr, &message) == -1) return failed("ptrace");
  return static_cast<pid_t>(message);
}

Result<SignalInfo> StoppedTracee::signal_info() const {
  siginfo_t info;
  if (ptrace(PTRACE_GETSIGINFO, tid_, nullptr, &info) == -1) return failed("ptrace");
  return SignalInfo{info.si_code, info.si_pid, info.si_value.sival_ptr};
}

Result<SyscallInfo> StoppedTracee::syscall_info() const {
  __ptrace_syscall_info raw{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, tid_, sizeof raw, &raw) == -1) return failed("ptrace");
  SyscallInfo info{raw.op == PTRACE_SYSCALL_INFO_ENTRY, raw.op == PTRACE_SYSCALL_INFO_EXIT, 0, {}, 0};
  if (info.entry) {
    info.number = raw.entry.nr;
    for (int i = 0; i < 6; i++) info.arguments[i] = raw.entry.args[i];
  } else if (info.exit) {
    info.result = raw.exit.rval;
  }
  return info;
}

bool StoppedTracee::owes_trap() const {
  siginfo_t queue[32];
  __ptrace_peeksiginfo_args from{0, 0, 32};
  const long have = ptrace(PTRACE_PEEKSIGINFO, tid_, &from, queue);
  for (long i = 0; i < have; i++) {
    if (queue[i].si_signo == SIGTRAP && queue[i].si_code == SI_KERNEL) return true;
  }
  return false;
}

Status StoppedTracee::resume(Resume how, int signal) && {
  const auto request = how == Resume::Continue    ? PTRACE_CONT
                       : how == Resume::ToSyscall ? PTRACE_SYSCALL
                                                  : PTRACE_SINGLESTEP;
  return call(request, std::exchange(tid_, 0), nullptr, signal);
}

Status StoppedTracee::listen() && { return call(PTRACE_LISTEN, std::exchange(tid_, 0), nullptr, 0); }

Status StoppedTracee::detach(int signal) && { return call(PTRACE_DETACH, std::exchange(tid_, 0), nullptr, signal); }

Status seize(pid_t pid) { return call(PTRACE_SEIZE, pid, nullptr, kOptions); }

Status interrupt(pid_t tid) { return call(PTRACE_INTERRUPT, tid, nullptr, 0); }

std::optional<bool> same_memory(pid_t a, pid_t b) {
  const long order = syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);
  if (order == -1) return std::nullopt;
  return order == 0;
}

bool asked_to_share_memory(const arch::Registers& registers, const Memory& memory) {
  uint64_t flags = 0;
  switch (arch::syscall_number(registers)) {
    case SYS_vfork:
      return true;
    case SYS_clone:
      flags = arch::first_argument(registers);
      break;
    case SYS_clone3:  // struct clone_args begins with its flags
      memory.read(arch::first_argument(registers), &flags, sizeof flags);
      break;
    default:
      break;
  }
  return (flags & CLONE_VM) != 0;
}

Result<WaitEvent> wait_any() {
  knobs::reached(knobs::Point::Wait);
  return *wait_on(knobs::next(), 0);
}

std::optional<Result<WaitEvent>> poll_any() {
  knobs::reached(knobs::Point::Wait);
  return wait_on(knobs::next(), WNOHANG);
}

Result<WaitEvent> wait_for(pid_t tid) { return *wait_on(tid, 0); }

}  // namespace premain
