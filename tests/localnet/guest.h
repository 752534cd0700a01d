// Packets of a guest, made and judged by hand, for tests of the way out.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "ip_packet.h"

namespace mix::localnet::test {

inline constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16;
inline constexpr std::uint8_t kProtoIcmp = 1, kProtoTcp = 6, kProtoUdp = 17, kProtoIcmp6 = 58;

/// An IP header in front of `transport`, whose checksum at `sum_at` is filled in.
inline base::Bytes ip_packet(const IpAddress& from, const IpAddress& to, std::uint8_t protocol,
                             base::Bytes transport, std::size_t sum_at) {
  const bool pseudo = protocol != kProtoIcmp;
  const std::uint16_t sum =
      checksum(transport, pseudo ? pseudo_header_sum(from, to, protocol, transport.size()) : 0);
  transport.at(sum_at) = static_cast<std::uint8_t>(sum >> 8);
  transport.at(sum_at + 1) = static_cast<std::uint8_t>(sum);
  base::Writer out;
  if (from.family == Family::kV4) {
    base::Writer head;
    const auto write_head = [&](std::uint16_t head_sum) {
      base::Writer w;
      w.u16be(0x4500).u16be(static_cast<std::uint16_t>(20 + transport.size())).u32be(0x4000);
      w.u8(64).u8(protocol).u16be(head_sum).bytes(from.view()).bytes(to.view());
      return w.take();
    };
    out.bytes(write_head(checksum(write_head(0))));
  } else {
    out.u32be(0x60000000).u16be(static_cast<std::uint16_t>(transport.size())).u8(protocol).u8(64);
    out.bytes(from.view()).bytes(to.view());
  }
  out.bytes(transport);
  return out.take();
}

inline base::Bytes udp_packet(const IpEndpoint& from, const IpEndpoint& to,
                              std::string_view payload) {
  base::Writer out;
  out.u16be(from.port).u16be(to.port).u16be(static_cast<std::uint16_t>(8 + payload.size()));
  out.u16be(0).bytes(base::as_bytes(payload));
  return ip_packet(from.address, to.address, kProtoUdp, out.take(), 6);
}

inline base::Bytes tcp_packet(const IpEndpoint& from, const IpEndpoint& to, std::uint8_t flags,
                              std::uint32_t sequence, std::uint32_t ack,
                              std::string_view payload = {}) {
  base::Writer out;
  out.u16be(from.port).u16be(to.port).u32be(sequence).u32be(ack).u8(0x50).u8(flags);
  out.u16be(65535).u32be(0).bytes(base::as_bytes(payload));
  return ip_packet(from.address, to.address, kProtoTcp, out.take(), 16);
}

inline base::Bytes echo_packet(const IpAddress& from, const IpAddress& to, std::uint16_t id,
                               std::uint16_t sequence, std::string_view payload) {
  const bool v4 = from.family == Family::kV4;
  base::Writer out;
  out.u8(v4 ? kIcmpEchoRequest : kIcmp6EchoRequest).u8(0).u16be(0).u16be(id).u16be(sequence);
  out.bytes(base::as_bytes(payload));
  return ip_packet(from, to, v4 ? kProtoIcmp : kProtoIcmp6, out.take(), 2);
}

/// A received packet with its transport header's fields and payload.
struct Got {
  IpPacket packet;
  std::uint32_t sequence = 0, ack = 0;  // TCP
  std::uint8_t flags = 0;
  std::string payload;
};

/// Checks every checksum on the way.
inline Got dissect(base::ByteView bytes) {
  Got got;
  const auto packet = parse_ip_packet(bytes);
  EXPECT_TRUE(packet.has_value());
  if (!packet) return got;
  got.packet = *packet;
  const bool v4 = packet->source.family == Family::kV4;
  if (v4) EXPECT_EQ(checksum(bytes.first(packet->transport_at)), 0) << "IP header checksum";
  const base::ByteView transport =
      bytes.subspan(packet->transport_at, packet->size - packet->transport_at);
  const auto pseudo = [&](std::uint8_t protocol) {
    return pseudo_header_sum(packet->source, packet->destination, protocol, transport.size());
  };
  std::size_t head = 8;
  switch (packet->transport) {
    case Transport::kTcp: {
      EXPECT_EQ(checksum(transport, pseudo(kProtoTcp)), 0) << "TCP checksum";
      base::Reader in{transport.subspan(4)};
      got.sequence = in.u32be().value();
      got.ack = in.u32be().value();
      head = std::size_t{4} * (in.u8().value() >> 4);
      got.flags = in.u8().value();
      break;
    }
    case Transport::kUdp: {
      const bool has_sum = transport[6] != 0 || transport[7] != 0;
      EXPECT_TRUE(has_sum || v4);
      if (has_sum) EXPECT_EQ(checksum(transport, pseudo(kProtoUdp)), 0) << "UDP checksum";
      break;
    }
    case Transport::kIcmp:
      EXPECT_EQ(checksum(transport, v4 ? 0 : pseudo(kProtoIcmp6)), 0) << "ICMP checksum";
      break;
    case Transport::kOther:
      break;
  }
  got.payload = base::to_string(transport.subspan(std::min(head, transport.size())));
  return got;
}

}  // namespace mix::localnet::test
