// TCP segments as bytes: header, the options that matter here, payload. RFC 9293, 7323, 2018.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ip_packet.h"

namespace mix::localnet {

struct TcpFlags {
  bool fin = false, syn = false, rst = false, psh = false, ack = false;
  friend bool operator==(const TcpFlags&, const TcpFlags&) = default;
};

struct TcpTimestamps {
  std::uint32_t value = 0, echo = 0;
  friend bool operator==(const TcpTimestamps&, const TcpTimestamps&) = default;
};

/// Half-open range of sequence numbers.
struct SackBlock {
  std::uint32_t begin = 0, end = 0;
  friend bool operator==(const SackBlock&, const SackBlock&) = default;
};

struct TcpSegment {
  IpEndpoint from, to;
  std::uint32_t sequence = 0, acknowledged = 0;
  TcpFlags flags;
  std::uint16_t window = 0;  // as written, not scaled
  // Options; the first three on SYN only.
  std::optional<std::uint16_t> max_segment;
  std::optional<std::uint8_t> window_shift;
  bool sack_permitted = false;
  std::optional<TcpTimestamps> timestamps;
  std::vector<SackBlock> sack;
  base::ByteView payload;  // points into what it was parsed from
};

/// `bytes` is a whole IP packet of which `packet` was parsed.
/// Errors: `ipr_malformed` (a bad checksum among others), `base_truncated`.
[[nodiscard]] base::Result<TcpSegment> parse_tcp_segment(base::ByteView bytes,
                                                         const IpPacket& packet);
/// A whole IP packet.
[[nodiscard]] base::Bytes encode(const TcpSegment& segment);

}  // namespace mix::localnet
