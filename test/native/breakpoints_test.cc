// Breakpoints and memory, tried on pages of this process: /proc/self/mem takes the same path in the kernel as another's.
#include "ptrace/breakpoints.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

namespace premain {
namespace {

class BreakpointsTest : public testing::Test {
 protected:
  void SetUp() override {
    page_size_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void* mapped = mmap(nullptr, 3 * page_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    text_ = static_cast<uint8_t*>(mapped);
    memset(text_, 0x90, 3 * page_size_);
    ASSERT_EQ(mprotect(text_, 2 * page_size_, PROT_READ), 0);
    ASSERT_EQ(munmap(text_ + 2 * page_size_, page_size_), 0);
    memory_ = Memory::open(getpid());
  }
  void TearDown() override { munmap(text_, 2 * page_size_); }

  uint64_t address(size_t offset) const { return reinterpret_cast<uint64_t>(text_) + offset; }

  size_t page_size_ = 0;
  uint8_t* text_ = nullptr;
  Memory memory_;
};

TEST_F(BreakpointsTest, WritesEachAndGivesTheBytesBack) {
  Breakpoints breakpoints;
  const size_t offsets[] = {page_size_ - 1, 0, page_size_ + 7};
  for (const size_t offset : offsets) breakpoints.add(address(offset), static_cast<int32_t>(offset));
  breakpoints.arm_all(memory_, TextFile());
  for (const size_t offset : offsets) EXPECT_EQ(text_[offset], 0xcc) << offset;
  EXPECT_EQ(text_[1], 0x90);
  EXPECT_EQ(breakpoints.find(address(0))->site, 0);
  EXPECT_EQ(breakpoints.find(address(1)), nullptr);
  breakpoints.restore_all(memory_);
  for (size_t offset = 0; offset < 2 * page_size_; offset++) ASSERT_EQ(text_[offset], 0x90) << offset;
}

TEST_F(BreakpointsTest, OneThatWasTakenOutStaysKnown) {
  Breakpoints breakpoints;
  breakpoints.add(address(16), 3);
  breakpoints.arm_all(memory_, TextFile());
  ASSERT_TRUE(breakpoints.disarm(memory_, *breakpoints.find(address(16))));
  EXPECT_EQ(text_[16], 0x90);
  ASSERT_NE(breakpoints.find(address(16)), nullptr);
  EXPECT_FALSE(breakpoints.find(address(16))->armed);
  ASSERT_TRUE(breakpoints.arm(memory_, *breakpoints.find(address(16))));
  EXPECT_EQ(text_[16], 0xcc);
}

TEST_F(BreakpointsTest, WhatIsReadIsMaskedWhereTheyAreArmed) {
  Breakpoints breakpoints;
  for (const size_t offset : {8, 16, 24}) breakpoints.add(address(offset), 0);
  breakpoints.arm_all(memory_, TextFile());
  ASSERT_TRUE(breakpoints.disarm(memory_, *breakpoints.find(address(16))));
  std::vector<uint8_t> copy(text_, text_ + 32);
  breakpoints.mask(address(0), copy.data(), copy.size());
  EXPECT_EQ(copy, std::vector<uint8_t>(32, 0x90));
  // A stretch that ends before one, begins behind one, or is one, and no byte outside it.
  uint8_t bytes[3] = {0xaa, 0xcc, 0xaa};
  breakpoints.mask(address(24), bytes + 1, 1);
  EXPECT_EQ(bytes[0], 0xaa);
  EXPECT_EQ(bytes[1], 0x90);
  EXPECT_EQ(bytes[2], 0xaa);
  breakpoints.mask(address(21), bytes, 3);
  breakpoints.mask(address(25), bytes, 3);
  EXPECT_EQ(bytes[0], 0xaa);
  EXPECT_EQ(bytes[2], 0xaa);
}

TEST_F(BreakpointsTest, AnAddressThatIsNotMappedIsLeftUnarmed) {
  Breakpoints breakpoints;
  breakpoints.add(address(0), 0);
  breakpoints.add(address(2 * page_size_), 1);
  breakpoints.arm_all(memory_, TextFile());
  EXPECT_EQ(text_[0], 0xcc);
  const auto* beyond = breakpoints.find(address(2 * page_size_));
  EXPECT_TRUE(beyond == nullptr || !beyond->armed);
}

TEST_F(BreakpointsTest, AnAddressThatIsNotedTwiceKeepsItsFirstSite) {
  Breakpoints breakpoints;
  breakpoints.add(address(5), 1);
  breakpoints.add(address(5), 2);
  breakpoints.arm_all(memory_, TextFile());
  EXPECT_EQ(breakpoints.find(address(5))->site, 1);
  breakpoints.restore_all(memory_);
  EXPECT_EQ(text_[5], 0x90);
}

TEST_F(BreakpointsTest, ReadsEndWhereTheMappingDoes) {
  uint8_t bytes[64];
  EXPECT_EQ(memory_.read(address(2 * page_size_ - 16), bytes, sizeof bytes), 16u);
  EXPECT_EQ(memory_.read(8, bytes, sizeof bytes), 0u);
}

}  // namespace
}  // namespace premain
