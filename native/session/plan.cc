#include "plan.h"

#include <cstring>

namespace premain {

namespace {

bool consistent(const Plan& plan) {
  for (const wire::WireSite& site : plan.sites) {
    if (site.first_read > plan.reads.size() || site.read_count > plan.reads.size() - site.first_read) return false;
    if (site.arm_return < -1 || site.arm_return >= static_cast<int64_t>(plan.sites.size())) return false;
    for (uint32_t i = 0; i < site.read_count; i++) {
      const wire::WireRead& read = plan.reads[site.first_read + i];
      if (read.length > (1u << 20)) return false;
      if (read.base == wire::ReadBase::Read && read.value >= i) return false;
    }
  }
  return true;
}

}  // namespace

std::optional<Plan> Plan::decode(const uint8_t* bytes, size_t length) {
  Plan plan;
  if (length < sizeof plan.header) return std::nullopt;
  memcpy(&plan.header, bytes, sizeof plan.header);
  const size_t sites = size_t{plan.header.sites} * sizeof(wire::WireSite);
  const size_t reads = size_t{plan.header.reads} * sizeof(wire::WireRead);
  if (plan.header.magic != wire::kMagic || length != sizeof plan.header + sites + reads) return std::nullopt;
  plan.sites.resize(plan.header.sites);
  plan.reads.resize(plan.header.reads);
  if (sites > 0) memcpy(plan.sites.data(), bytes + sizeof plan.header, sites);
  if (reads > 0) memcpy(plan.reads.data(), bytes + sizeof plan.header + sites, reads);
  if (!consistent(plan)) return std::nullopt;
  return plan;
}

}  // namespace premain
