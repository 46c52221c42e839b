// Starts the target as a shell would start it, stopped before its execve.
//
// The child is cloned with CLONE_VM on a stack of its own, so the cost does not grow with Node's heap. It shares errno
// and TLS with us until its exec: it makes raw system calls only, and everything it needs is built before.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "fd.h"
#include "result.h"

namespace premain {

struct LaunchSpec {
  std::string file;
  std::vector<std::string> argv;
  std::string env;  // "NAME=value", each with a NUL behind it
  std::optional<std::string> cwd;
  int stdio[3];  // descriptors of this process to become 0, 1 and 2; -1 is /dev/null
  std::optional<rlimit> open_files;
};

class Launcher {
 public:
  explicit Launcher(const LaunchSpec& spec);
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Clones, seizes and releases the child. It stops itself with SIGSTOP next; resumed to its next system call, that is
  // execve.
  Result<pid_t> start();
  // Why the child gave up before its execve: the failed call and its errno; valid once it has exited.
  std::optional<Failure> child_failure() const;

 private:
  static int child(void* self);
  [[noreturn]] void give_up(const char* syscall, long result);
  [[noreturn]] void run_child();
  long place_stdio();

  const LaunchSpec& spec_;
  std::vector<char*> argv_;
  std::vector<char*> env_;
  void* stack_ = nullptr;
  int gate_[2] = {-1, -1};  // the child waits on [0]; a dead tracer is end of file
  volatile int child_errno_ = 0;
  const char* volatile child_syscall_ = nullptr;
};

}  // namespace premain
