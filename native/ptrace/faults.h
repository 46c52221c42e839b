// Page faults of a process.
#pragma once

#include <cstdint>

namespace premain {

struct Faults {
  uint64_t minor = 0;
  uint64_t major = 0;
};

}  // namespace premain
