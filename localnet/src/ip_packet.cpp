#include "ip_packet.h"

#include <algorithm>

namespace mix::localnet {

using base::ByteView;
using base::Errc;
using base::Reader;
using base::Result;

namespace {

// Protocol numbers of IANA.
constexpr std::uint8_t kHopByHop = 0, kIcmp = 1, kTcp = 6, kUdp = 17, kRouting = 43, kFragment = 44,
                       kIcmp6 = 58, kDestinationOptions = 60;

enum class Completeness : std::uint8_t { kWhole, kQuoted };

Result<void> read_transport(Reader in, std::uint8_t protocol, IpPacket& out) {
  const bool v6 = out.destination.family == Family::kV6;
  if (protocol == kTcp || protocol == kUdp) {
    MIX_TRY(out.source_port, in.u16be());
    MIX_TRY(out.destination_port, in.u16be());
    out.transport = protocol == kTcp ? Transport::kTcp : Transport::kUdp;
  } else if (protocol == (v6 ? kIcmp6 : kIcmp)) {
    MIX_TRY(out.icmp_type, in.u8());
    out.transport = Transport::kIcmp;
    if (is_icmp_echo(out)) {
      MIX_TRY([[maybe_unused]] const auto code_and_checksum, in.bytes(3));
      MIX_TRY(out.source_port, in.u16be());
      out.destination_port = out.source_port;
    }
  }
  return {};
}

Result<IpPacket> parse_v4(ByteView bytes, Completeness completeness) {
  constexpr std::uint16_t kMoreFragments = 0x2000, kOffsetMask = 0x1fff;
  Reader in{bytes};
  MIX_TRY(const std::uint8_t first, in.u8());
  const std::size_t header_size = std::size_t{4} * (first & 0xf);
  MIX_TRY([[maybe_unused]] const auto service, in.u8());
  IpPacket out;
  MIX_TRY(out.size, in.u16be());
  MIX_TRY(out.fragment_id, in.u16be());
  MIX_TRY(const std::uint16_t fragment, in.u16be());
  MIX_TRY([[maybe_unused]] const auto ttl, in.u8());
  MIX_TRY(const std::uint8_t protocol, in.u8());
  MIX_TRY([[maybe_unused]] const auto sum, in.u16be());
  MIX_TRY(const ByteView source, in.bytes(4));
  MIX_TRY(const ByteView destination, in.bytes(4));
  if (header_size < kIpv4HeaderSize || out.size < header_size) return Errc::ipr_malformed;
  if (completeness == Completeness::kQuoted) out.size = std::min(out.size, bytes.size());
  if (out.size > bytes.size() || header_size > out.size) return Errc::base_truncated;
  out.source = IpAddress::v4(source);
  out.destination = IpAddress::v4(destination);
  out.transport_at = header_size;
  out.more_fragments = (fragment & kMoreFragments) != 0;
  out.later_fragment = (fragment & kOffsetMask) != 0;
  if (!out.later_fragment) {
    MIX_CHECK(
        read_transport(Reader{bytes.subspan(header_size, out.size - header_size)}, protocol, out));
  }
  return out;
}

Result<IpPacket> parse_v6(ByteView bytes, Completeness completeness) {
  Reader in{bytes};
  MIX_TRY([[maybe_unused]] const auto version_and_flow, in.u32be());
  MIX_TRY(const std::uint16_t payload_size, in.u16be());
  MIX_TRY(std::uint8_t next, in.u8());
  MIX_TRY([[maybe_unused]] const auto hop_limit, in.u8());
  MIX_TRY(const ByteView source, in.bytes(16));
  MIX_TRY(const ByteView destination, in.bytes(16));
  IpPacket out;
  out.source = IpAddress::v6(source);
  out.destination = IpAddress::v6(destination);
  out.size = kIpv6HeaderSize + payload_size;
  if (completeness == Completeness::kQuoted) out.size = std::min(out.size, bytes.size());
  if (out.size > bytes.size()) return Errc::base_truncated;
  Reader rest{bytes.subspan(kIpv6HeaderSize, out.size - kIpv6HeaderSize)};
  while (next == kHopByHop || next == kRouting || next == kDestinationOptions ||
         next == kFragment) {
    const std::uint8_t kind = next;
    MIX_TRY(next, rest.u8());
    MIX_TRY(const std::uint8_t length, rest.u8());
    if (kind == kFragment) {
      MIX_TRY(const std::uint16_t offset_and_more, rest.u16be());
      MIX_TRY(out.fragment_id, rest.u32be());
      out.later_fragment = (offset_and_more & 0xfff8) != 0;
      out.more_fragments = (offset_and_more & 1) != 0;
      if (out.later_fragment) break;
    } else {
      MIX_TRY([[maybe_unused]] const ByteView options, rest.bytes(6 + std::size_t{8} * length));
    }
  }
  out.transport_at = out.size - rest.remaining();
  if (!out.later_fragment) MIX_CHECK(read_transport(rest, next, out));
  return out;
}

Result<IpPacket> parse(ByteView bytes, Completeness completeness) {
  if (bytes.empty()) return Errc::base_truncated;
  switch (bytes[0] >> 4) {
    case 4:
      return parse_v4(bytes, completeness);
    case 6:
      return parse_v6(bytes, completeness);
    default:
      return Errc::ipr_malformed;
  }
}

}  // namespace

Result<IpPacket> parse_ip_packet(ByteView bytes) { return parse(bytes, Completeness::kWhole); }

Result<IpPacket> parse_quoted_packet(ByteView bytes) { return parse(bytes, Completeness::kQuoted); }

bool is_icmp_error(const IpPacket& packet) {
  if (packet.transport != Transport::kIcmp) return false;
  if (packet.destination.family == Family::kV6) return packet.icmp_type <= kIcmp6LastError;
  return packet.icmp_type == kIcmpUnreachable || packet.icmp_type == kIcmpTimeExceeded ||
         packet.icmp_type == kIcmpParameterProblem;
}

bool is_icmp_echo(const IpPacket& packet) {
  if (packet.transport != Transport::kIcmp) return false;
  if (packet.destination.family == Family::kV6) {
    return packet.icmp_type == kIcmp6EchoRequest || packet.icmp_type == kIcmp6EchoReply;
  }
  return packet.icmp_type == kIcmpEchoRequest || packet.icmp_type == kIcmpEchoReply;
}

std::uint16_t checksum(ByteView bytes, std::uint32_t sum) {
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    sum += static_cast<std::uint32_t>(bytes[at]) << 8;
    if (at + 1 < bytes.size()) sum += bytes[at + 1];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::uint32_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination,
                                std::uint8_t protocol, std::size_t transport_size) {
  base::Writer words;
  words.bytes(source.view()).bytes(destination.view());
  words.u32be(static_cast<std::uint32_t>(transport_size)).u32be(protocol);
  // checksum() complements; the sum itself is wanted here.
  return static_cast<std::uint16_t>(~checksum(words.view()));
}

}  // namespace mix::localnet
