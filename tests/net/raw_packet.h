// IP packets made and read by hand, for tests of what a peer could send but lwIP never would.
#pragma once

#include <cstdint>
#include <variant>

#include "mix/base/bytes.h"
#include "mix/net/address.h"

namespace mix::test {

inline constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16;

[[nodiscard]] inline std::uint16_t internet_checksum(base::ByteView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(bytes[i]) << 8 : bytes[i];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

/// A packet of the protocol over the addresses' family. `checksum_at`: where the payload's own
/// checksum lies, computed here over the pseudo header.
[[nodiscard]] inline base::Bytes ip_packet(const net::IpAddress& from, const net::IpAddress& to,
                                           std::uint8_t protocol, base::Bytes payload,
                                           std::size_t checksum_at) {
  const auto octets = [](const net::IpAddress& address) {
    return std::visit([](const auto& a) { return base::to_bytes(a.octets); }, address);
  };
  const auto size = static_cast<std::uint16_t>(payload.size());
  base::Writer pseudo;
  if (protocol != 1) {  // ICMP for IPv4 has none
    pseudo.bytes(octets(from)).bytes(octets(to)).u32be(size).u32be(protocol);
  }
  pseudo.bytes(payload);
  const std::uint16_t sum = internet_checksum(pseudo.view());
  payload[checksum_at] = static_cast<std::uint8_t>(sum >> 8);
  payload[checksum_at + 1] = static_cast<std::uint8_t>(sum & 0xff);

  base::Writer out;
  if (std::holds_alternative<net::Ipv4>(from)) {
    base::Writer head;
    head.u16be(0x4500).u16be(static_cast<std::uint16_t>(20 + size)).u32be(0);
    head.u8(64).u8(protocol).u16be(0).bytes(octets(from)).bytes(octets(to));
    const std::uint16_t head_sum = internet_checksum(head.view());
    base::Bytes bytes = head.take();
    bytes[10] = static_cast<std::uint8_t>(head_sum >> 8);
    bytes[11] = static_cast<std::uint8_t>(head_sum & 0xff);
    out.bytes(bytes);
  } else {
    out.u32be(0x60000000).u16be(size).u8(protocol).u8(64).bytes(octets(from)).bytes(octets(to));
  }
  out.bytes(payload);
  return out.take();
}

struct TcpSegment {
  net::Endpoint from, to;
  std::uint32_t sequence = 0, acknowledged = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 65535;
  base::Bytes options;  // a multiple of four bytes
  base::Bytes payload;
};

[[nodiscard]] inline base::Bytes encode(const TcpSegment& segment) {
  base::Writer out;
  out.u16be(segment.from.port).u16be(segment.to.port);
  out.u32be(segment.sequence).u32be(segment.acknowledged);
  out.u8(static_cast<std::uint8_t>((5 + segment.options.size() / 4) << 4)).u8(segment.flags);
  out.u16be(segment.window).u32be(0).bytes(segment.options).bytes(segment.payload);
  return ip_packet(segment.from.address, segment.to.address, 6, out.take(), 16);
}

/// Reads what the stack sent. Panics when it is not TCP.
[[nodiscard]] inline TcpSegment decode_tcp(base::ByteView packet) {
  const auto read = [&]() -> base::Result<TcpSegment> {
    base::Reader reader(packet);
    TcpSegment out;
    MIX_TRY(const std::uint8_t first, reader.u8());
    if (first == 0x45) {
      MIX_TRY(const auto rest, reader.bytes(11));
      if (rest[8] != 6) return base::Errc::base_truncated;
      MIX_TRY(const auto from, reader.fixed<4>());
      MIX_TRY(const auto to, reader.fixed<4>());
      out.from.address = net::Ipv4{from};
      out.to.address = net::Ipv4{to};
    } else {
      MIX_TRY(const auto rest, reader.bytes(7));
      if (rest[5] != 6) return base::Errc::base_truncated;
      MIX_TRY(const auto from, reader.fixed<16>());
      MIX_TRY(const auto to, reader.fixed<16>());
      out.from.address = net::Ipv6{from};
      out.to.address = net::Ipv6{to};
    }
    MIX_TRY(out.from.port, reader.u16be());
    MIX_TRY(out.to.port, reader.u16be());
    MIX_TRY(out.sequence, reader.u32be());
    MIX_TRY(out.acknowledged, reader.u32be());
    MIX_TRY(const std::uint8_t offset, reader.u8());
    MIX_TRY(out.flags, reader.u8());
    MIX_TRY(out.window, reader.u16be());
    MIX_TRY(const auto checksum_and_urgent, reader.bytes(4));
    (void)checksum_and_urgent;
    MIX_TRY(const auto options, reader.bytes((offset >> 4) * std::size_t{4} - 20));
    out.options = base::to_bytes(options);
    out.payload = base::to_bytes(reader.rest());
    return out;
  };
  return read().value();
}

}  // namespace mix::test
