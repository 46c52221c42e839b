#include "proc_text.h"

#include <charconv>
#include <cstring>

namespace premain {

namespace {

// Takes one number, and the blank before it, off the front of a text.
template <class T>
std::optional<T> take_number(std::string_view& text) {
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

}  // namespace

// The command name may hold anything, so count from the last parenthesis: what follows it is field 3.
uint64_t stat_field(std::string_view stat, int wanted) {
  const size_t name_end = stat.rfind(')');
  if (name_end == stat.npos) return 0;
  stat.remove_prefix(name_end);
  for (int field = 2; field < wanted; field++) {
    const size_t blank = stat.find(' ');
    if (blank == stat.npos) return 0;
    stat.remove_prefix(blank + 1);
  }
  return take_number<uint64_t>(stat).value_or(0);
}

void append_children(std::string_view text, std::vector<pid_t>& out) {
  for (;;) {
    const std::optional<pid_t> child = take_number<pid_t>(text);
    // Zero and below are no processes: a signal to them would reach a whole group.
    if (!child || *child <= 0) return;
    out.push_back(*child);
  }
}

std::optional<ThreadUse> thread_use(std::string_view schedstat) {
  const std::optional<uint64_t> cpu_ns = take_number<uint64_t>(schedstat);
  const std::optional<uint64_t> waited_ns = take_number<uint64_t>(schedstat);
  const std::optional<uint64_t> turns = take_number<uint64_t>(schedstat);
  if (!cpu_ns || !waited_ns || !turns) return std::nullopt;
  return ThreadUse{*cpu_ns, *turns};
}

uint64_t auxv_value(const uint8_t* auxv, size_t length, uint64_t type) {
  for (size_t at = 0; length - at >= 16; at += 16) {
    uint64_t entry[2];
    memcpy(entry, auxv + at, sizeof entry);
    if (entry[0] == type) return entry[1];
  }
  return 0;
}

}  // namespace premain
