// Bytes that JavaScript hands over as a plan: what is decoded points nowhere outside, and is those bytes.
#include "session/plan.h"

#include "fuzz.h"

using premain::must;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto plan = premain::Plan::decode(data, size);
  if (!plan) return 0;
  const size_t sites = plan->sites.size() * sizeof(plan->sites[0]);
  const size_t reads = plan->reads.size() * sizeof(plan->reads[0]);
  must(size == sizeof plan->header + sites + reads);
  must(sites == 0 || memcmp(plan->sites.data(), data + sizeof plan->header, sites) == 0);
  must(reads == 0 || memcmp(plan->reads.data(), data + sizeof plan->header + sites, reads) == 0);
  for (const auto& site : plan->sites) {
    must(site.arm_return == -1 || static_cast<size_t>(site.arm_return) < plan->sites.size());
    must(uint64_t{site.first_read} + site.read_count <= plan->reads.size());
    for (uint32_t i = 0; i < site.read_count; i++) {
      const auto& read = plan->reads[site.first_read + i];
      must(read.base != premain::wire::ReadBase::Read || read.value < i);
      must(read.length <= 1 << 20);
    }
  }
  return 0;
}
