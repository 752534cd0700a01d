#include "ip_packet.h"

#include <array>

namespace mix::net {
namespace {

using base::ByteView;
using base::MutByteView;
using base::Reader;
using base::Result;

// Protocol numbers (IANA) and header layouts of RFC 791, 8200, 9293, 792 and 4443.
constexpr std::uint8_t kProtoHopByHop = 0;
constexpr std::uint8_t kProtoIcmp4 = 1;
constexpr std::uint8_t kProtoTcp = 6;
constexpr std::uint8_t kProtoRouting = 43;
constexpr std::uint8_t kProtoFragment = 44;
constexpr std::uint8_t kProtoIcmp6 = 58;
constexpr std::uint8_t kProtoDestination = 60;

constexpr std::size_t kIpv4HeaderSize = 20;
constexpr std::size_t kTcpHeaderSize = 20;
constexpr std::size_t kIdentificationAt = 4;
constexpr std::size_t kIpv4ChecksumAt = 10;
constexpr std::size_t kTcpChecksumAt = 16;

constexpr std::uint16_t kMoreFragments = 0x2000;
constexpr std::uint16_t kFragmentOffset = 0x1fff;

constexpr std::uint8_t kTcpFin = 0x01;
constexpr std::uint8_t kTcpSyn = 0x02;
constexpr std::uint8_t kTcpAck = 0x10;
constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNop = 1;
constexpr std::uint8_t kOptionSelective = 5;
constexpr std::uint8_t kOptionTimestamp = 8;

constexpr std::uint8_t kIcmp4Unreachable = 3;
constexpr std::uint8_t kIcmp4ProtocolUnreachable = 2;
constexpr std::uint8_t kIcmp4PortUnreachable = 3;
constexpr std::uint8_t kIcmp4FragmentationNeeded = 4;
constexpr std::uint8_t kIcmp6Unreachable = 1;
constexpr std::uint8_t kIcmp6PortUnreachable = 4;
constexpr std::uint8_t kFirstNeighbourDiscovery = 133;  // router solicitation
constexpr std::uint8_t kLastNeighbourDiscovery = 137;   // redirect

struct Header {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;
  bool is_fragment = false;
};

Result<void> skip(Reader& reader, std::size_t n) {
  MIX_TRY(const ByteView skipped, reader.bytes(n));
  (void)skipped;
  return {};
}

// Moves the reader behind the IP header (IPv6: behind the fixed one only).
Result<Header> read_header(Reader& reader) {
  Header out;
  MIX_TRY(const std::uint8_t first, reader.u8());
  if (first >> 4 == 4) {
    const std::size_t size = static_cast<std::size_t>(first & 0x0f) * 4;
    if (size < kIpv4HeaderSize) return base::Errc::base_truncated;
    MIX_CHECK(skip(reader, 5));  // service, length, identification
    MIX_TRY(const std::uint16_t fragment, reader.u16be());
    out.is_fragment = (fragment & (kMoreFragments | kFragmentOffset)) != 0;
    MIX_CHECK(skip(reader, 1));  // time to live
    MIX_TRY(out.protocol, reader.u8());
    MIX_CHECK(skip(reader, 2));  // checksum
    MIX_TRY(const auto source, reader.fixed<4>());
    MIX_TRY(const auto destination, reader.fixed<4>());
    MIX_CHECK(skip(reader, size - kIpv4HeaderSize));
    out.source = Ipv4{source};
    out.destination = Ipv4{destination};
    return out;
  }
  if (first >> 4 == 6) {
    MIX_CHECK(skip(reader, 5));  // class, flow label, length
    MIX_TRY(out.protocol, reader.u8());
    MIX_CHECK(skip(reader, 1));  // hop limit
    MIX_TRY(const auto source, reader.fixed<16>());
    MIX_TRY(const auto destination, reader.fixed<16>());
    out.source = Ipv6{source};
    out.destination = Ipv6{destination};
    return out;
  }
  return base::Errc::base_truncated;
}

// The packet that an ICMP error quotes: header and the first eight bytes of TCP.
Result<IcmpError> read_quoted(Reader& reader, IcmpVerdict verdict) {
  MIX_TRY(const Header header, read_header(reader));
  if (header.protocol != kProtoTcp || header.is_fragment) return base::Errc::base_truncated;
  IcmpError out;
  out.verdict = verdict;
  MIX_TRY(out.local_port, reader.u16be());
  MIX_TRY(const std::uint16_t remote_port, reader.u16be());
  MIX_TRY(out.sequence, reader.u32be());
  out.remote = Endpoint{header.destination, remote_port};
  return out;
}

std::optional<IcmpVerdict> verdict_of(std::uint8_t protocol, std::uint8_t type, std::uint8_t code) {
  if (protocol == kProtoIcmp4 && type == kIcmp4Unreachable && code != kIcmp4FragmentationNeeded) {
    const bool is_refusal = code == kIcmp4PortUnreachable || code == kIcmp4ProtocolUnreachable;
    return is_refusal ? IcmpVerdict::kRefused : IcmpVerdict::kUnreachable;
  }
  if (protocol == kProtoIcmp6 && type == kIcmp6Unreachable) {
    return code == kIcmp6PortUnreachable ? IcmpVerdict::kRefused : IcmpVerdict::kUnreachable;
  }
  return std::nullopt;
}

Result<IncomingPacket> inspect_checked(ByteView packet) {
  Reader reader(packet);
  IncomingPacket out;
  MIX_TRY(const Header header, read_header(reader));
  // An extension header may hide a fragment header: the timer then runs in vain once.
  out.is_fragment = header.is_fragment || header.protocol == kProtoFragment;
  if (std::holds_alternative<Ipv6>(header.source)) {
    out.is_fragment = out.is_fragment || header.protocol == kProtoHopByHop ||
                      header.protocol == kProtoRouting || header.protocol == kProtoDestination;
  }
  if (out.is_fragment || (header.protocol != kProtoIcmp4 && header.protocol != kProtoIcmp6)) {
    return out;
  }
  MIX_TRY(const std::uint8_t type, reader.u8());
  MIX_TRY(const std::uint8_t code, reader.u8());
  if (header.protocol == kProtoIcmp6 && type >= kFirstNeighbourDiscovery &&
      type <= kLastNeighbourDiscovery) {
    out.drop = true;
    return out;
  }
  const auto verdict = verdict_of(header.protocol, type, code);
  if (!verdict) return out;
  MIX_CHECK(skip(reader, 6));  // checksum, unused
  // A quotation that cannot be read tells nothing, but the packet itself may still be sound.
  if (auto quoted = read_quoted(reader, *verdict); quoted.has_value()) {
    out.error = *std::move(quoted);
  }
  return out;
}

std::uint16_t get_u16be(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>((bytes[at] << 8) | bytes[at + 1]);
}

void put_u16be(MutByteView bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value & 0xff);
}

// Sets a 16-bit word and corrects the Internet checksum that covers it (RFC 1624 eqn. 3).
void replace_word(MutByteView bytes, std::size_t at, std::uint16_t value, std::size_t checksum_at) {
  const std::uint16_t old = get_u16be(bytes, at);
  const std::uint16_t checksum = get_u16be(bytes, checksum_at);
  std::uint32_t sum = static_cast<std::uint16_t>(~checksum);
  sum += static_cast<std::uint16_t>(~old);
  sum += value;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  put_u16be(bytes, at, value);
  put_u16be(bytes, checksum_at, static_cast<std::uint16_t>(~sum));
}

struct Options {
  std::size_t timestamp_at = 0;  // its value, within the options; 0: none
  bool has_selective = false;
};

Result<Options> read_options(ByteView options) {
  Options out;
  Reader reader(options);
  while (!reader.empty()) {
    const std::size_t at = options.size() - reader.remaining();
    MIX_TRY(const std::uint8_t kind, reader.u8());
    if (kind == kOptionEnd) break;
    if (kind == kOptionNop) continue;
    MIX_TRY(const std::uint8_t size, reader.u8());
    if (size < 2) break;
    if (kind == kOptionTimestamp) out.timestamp_at = at + 2;
    if (kind == kOptionSelective) out.has_selective = true;
    MIX_CHECK(skip(reader, size - std::size_t{2}));
  }
  return out;
}

Result<OutgoingSegment> read_segment(ByteView packet) {
  Reader reader(packet);
  MIX_TRY(const Header header, read_header(reader));
  if (header.protocol != kProtoTcp || header.is_fragment) return base::Errc::base_truncated;
  const std::size_t tcp_at = packet.size() - reader.remaining();
  OutgoingSegment out;
  MIX_TRY(out.local_port, reader.u16be());
  MIX_TRY(const std::uint16_t remote_port, reader.u16be());
  MIX_TRY(out.sequence, reader.u32be());
  MIX_TRY(out.acknowledged, reader.u32be());
  MIX_TRY(const std::uint8_t offset, reader.u8());
  MIX_TRY(const std::uint8_t flags, reader.u8());
  MIX_CHECK(skip(reader, 6));  // window, checksum, urgent pointer
  const std::size_t header_size = static_cast<std::size_t>(offset >> 4) * 4;
  if (header_size < kTcpHeaderSize) return base::Errc::base_truncated;
  MIX_TRY(const ByteView options, reader.bytes(header_size - kTcpHeaderSize));
  out.remote = Endpoint{header.destination, remote_port};
  out.takes_sequence_space = !reader.empty() || (flags & (kTcpSyn | kTcpFin)) != 0;
  out.is_pure_acknowledgement = reader.empty() && flags == kTcpAck;
  out.checksum_at = tcp_at + kTcpChecksumAt;
  MIX_TRY(const Options read, read_options(options));
  if (read.timestamp_at != 0) out.timestamp_at = tcp_at + kTcpHeaderSize + read.timestamp_at;
  out.has_selective = read.has_selective;
  return out;
}

}  // namespace

