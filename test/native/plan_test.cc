#include "session/plan.h"

#include <gtest/gtest.h>

#include <cstring>

namespace premain {
namespace {

using wire::ReadBase;

wire::WireSite site(uint32_t first_read, uint32_t read_count, int32_t arm_return = -1) {
  wire::WireSite made{};
  made.address = 0x401000;
  made.first_read = first_read;
  made.read_count = read_count;
  made.arm_return = arm_return;
  return made;
}

std::vector<uint8_t> encode(const std::vector<wire::WireSite>& sites, const std::vector<wire::WireRead>& reads) {
  wire::WirePlan header{};
  header.magic = wire::kMagic;
  header.sites = static_cast<uint32_t>(sites.size());
  header.reads = static_cast<uint32_t>(reads.size());
  std::vector<uint8_t> bytes;
  const auto append = [&bytes](const void* from, size_t length) {
    const auto* first = static_cast<const uint8_t*>(from);
    bytes.insert(bytes.end(), first, first + length);
  };
  append(&header, sizeof header);
  append(sites.data(), sites.size() * sizeof(wire::WireSite));
  append(reads.data(), reads.size() * sizeof(wire::WireRead));
  return bytes;
}

bool decodes(const std::vector<uint8_t>& bytes) { return Plan::decode(bytes.data(), bytes.size()).has_value(); }

TEST(Plan, KeepsWhatItWasGiven) {
  const auto bytes =
      encode({site(0, 1), site(1, 1, 0)}, {{16, 8, ReadBase::Register, 64}, {0x5000, 0, ReadBase::File, 8}});
  const auto plan = Plan::decode(bytes.data(), bytes.size());
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->sites.size(), 2u);
  EXPECT_EQ(plan->sites[1].arm_return, 0);
  EXPECT_EQ(plan->reads[1].value, 0x5000u);
}

TEST(Plan, AnEmptyOneIsAPlan) { EXPECT_TRUE(decodes(encode({}, {}))); }

TEST(Plan, RefusesBytesOfAnotherLengthOrKind) {
  auto bytes = encode({site(0, 0)}, {});
  for (size_t length = 0; length < bytes.size(); length++) EXPECT_FALSE(Plan::decode(bytes.data(), length)) << length;
  bytes.push_back(0);
  EXPECT_FALSE(decodes(bytes));
  bytes.pop_back();
  bytes[0] ^= 1;
  EXPECT_FALSE(decodes(bytes));
}

TEST(Plan, RefusesIndicesThatPointOutside) {
  EXPECT_FALSE(decodes(encode({site(1, 1)}, {{0, 0, ReadBase::File, 8}})));
  EXPECT_FALSE(decodes(encode({site(UINT32_MAX, 2)}, {{0, 0, ReadBase::File, 8}})));
  EXPECT_FALSE(decodes(encode({site(0, 0, 1)}, {})));
  EXPECT_FALSE(decodes(encode({site(0, 0, -2)}, {})));
}

TEST(Plan, AReadMayStartOnlyFromAnEarlierOne) {
  EXPECT_TRUE(decodes(encode({site(0, 2)}, {{0, 0, ReadBase::File, 8}, {0, 0, ReadBase::Read, 8}})));
  EXPECT_FALSE(decodes(encode({site(0, 2)}, {{0, 0, ReadBase::File, 8}, {1, 0, ReadBase::Read, 8}})));
}

TEST(Plan, RefusesAReadThatIsTooLong) {
  EXPECT_FALSE(decodes(encode({site(0, 1)}, {{0, 0, ReadBase::File, UINT32_MAX}})));
}

}  // namespace
}  // namespace premain
