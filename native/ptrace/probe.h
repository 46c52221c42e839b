// What the kernel lets this process do to a child of its own, tried on a throw-away one.
#pragma once

#include <vector>

namespace premain {

struct Attempt {
  const char* name;
  int error;  // 0: it works
};

// Takes a few milliseconds, at most some seconds where the kernel does not answer. Belongs to a thread of its own: what
// is seized here must not be taken for a session's.
std::vector<Attempt> probe();

}  // namespace premain