IncomingPacket inspect(ByteView packet) {
  auto out = inspect_checked(packet);
  return out ? *std::move(out) : IncomingPacket{};
}

std::optional<OutgoingSegment> parse_outgoing_segment(ByteView packet) {
  auto out = read_segment(packet);
  if (!out) return std::nullopt;
  return *std::move(out);
}

void shift_timestamp(MutByteView packet, const OutgoingSegment& segment, std::uint32_t offset) {
  const std::size_t at = segment.timestamp_at;
  // lwIP pads the option to an even place, which the word-wise checksum needs.
  if (at == 0 || at % 2 != 0 || at + 4 > packet.size()) return;
  const std::uint32_t value =
      (static_cast<std::uint32_t>(get_u16be(packet, at)) << 16 | get_u16be(packet, at + 2)) +
      offset;
  replace_word(packet, at, static_cast<std::uint16_t>(value >> 16), segment.checksum_at);
  replace_word(packet, at + 2, static_cast<std::uint16_t>(value & 0xffff), segment.checksum_at);
}

void set_identification(MutByteView packet, std::uint16_t identification) {
  if (packet.size() < kIpv4HeaderSize || packet[0] >> 4 != 4) return;
  if ((get_u16be(packet, 6) & (kMoreFragments | kFragmentOffset)) != 0) return;
  replace_word(packet, kIdentificationAt, identification, kIpv4ChecksumAt);
}

}  // namespace mix::net
