// Addresses as a hostile file may name them, in pages of this process: whatever is armed, inserted, taken out and read,
// the bytes come back, and no address makes it hang.
#include "ptrace/breakpoints.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

using namespace premain;

namespace {

constexpr size_t kArea = 3 * 4096;
constexpr uint8_t kOriginal = 0x90;

uint8_t* area() {
  static auto* const mapped =
      static_cast<uint8_t*>(mmap(nullptr, kArea, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  return mapped;
}

// In the area, at the very end of all addresses, or at their beginning: nowhere else may be written.
uint64_t take_address(Input& input) {
  const auto word = input.take<uint16_t>();
  switch (word >> 14) {
    case 0:
      return ~uint64_t{word & 0x1fffu};
    case 1:
      return word & 0xfffu;
    default:
      return reinterpret_cast<uint64_t>(area()) + word % kArea;
  }
}

bool inside(uint64_t address) { return address - reinterpret_cast<uint64_t>(area()) < kArea; }

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  memset(area(), kOriginal, kArea);
  static const Memory memory = Memory::open(getpid());
  Input input(data, size);
  Breakpoints breakpoints;
  for (int count = input.take<uint8_t>(); count > 0 && !input.empty(); count--) {
    breakpoints.add(take_address(input), count);
  }
  breakpoints.arm_all(memory, TextFile());
  while (!input.empty()) {
    const auto what = input.take<uint8_t>();
    const uint64_t address = take_address(input);
    Breakpoints::Entry* entry = breakpoints.find(address);
    must(entry == nullptr || !entry->armed || (inside(address) && *reinterpret_cast<uint8_t*>(address) == 0xcc));
    if (what % 4 == 0) (void)breakpoints.insert(memory, address, what);
    if (what % 4 == 1 && entry != nullptr && entry->armed) (void)breakpoints.disarm(memory, *entry);
    if (what % 4 == 2 && entry != nullptr && entry->known) (void)breakpoints.arm(memory, *entry);
    if (what % 4 == 3) {
      uint8_t read[256];
      const size_t have = memory.read(address, read, what);
      breakpoints.mask(address, read, have);
      for (size_t i = 0; i < have; i++) must(!inside(address + i) || read[i] == kOriginal);
    }
  }
  breakpoints.restore_all(memory);
  for (size_t i = 0; i < kArea; i++) must(area()[i] == kOriginal);
  return 0;
}
