// IP packets as the exit looks at them: who, where to, which transport. No options are judged.
#pragma once

#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/localnet/ip.h"

namespace mix::localnet {

enum class Transport : std::uint8_t { kTcp, kUdp, kIcmp, kOther };

/// Offsets count from the start of the packet.
struct IpPacket {
  IpAddress source, destination;
  Transport transport = Transport::kOther;
  /// TCP and UDP; of ICMP echo both are the identifier; else 0.
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t icmp_type = 0;
  /// Where the transport header begins, and where the packet ends by its own account.
  std::size_t transport_at = 0, size = 0;
  /// A later fragment has no transport header.
  bool later_fragment = false;
  bool more_fragments = false;
  std::uint32_t fragment_id = 0;
};

inline constexpr std::size_t kIpv4HeaderSize = 20;  // without options
inline constexpr std::size_t kIpv6HeaderSize = 40;
inline constexpr std::uint8_t kIcmpEchoRequest = 8, kIcmpEchoReply = 0, kIcmpUnreachable = 3,
                              kIcmpTimeExceeded = 11, kIcmpParameterProblem = 12;
inline constexpr std::uint8_t kIcmp6EchoRequest = 128, kIcmp6EchoReply = 129, kIcmp6LastError = 127,
                              kIcmp6Unreachable = 1;

/// Strict about lengths. IPv6 extension headers are skipped.
/// Errors: `ipr_malformed`, `base_truncated`.
[[nodiscard]] base::Result<IpPacket> parse_ip_packet(base::ByteView bytes);
/// The packet that an ICMP error quotes, which may be cut anywhere behind its ports.
[[nodiscard]] base::Result<IpPacket> parse_quoted_packet(base::ByteView bytes);
[[nodiscard]] bool is_icmp_error(const IpPacket& packet);
[[nodiscard]] bool is_icmp_echo(const IpPacket& packet);

/// Ones' complement arithmetic of RFC 1071 and RFC 1624.
[[nodiscard]] std::uint16_t checksum(base::ByteView bytes, std::uint32_t sum = 0);
/// Sum of the pseudo header, to begin `checksum` with.
[[nodiscard]] std::uint32_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination,
                                              std::uint8_t protocol, std::size_t transport_size);

}  // namespace mix::localnet
