// What the texts and tables of /proc say, from bytes alone. Whatever the bytes are, nothing is read beyond their end: what
// is not there is 0 or left out. Source: proc(5), linux fs/proc/array.c, kernel/sched/stats.h.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace premain {

// What a thread has run: its CPU time, and how often it was put on a core.
struct ThreadUse {
  uint64_t cpu_ns = 0;
  uint64_t turns = 0;
};

// A numbered field of /proc/pid/stat, from 3 on.
uint64_t stat_field(std::string_view stat, int wanted);
// Appends the ids of /proc/pid/task/tid/children, up to the first word that is none.
void append_children(std::string_view text, std::vector<pid_t>& out);
// Of /proc/pid/task/tid/schedstat; nothing where that is not three numbers.
std::optional<ThreadUse> thread_use(std::string_view schedstat);
// The value of one entry of /proc/pid/auxv, or 0.
uint64_t auxv_value(const uint8_t* auxv, size_t length, uint64_t type);

}  // namespace premain
