#include "breakpoints.h"

#include <algorithm>
#include <cstring>

namespace premain {

namespace {

constexpr uint64_t kPage = 4096;
constexpr size_t kWidth = sizeof arch::kBreakpoint;

bool by_address(const Breakpoints::Entry& a, const Breakpoints::Entry& b) { return a.address < b.address; }

}  // namespace

bool TextFile::read(uint64_t address, void* out, size_t length) const {
  if (!fd_ || address < address_ || length > size_ || address - address_ > size_ - length) return false;
  const auto at = static_cast<off64_t>(offset_ + (address - address_));
  return pread64(fd_.get(), out, length, at) == static_cast<ssize_t>(length);
}

void Breakpoints::add(uint64_t address, int32_t site) { entries_.push_back({address, site, {}, false}); }

// Reads each page that holds wanted entries once, lets `patch(entry, bytes)` change it, and writes the changed stretch;
// `failed(entry)` where that is refused.
template <class Wanted, class Patch, class Failed>
void Breakpoints::rewrite_pages(const Memory& memory, const TextFile& file, Wanted wanted, Patch patch, Failed failed) {
  uint8_t page[kPage + kWidth];
  for (size_t i = 0; i < entries_.size();) {
    const uint64_t base = entries_[i].address & ~(kPage - 1);
    size_t end = i;
    while (end < entries_.size() && (entries_[end].address & ~(kPage - 1)) == base) end++;
    if (std::none_of(entries_.begin() + static_cast<ptrdiff_t>(i), entries_.begin() + static_cast<ptrdiff_t>(end),
                     wanted)) {
      i = end;
      continue;
    }
    const uint64_t first = entries_[i].address;
    const size_t length = entries_[end - 1].address + kWidth - first;
    const size_t have = file.read(first, page, length) ? length : memory.read(first, page, length);
    bool changed = false;
    for (size_t k = i; k < end; k++) {
      const size_t at = entries_[k].address - first;
      if (at + kWidth <= have) changed |= patch(entries_[k], page + at);
    }
    if (changed && !memory.write(first, page, have)) {
      for (size_t k = i; k < end; k++) failed(entries_[k]);
    }
    i = end;
  }
}

void Breakpoints::arm_all(const Memory& memory, const TextFile& file) {
  std::stable_sort(entries_.begin(), entries_.end(), by_address);
  entries_.erase(std::unique(entries_.begin(), entries_.end(),
                             [](const Entry& a, const Entry& b) { return a.address == b.address; }),
                 entries_.end());
  rewrite_pages(
      memory, file, [](const Entry& entry) { return !entry.armed; },
      [](Entry& entry, uint8_t* bytes) {
        memcpy(entry.saved, bytes, kWidth);
        memcpy(bytes, arch::kBreakpoint, kWidth);
        return entry.known = entry.armed = true;
      },
      [](Entry& entry) { entry.armed = false; });
}

void Breakpoints::restore_all(const Memory& memory) {
  rewrite_pages(
      memory, TextFile(), [](const Entry& entry) { return entry.armed; },
      [](Entry& entry, uint8_t* bytes) {
        if (!entry.armed) return false;
        memcpy(bytes, entry.saved, kWidth);
        entry.armed = false;
        return true;
      },
      [](Entry&) {});
}

void Breakpoints::clean_copy(const Memory& memory) {
  rewrite_pages(
      memory, TextFile(), [](const Entry& entry) { return entry.known; },
      [](const Entry& entry, uint8_t* bytes) {
        if (!entry.known || memcmp(bytes, arch::kBreakpoint, kWidth) != 0) return false;
        memcpy(bytes, entry.saved, kWidth);
        return true;
      },
      [](const Entry&) {});
}

Breakpoints::Entry* Breakpoints::find(uint64_t address) {
  const Entry key{address, 0, {}, false};
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), key, by_address);
  return at != entries_.end() && at->address == address ? &*at : nullptr;
}

void Breakpoints::mask(uint64_t address, uint8_t* bytes, size_t length) const {
  const Entry first{address < kWidth ? 0 : address - (kWidth - 1), 0, {}, false};
  auto at = std::lower_bound(entries_.begin(), entries_.end(), first, by_address);
  for (; at != entries_.end() && (at->address < address || at->address - address < length); ++at) {
    if (!at->armed) continue;
    for (size_t i = 0; i < kWidth; i++) {
      const uint64_t offset = at->address + i - address;
      if (offset < length) bytes[offset] = at->saved[i];
    }
  }
}

Breakpoints::Entry* Breakpoints::insert(const Memory& memory, uint64_t address, int32_t site) {
  if (Entry* known = find(address)) {
    if (known->armed) return known;
    known->site = site;
    return arm(memory, *known) ? known : nullptr;
  }
  const Entry key{address, site, {}, false};
  const auto at = entries_.insert(std::lower_bound(entries_.begin(), entries_.end(), key, by_address), key);
  at->known = memory.read(address, at->saved, kWidth) == kWidth;
  if (!at->known || !arm(memory, *at)) {
    entries_.erase(at);
    return nullptr;
  }
  return &*at;
}

Status Breakpoints::arm(const Memory& memory, Entry& entry) {
  Status written = memory.write(entry.address, arch::kBreakpoint, kWidth);
  entry.armed = static_cast<bool>(written);
  return written;
}

Status Breakpoints::disarm(const Memory& memory, Entry& entry) {
  entry.armed = false;
  return memory.write(entry.address, entry.saved, kWidth);
}

}  // namespace premain
