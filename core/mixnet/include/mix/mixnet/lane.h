// Queue classes of outgoing traffic. They decide order, never route or size.
// spec: messages §10.4.
#pragma once

#include <cstdint>

namespace mix::mixnet {

enum class LaneKind : std::uint8_t {
  kGeneral,
  kConnection,
  kReplySurbRequest,
  kAdditionalReplySurbs,
  kRetransmission,
};

struct Lane {
  LaneKind kind = LaneKind::kGeneral;
  std::uint64_t connection = 0;  // for kConnection

  friend bool operator==(const Lane&, const Lane&) = default;
  friend bool operator<(const Lane& a, const Lane& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.connection < b.connection;
  }
};

}  // namespace mix::mixnet
