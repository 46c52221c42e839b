// A stop plan as the tracer holds it, decoded from its byte form (wire.h) and checked: no index points outside.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "wire.h"

namespace premain {

struct Plan {
  wire::WirePlan header{};
  std::vector<wire::WireSite> sites;
  std::vector<wire::WireRead> reads;

  bool has(wire::PlanFlags flag) const { return (header.flags & flag) != 0; }
  // Nothing when the bytes are not a plan.
  static std::optional<Plan> decode(const uint8_t* bytes, size_t length);
};

}  // namespace premain
