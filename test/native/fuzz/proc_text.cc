// The texts of /proc, each parser on the same bytes.
#include "ptrace/proc_text.h"

#include <memory>

#include "fuzz.h"

using namespace premain;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A buffer of exactly this size: a byte beyond it is ASan's.
  const std::unique_ptr<char[]> copy(new char[size]);
  if (size > 0) memcpy(copy.get(), data, size);
  const std::string_view text(copy.get(), size);
  (void)stat_field(text, 10);
  (void)stat_field(text, 39);
  if (text.find(')') == text.npos) must(stat_field(text, 3) == 0);
  (void)thread_use(text);
  std::vector<pid_t> children;
  append_children(text, children);
  must(children.size() <= size);
  for (const pid_t child : children) must(child > 0);
  const uint64_t entry = auxv_value(reinterpret_cast<const uint8_t*>(copy.get()), size, 9);
  must(size >= 16 || entry == 0);
  return 0;
}
