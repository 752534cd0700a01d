// What the stack looks at in a TCP segment before lwIP acts on it.
#pragma once

#include <cstdint>
#include <optional>

#include "lwip.h"
#include "mix/base/bytes.h"

namespace mix::net {

struct SegmentCheck {
  bool is_acceptable = true;
  std::optional<std::uint32_t> echoed_timestamp;  // ours, as the peer repeats it
};

/// Numbers in `header` are in host order. Refuses what would break lwIP's own invariants: it takes
/// a segment size from any segment, though only a SYN may tell one, and in SYN-SENT it takes
/// options before it checks the number.
[[nodiscard]] SegmentCheck check_segment(const tcp_pcb& pcb, const tcp_hdr& header,
                                         base::ByteView options);

}  // namespace mix::net
