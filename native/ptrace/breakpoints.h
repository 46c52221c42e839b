// The breakpoints of one address space. Each is one-shot: hit, taken out, and remembered, since another thread may have
// trapped on it already. Written page by page. All addresses are runtime addresses.
#pragma once

#include <cstdint>
#include <vector>

#include "../arch/arch.h"
#include "memory.h"

namespace premain {

// The executable segment as it lies in the file. Runtime addresses.
class TextFile {
 public:
  TextFile() = default;
  TextFile(Fd fd, uint64_t address, uint64_t offset, uint64_t size)
      : fd_(std::move(fd)), address_(address), offset_(offset), size_(size) {}

  // Whether all `length` bytes at `address` were read.
  bool read(uint64_t address, void* out, size_t length) const;

 private:
  Fd fd_;
  uint64_t address_ = 0;
  uint64_t offset_ = 0;
  uint64_t size_ = 0;
};

class Breakpoints {
 public:
  struct Entry {
    uint64_t address;
    int32_t site;
    uint8_t saved[sizeof arch::kBreakpoint];
    bool armed;
    bool known = false;  // `saved` holds the original bytes
  };

  // Forgets everything; for a new address space. Keeps its storage.
  void clear() { entries_.clear(); }
  // Notes an address; `arm_all` or `arm` writes it. An address noted twice keeps its first site.
  void add(uint64_t address, int32_t site);
  // Sorts and writes all noted addresses. An address outside the mapped text is left unarmed. In a fresh image the bytes
  // come from the file: a first read of a page in memory would cost a fault of its own before that of the write.
  void arm_all(const Memory& memory, const TextFile& file);
  // Writes back the original bytes of all that are armed, for good.
  void restore_all(const Memory& memory);
  // Writes the original bytes into a forked copy of the address space, which may be older than the present state.
  void clean_copy(const Memory& memory);

  Entry* find(uint64_t address);
  // Puts the original bytes over what was read at `address`: what the program would see of itself without us.
  void mask(uint64_t address, uint8_t* bytes, size_t length) const;
  // Notes and writes one more while the target runs; one that is armed keeps its site. Null when it cannot be written.
  Entry* insert(const Memory& memory, uint64_t address, int32_t site);
  Status arm(const Memory& memory, Entry& entry);
  Status disarm(const Memory& memory, Entry& entry);
  void reserve(size_t count) { entries_.reserve(count); }

 private:
  template <class Wanted, class Patch, class Failed>
  void rewrite_pages(const Memory& memory, const TextFile& file, Wanted wanted, Patch patch, Failed failed);

  std::vector<Entry> entries_;  // sorted by address once arm_all has run
};

}  // namespace premain
