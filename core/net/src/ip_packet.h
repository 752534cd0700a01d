// What the stack reads and alters in raw IP packets before lwIP sees them and after it made them.
//
// Inbound: neighbour discovery has no place on a link without neighbours, fragments need a timer,
// and ICMP errors about a SYN end a connect early (lwIP ignores them). Outbound: fields in which
// lwIP counts something global would let destinations recognise one client behind the exit.
#pragma once

#include <cstdint>
#include <optional>

#include "mix/base/bytes.h"
#include "mix/net/address.h"

namespace mix::net {

enum class IcmpVerdict : std::uint8_t { kRefused, kUnreachable };

/// An ICMP "destination unreachable" that quotes a TCP segment of ours.
struct IcmpError {
  Endpoint remote;
  std::uint16_t local_port = 0;
  std::uint32_t sequence = 0;  // of the quoted segment
  IcmpVerdict verdict = IcmpVerdict::kUnreachable;
};

struct IncomingPacket {
  bool drop = false;         // not for lwIP
  bool is_fragment = false;  // lwIP will hold it for a while
  std::optional<IcmpError> error;
};

/// Looks at a packet from the exit. Malformed ones are left to lwIP, which drops them.
[[nodiscard]] IncomingPacket inspect(base::ByteView packet);

/// A TCP segment as lwIP built it: no extension headers, no fragments.
struct OutgoingSegment {
  Endpoint remote;
  std::uint16_t local_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledged = 0;
  bool takes_sequence_space = false;     // carries data, SYN or FIN
  bool is_pure_acknowledgement = false;  // nothing but that
  bool has_selective = false;            // lists what arrived out of order (RFC 2018)
  std::size_t checksum_at = 0;           // offsets into the packet
  std::size_t timestamp_at = 0;          // value of the timestamp option; 0: none
};

[[nodiscard]] std::optional<OutgoingSegment> parse_outgoing_segment(base::ByteView packet);

/// Adds `offset` to the timestamp of the segment and corrects its checksum.
void shift_timestamp(base::MutByteView packet, const OutgoingSegment& segment,
                     std::uint32_t offset);

/// Replaces the identification of an unfragmented IPv4 packet, which means nothing there
/// (RFC 6864), and corrects the header checksum. Other packets are left alone.
void set_identification(base::MutByteView packet, std::uint16_t identification);

}  // namespace mix::net
