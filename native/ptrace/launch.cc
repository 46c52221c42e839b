#include "launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cstring>

#include "../arch/arch.h"
#include "knobs.h"
#include "tracee.h"

namespace premain {

namespace {

constexpr size_t kStackSize = 64 * 1024;
constexpr int kSignals = 64;

// The kernel's own struct sigaction; glibc's sigaction() may not be called in the child.
struct KernelSigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

std::vector<char*> variables(const std::string& block) {
  std::vector<char*> out;
  const char* const end = block.data() + block.size();
  for (const char* at = block.data(); at < end; at += strlen(at) + 1) {
    out.push_back(const_cast<char*>(at));
  }
  out.push_back(nullptr);
  return out;
}

// Leaves its status to be waited for.
bool has_ended_by_itself(pid_t pid) {
  siginfo_t info{};
  const int options = WEXITED | WNOHANG | WNOWAIT | __WALL;
  return waitid(P_PID, static_cast<id_t>(pid), &info, options) == 0 && info.si_pid == pid;
}

template <class T>
long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

}  // namespace

Launcher::Launcher(const LaunchSpec& spec) : spec_(spec), argv_(pointers(spec.argv)), env_(variables(spec.env)) {}

Launcher::~Launcher() {
  if (stack_ != nullptr) munmap(stack_, kStackSize);
}

std::optional<Failure> Launcher::child_failure() const {
  if (child_errno_ == 0) return std::nullopt;
  return Failure{child_errno_, child_syscall_};
}

Result<pid_t> Launcher::start() {
  stack_ = mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack_ == MAP_FAILED) {
    stack_ = nullptr;
    return failed("mmap");
  }
  if (pipe2(gate_, O_CLOEXEC) == -1) return failed("pipe2");
  const Fd read_end(gate_[0]);
  Fd write_end(gate_[1]);
  const pid_t pid = clone(child, static_cast<char*>(stack_) + kStackSize, CLONE_VM | SIGCHLD, this);
  if (pid == -1) return failed("clone");
  knobs::reached(knobs::Point::Cloned, pid);
  const char go = 1;
  Status released = seize(pid);
  if (released && write(write_end.get(), &go, 1) != 1) released = failed("write");
  // One that somebody has killed by now cannot be seized: EPERM, but nothing was refused. Its end is reported like any other.
  if (released || has_ended_by_itself(pid)) return pid;
  kill(pid, SIGKILL);
  while (Result<WaitEvent> event = wait_for(pid)) {
    if (has_ended(event->status)) break;
  }
  return released.failure();
}

int Launcher::child(void* self) { static_cast<Launcher*>(self)->run_child(); }

void Launcher::give_up(const char* syscall, long result) {
  child_syscall_ = syscall;
  child_errno_ = static_cast<int>(-result);
  for (;;) arch::raw_syscall(SYS_exit_group, 127);
}

// dup2 onto 0, 1 and 2 may overwrite a descriptor that is still to be copied: move low ones up first.
long Launcher::place_stdio() {
  int source[3];
  for (int i = 0; i < 3; i++) {
    long fd = spec_.stdio[i];
    if (fd < 0) {
      fd = arch::raw_syscall(SYS_openat, AT_FDCWD, address("/dev/null"), O_RDWR | O_CLOEXEC);
      if (fd < 0) return fd;
    }
    if (fd < 3) {
      fd = arch::raw_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
      if (fd < 0) return fd;
    }
    source[i] = static_cast<int>(fd);
  }
  for (int i = 0; i < 3; i++) {
    if (const long result = arch::raw_syscall(SYS_dup3, source[i], i, 0); result < 0) return result;
  }
  return 0;
}

// Runs in the tracer's memory until execve: raw system calls, no allocation, nothing of libc. All signals are blocked.
void Launcher::run_child() {
  // Close our copy of the write end, and those of other sessions' gates that this table inherited, or a killed Node
  // would leave children waiting for one another. The stdio sources are copied down first.
  arch::raw_syscall(SYS_close, gate_[1]);
  int gate = gate_[0];
  if (gate < 3) {
    const long moved = arch::raw_syscall(SYS_fcntl, gate, F_DUPFD_CLOEXEC, 3);
    if (moved < 0) give_up("fcntl", moved);
    gate = static_cast<int>(moved);
  }
  if (const long result = place_stdio(); result < 0) give_up("dup3", result);
  if (gate > 3) arch::raw_syscall(SYS_close_range, 3, gate - 1, 0);
  if (arch::raw_syscall(SYS_close_range, gate + 1, ~0u, 0) < 0) {
    // Before linux 5.9: one by one, up to the limit.
    rlimit limit{1024, 1024};
    arch::raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, address(&limit));
    for (rlim_t fd = 3; fd < limit.rlim_cur; fd++) {
      if (static_cast<int>(fd) != gate) arch::raw_syscall(SYS_close, static_cast<long>(fd));
    }
  }

  char go;
  long n;
  do {
    n = arch::raw_syscall(SYS_read, gate, address(&go), 1);
  } while (n == -EINTR);
  if (n != 1) {
    for (;;) arch::raw_syscall(SYS_exit_group, 127);
  }
  arch::raw_syscall(SYS_close, gate);

  if (spec_.cwd) {
    if (const long result = arch::raw_syscall(SYS_chdir, address(spec_.cwd->c_str())); result < 0) {
      give_up("chdir", result);
    }
  }
  if (spec_.open_files) {
    arch::raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, address(&*spec_.open_files), 0);
  }
  KernelSigaction standard{};  // SIG_DFL
  for (int signal = 1; signal <= kSignals; signal++) {
    arch::raw_syscall(SYS_rt_sigaction, signal, address(&standard), 0, sizeof standard.mask);
  }
  const uint64_t none = 0;
  arch::raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, address(&none), 0, sizeof none);
  const long self = arch::raw_syscall(SYS_getpid);
  // To the thread: one for the process would be lost where a wake-up of the tracer's, also a SIGSTOP, is under way.
  arch::raw_syscall(SYS_tgkill, self, self, SIGSTOP);
  const long result =
      arch::raw_syscall(SYS_execve, address(spec_.file.c_str()), address(argv_.data()), address(env_.data()));
  give_up("execve", result);
}

}  // namespace premain
