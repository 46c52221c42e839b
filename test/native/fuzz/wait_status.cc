// Any 32 bits as a wait status: decoded without a gap, and as the macros of wait(2) read it. Any number as a system call's.
#include "ptrace/wait_status.h"

#include <sys/wait.h>

#include "fuzz.h"
#include "session/path_arguments.h"

using namespace premain;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const auto status = input.take<int>();
  const WaitStatus decoded = decode_wait_status(status);
  must(has_ended(decoded) == (WIFEXITED(status) || WIFSIGNALED(status)));
  if (const auto* exited = std::get_if<Exited>(&decoded)) must(exited->code == WEXITSTATUS(status));
  if (const auto* killed = std::get_if<Killed>(&decoded)) must(killed->signal == WTERMSIG(status));
  if (const auto* stop = std::get_if<SignalStop>(&decoded)) must(stop->signal == WSTOPSIG(status));
  must(path_arguments(input.take<uint64_t>()) < 1 << 6);
  return 0;
}
