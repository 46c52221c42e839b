// Starts the target as a shell would start it, stopped before its execve.
//
// The child is cloned with CLONE_VM on a stack of its own, so the cost does not grow with Node's heap. It shares errno
// and TLS with us until its exec: it makes raw system calls only, and everything it needs is built before. It can be made
// before it is known what it is to execute: then it shares our descriptors too until it is released.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
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
  bool followed = false;  // another launch follows: its child is made as soon as nothing is left of this one
};

// Makes one child after another; belongs to the tracer thread.
class Launcher {
 public:
  Launcher() = default;
  // Ends a child that was not released.
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Makes the child of the next start, unless there is one: nothing where none can be had, or where a child is not allowed
  // to have descriptors of its own again.
  void prepare();
  // Releases a seized child towards its program. It stops itself with SIGSTOP next; resumed to its next system call, that
  // is execve. The specification is to stay, and the descriptors that it names, until that stop. All signals are blocked
  // from here on.
  Result<pid_t> start(const LaunchSpec& spec);
  // Ends and reaps the child that was prepared, if it was not started.
  void discard();
  // Why the child that was started last gave up before its execve: the failed call and its errno; valid once it has
  // exited.
  std::optional<Failure> child_failure() const;

 private:
  // Clones and seizes a child that waits to be released.
  Status make(int shared);
  static int child(void* self);
  [[noreturn]] void give_up(const char* syscall, long result);
  [[noreturn]] void run_child();
  void await_release();
  static void forget_signals();
  long place_stdio();

  const LaunchSpec* spec_ = nullptr;
  std::vector<char*> argv_;
  std::vector<char*> env_;
  void* stack_ = nullptr;
  pid_t pid_ = 0;  // of the child that waits
  bool shares_descriptors_ = false;
  pid_t parent_ = 0;
  uint32_t released_ = 0;  // a futex
  volatile int child_errno_ = 0;
  const char* volatile child_syscall_ = nullptr;
};

}  // namespace premain
