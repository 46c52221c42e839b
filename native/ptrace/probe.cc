#include "probe.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <cstdio>
#include <ctime>

#include "../arch/arch.h"
#include "memory.h"
#include "tracee.h"

namespace premain {

namespace {

constexpr size_t kStackSize = 16 * 1024;
constexpr int kPatienceMs = 2000;

// Waits until it dies with its maker. It has a copy of our memory and nothing of libc's locks: raw system calls only.
int child(void*) {
  arch::raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  for (;;) arch::raw_syscall(SYS_pause);
}

// What is written to: it stands in the text that every copy of this library has.
const uint8_t* some_text() { return reinterpret_cast<const uint8_t*>(reinterpret_cast<uintptr_t>(&child)); }

int error_of(long result) { return result == -1 ? errno : 0; }

// A wait that ends whatever the kernel does.
int wait_shortly(pid_t pid, int& status) {
  for (int waited = 0; waited < kPatienceMs; waited++) {
    const pid_t tid = waitpid(pid, &status, __WALL | __WNOTHREAD | WNOHANG);
    if (tid == pid) return 0;
    if (tid == -1 && errno != EINTR) return errno;
    poll(nullptr, 0, 1);
  }
  return ETIMEDOUT;
}

int try_stop(pid_t pid) {
  if (Status asked = interrupt(pid); !asked) return asked.failure().error;
  int status = 0;
  if (const int error = wait_shortly(pid, status); error != 0) return error;
  return WIFSTOPPED(status) ? 0 : ESRCH;
}

int try_registers(pid_t pid) {
  Result<arch::Registers> registers = StoppedTracee(pid).registers();
  return registers ? 0 : registers.failure().error;
}

int try_syscall_info(pid_t pid) {
  Result<SyscallInfo> info = StoppedTracee(pid).syscall_info();
  return info ? 0 : info.failure().error;
}

int open_memory(pid_t pid, Fd& file) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  file = Fd(open(path, O_RDWR | O_CLOEXEC));
  return file ? 0 : errno;
}

int try_write(int memory) {
  const uint8_t same = *some_text();
  return error_of(pwrite64(memory, &same, 1, static_cast<off64_t>(reinterpret_cast<uintptr_t>(some_text()))));
}

int try_poke(pid_t pid) {
  void* const at = const_cast<uint8_t*>(some_text());
  errno = 0;
  const long word = ptrace(PTRACE_PEEKDATA, pid, at, nullptr);
  if (errno != 0) return errno;
  return error_of(ptrace(PTRACE_POKEDATA, pid, at, word));
}

int try_vm_read(pid_t pid) {
  uint8_t byte;
  const iovec local{&byte, 1};
  const iovec remote{const_cast<uint8_t*>(some_text()), 1};
  return error_of(process_vm_readv(pid, &local, 1, &remote, 1, 0));
}

int try_pidfd(pid_t pid) {
  const Fd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  return fd ? 0 : errno;
}

int try_affinity(pid_t pid) {
  cpu_set_t mask;
  if (sched_getaffinity(pid, sizeof mask, &mask) == -1) return errno;
  return error_of(sched_setaffinity(pid, sizeof mask, &mask));
}

int try_perf(pid_t pid) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
  attributes.exclude_kernel = 1;
  const Fd fd(static_cast<int>(syscall(SYS_perf_event_open, &attributes, pid, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  return fd ? 0 : errno;
}

void try_stopped(pid_t pid, std::vector<Attempt>& out) {
  out.push_back({"registers", try_registers(pid)});
  out.push_back({"syscall-info", try_syscall_info(pid)});
  Fd memory;
  const int opened = open_memory(pid, memory);
  out.push_back({"mem-open", opened});
  out.push_back({"mem-write-text", opened != 0 ? opened : try_write(memory.get())});
  out.push_back({"poke-text", try_poke(pid)});
  out.push_back({"process-vm-readv", try_vm_read(pid)});
}

}  // namespace

std::vector<Attempt> probe() {
  std::vector<Attempt> out;
  void* const stack = mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return {{"child", errno}};
  const pid_t pid = clone(child, static_cast<char*>(stack) + kStackSize, SIGCHLD, nullptr);
  out.push_back({"child", error_of(pid)});
  munmap(stack, kStackSize);  // the child has its own copy
  if (pid == -1) return out;

  Status seized = seize(pid);
  out.push_back({"seize", seized ? 0 : seized.failure().error});
  if (seized) {
    const int stopped = try_stop(pid);
    out.push_back({"stop", stopped});
    if (stopped == 0) try_stopped(pid, out);
  }
  clockid_t clock;
  out.push_back({"process-clock", clock_getcpuclockid(pid, &clock)});
  const std::optional<bool> shared = same_memory(pid, getpid());
  out.push_back({"kcmp", shared ? 0 : errno});
  out.push_back({"pidfd", try_pidfd(pid)});
  out.push_back({"affinity", try_affinity(pid)});
  out.push_back({"perf", try_perf(pid)});

  kill(pid, SIGKILL);
  int status = 0;
  while (wait_shortly(pid, status) == 0) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) break;
    (void)StoppedTracee(pid).resume(Resume::Continue, 0);  // PTRACE_EVENT_EXIT
  }
  return out;
}

}  // namespace premain
