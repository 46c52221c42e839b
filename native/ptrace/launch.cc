#include "launch.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <utility>

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

// By close_range of no descriptor (linux 5.9), which container profiles allow more often than unshare.
bool unshare_descriptors() {
  constexpr unsigned kUnshare = 2;  // CLOSE_RANGE_UNSHARE
  return arch::raw_syscall(SYS_close_range, ~0u, ~0u, kUnshare) == 0 ||
         arch::raw_syscall(SYS_unshare, CLONE_FILES) == 0;
}

// Whether a child may end the sharing; found out once, by a child that does nothing else.
bool can_unshare_descriptors() {
  static const bool can = [] {
    alignas(16) char stack[4096];
    const auto child = [](void*) -> int {
      const int failed = !unshare_descriptors();
      for (;;) arch::raw_syscall(SYS_exit_group, failed);
    };
    const pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, nullptr);
    int status = -1;
    return pid != -1 && waitpid(pid, &status, __WALL) == pid && status == 0;
  }();
  return can;
}

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

template <class T>
long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

}  // namespace

Launcher::~Launcher() {
  discard();
  if (stack_ != nullptr) munmap(stack_, kStackSize);
}

std::optional<Failure> Launcher::child_failure() const {
  if (child_errno_ == 0) return std::nullopt;
  return Failure{child_errno_, child_syscall_};
}

void Launcher::prepare() {
  block_signals();
  if (pid_ == 0 && can_unshare_descriptors()) (void)make(CLONE_FILES);
}

Result<pid_t> Launcher::start(const LaunchSpec& spec) {
  if (pid_ == 0) {
    if (const Status made = make(0); !made) return made.failure();
  }
  spec_ = &spec;
  argv_ = pointers(spec.argv);
  env_ = variables(spec.env);
  __atomic_store_n(&released_, 1, __ATOMIC_RELEASE);
  syscall(SYS_futex, &released_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  return std::exchange(pid_, 0);
}

Status Launcher::make(int shared) {
  block_signals();
  if (stack_ == nullptr) {
    void* const made =
        mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (made == MAP_FAILED) return failed("mmap");
    stack_ = made;
  }
  parent_ = getpid();
  released_ = 0;
  child_errno_ = 0;
  shares_descriptors_ = shared == CLONE_FILES;
  const pid_t pid = clone(child, static_cast<char*>(stack_) + kStackSize, CLONE_VM | shared | SIGCHLD, this);
  if (pid == -1) return failed("clone");
  pid_ = pid;
  knobs::reached(knobs::Point::Cloned, pid);
  Status seized = seize(pid);
  // One that somebody has killed by now cannot be seized: EPERM, but nothing was refused. Its end is reported like any other.
  if (seized || has_ended_by_itself(pid)) return ok();
  discard();
  return seized.failure();
}

void Launcher::discard() {
  const pid_t pid = std::exchange(pid_, 0);
  if (pid == 0) return;
  kill(pid, SIGKILL);
  while (Result<WaitEvent> event = wait_for(pid)) {
    if (has_ended(event->status)) break;
    (void)StoppedTracee(pid).resume(Resume::Continue, 0);  // from its exit stop
  }
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
    long fd = spec_->stdio[i];
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

void Launcher::await_release() {
  while (__atomic_load_n(&released_, __ATOMIC_ACQUIRE) == 0) {
    arch::raw_syscall(SYS_futex, address(&released_), FUTEX_WAIT_PRIVATE, 0, 0);
  }
}

// What came while it waited was meant for others: to ignore a signal drops what is pending of it.
void Launcher::forget_signals() {
  uint64_t pending = 0;
  arch::raw_syscall(SYS_rt_sigpending, address(&pending), sizeof pending);
  for (int signal = 1; pending != 0; signal++, pending >>= 1) {
    if ((pending & 1) == 0) continue;
    for (auto* const handler : {SIG_IGN, SIG_DFL}) {
      KernelSigaction action{};
      action.handler = handler;
      arch::raw_syscall(SYS_rt_sigaction, signal, address(&action), 0, sizeof action.mask);
    }
  }
}

// Runs in the tracer's memory until execve: raw system calls, no allocation, nothing of libc. All signals are blocked.
void Launcher::run_child() {
  // Until it is seized nothing else ends it with the tracer.
  arch::raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  if (arch::raw_syscall(SYS_getppid) != parent_) give_up("getppid", -ESRCH);
  KernelSigaction standard{};  // SIG_DFL
  for (int signal = 1; signal <= kSignals; signal++) {
    arch::raw_syscall(SYS_rt_sigaction, signal, address(&standard), 0, sizeof standard.mask);
  }
  await_release();
  forget_signals();

  if (shares_descriptors_ && !unshare_descriptors()) give_up("unshare", -EPERM);
  if (const long result = place_stdio(); result < 0) give_up("dup3", result);
  if (arch::raw_syscall(SYS_close_range, 3, ~0u, 0) < 0) {
    // Before linux 5.9: one by one, up to the limit.
    rlimit limit{1024, 1024};
    arch::raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, address(&limit));
    for (rlim_t fd = 3; fd < limit.rlim_cur; fd++) arch::raw_syscall(SYS_close, static_cast<long>(fd));
  }
  if (spec_->cwd) {
    if (const long result = arch::raw_syscall(SYS_chdir, address(spec_->cwd->c_str())); result < 0) {
      give_up("chdir", result);
    }
  }
  if (spec_->open_files) {
    arch::raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, address(&*spec_->open_files), 0);
  }
  arch::raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, 0);
  const uint64_t none = 0;
  arch::raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, address(&none), 0, sizeof none);
  const long self = arch::raw_syscall(SYS_getpid);
  // To the thread: one for the process would be lost where a wake-up of the tracer's, also a SIGSTOP, is under way.
  arch::raw_syscall(SYS_tgkill, self, self, SIGSTOP);
  const long result =
      arch::raw_syscall(SYS_execve, address(spec_->file.c_str()), address(argv_.data()), address(env_.data()));
  give_up("execve", result);
}

}  // namespace premain
