#include "ip_packet.h"

#include <gtest/gtest.h>

#include "flow_table.h"
#include "guest.h"

namespace mix::localnet {
namespace {

using base::Bytes;
using base::ByteView;

IpEndpoint to(const char* text) { return IpEndpoint::parse(text).value(); }

std::vector<Bytes> samples() {
  return {
      test::tcp_packet(to("10.0.0.9:5000"), to("1.2.3.4:80"), test::kSyn, 1, 0),
      test::udp_packet(to("10.0.0.9:5000"), to("1.2.3.4:53"), "query"),
      test::echo_packet(to("10.0.0.9:0").address, to("1.2.3.4:0").address, 7, 1, "ping"),
      test::tcp_packet(to("[fc00::9]:5000"), to("[2600::1]:80"), test::kSyn, 1, 0),
      test::udp_packet(to("[fc00::9]:5000"), to("[2600::1]:53"), "query"),
      test::echo_packet(to("[fc00::9]:0").address, to("[2600::1]:0").address, 7, 1, "ping"),
  };
}

TEST(IpPacket, TellsAddressesPortsAndTransport) {
  const auto all = samples();
  const auto tcp = parse_ip_packet(all[0]);
  ASSERT_TRUE(tcp.has_value());
  EXPECT_EQ(tcp->source, to("10.0.0.9:0").address);
  EXPECT_EQ(tcp->destination, to("1.2.3.4:0").address);
  EXPECT_EQ(tcp->source_port, 5000);
  EXPECT_EQ(tcp->destination_port, 80);
  EXPECT_EQ(tcp->transport, Transport::kTcp);
  EXPECT_EQ(tcp->transport_at, 20U);
  const auto udp6 = parse_ip_packet(all[4]);
  ASSERT_TRUE(udp6.has_value());
  EXPECT_EQ(udp6->transport, Transport::kUdp);
  EXPECT_EQ(udp6->destination, to("[2600::1]:0").address);
  EXPECT_EQ(udp6->transport_at, 40U);
  const auto echo6 = parse_ip_packet(all[5]);
  ASSERT_TRUE(echo6.has_value());
  EXPECT_TRUE(is_icmp_echo(*echo6));
  EXPECT_EQ(echo6->source_port, 7);
}

TEST(IpPacket, SkipsIpv6ExtensionHeaders) {
  const Bytes plain = samples()[4];
  base::Writer out;
  out.bytes(ByteView{plain}.first(4)).u16be(static_cast<std::uint16_t>(plain.size() - 40 + 16));
  out.u8(0).bytes(ByteView{plain}.subspan(7, 33));  // hop-by-hop first
  out.u8(60).u8(0).fill(6, 0);                      // then destination options
  out.u8(17).u8(0).fill(6, 0);
  out.bytes(ByteView{plain}.subspan(40));
  const auto packet = parse_ip_packet(out.view());
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(packet->transport, Transport::kUdp);
  EXPECT_EQ(packet->destination_port, 53);
  EXPECT_EQ(packet->transport_at, 56U);
}

TEST(IpPacket, IsRefusedAtEveryTruncation) {
  for (const Bytes& whole : samples()) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(parse_ip_packet(ByteView{whole}.first(size)).has_value());
    }
  }
}

TEST(FlowTable, TakesAnyFlippedByteOfWhatComesIn) {
  AddressMap map;
  map.add("*:*=127.0.0.1:*");
  map.add("*:*=[::1]:*");
  for (const Bytes& whole : samples()) {
    FlowTable flows{map, 64};
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        Bytes changed = whole;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
        Bytes out = changed;
        const auto destination = flows.translate_out(out);
        if (destination) EXPECT_EQ(out.size(), changed.size());
        flows.translate_in(changed);
        flows.translate_in(out);
      }
    }
    EXPECT_LE(flows.size(), 64U);
  }
}

TEST(FlowTable, LeavesPacketsAloneWithoutAMap) {
  const AddressMap map;
  FlowTable flows{map, 64};
  for (const Bytes& whole : samples()) {
    Bytes out = whole;
    EXPECT_TRUE(flows.translate_out(out));
    EXPECT_EQ(out, whole);
  }
  EXPECT_EQ(flows.size(), 0U);
}

TEST(FlowTable, RestoresEveryPacketThatComesBack) {
  AddressMap map;
  map.add("*:*=127.0.0.1:7777");
  map.add("*:*=[::1]:7777");
  FlowTable flows{map, 64};
  for (const Bytes& whole : samples()) {
    Bytes out = whole;
    const auto destination = flows.translate_out(out);
    ASSERT_TRUE(destination);
    EXPECT_TRUE(destination->is_loopback());
    const auto sent = test::dissect(out).packet;  // with valid checksums
    if (sent.transport == Transport::kUdp) {
      EXPECT_EQ(sent.destination_port, 7777);
      Bytes back = test::udp_packet({sent.destination, sent.destination_port},
                                    {sent.source, sent.source_port}, "answer");
      flows.translate_in(back);
      const auto got = test::dissect(back).packet;
      EXPECT_EQ(got.source, parse_ip_packet(whole)->destination);
      EXPECT_EQ(got.source_port, 53);
      EXPECT_EQ(got.destination_port, 5000);
    }
  }
}

}  // namespace
}  // namespace mix::localnet
