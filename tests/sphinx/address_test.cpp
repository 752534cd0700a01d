#include "mix/sphinx/address.h"

#include <gtest/gtest.h>

#include "support/vectors.h"

namespace mix::sphinx {
namespace {

using base::Errc;
using test::hex;

NodeAddress parsed(std::string_view ip, std::uint16_t port) {
  const auto address = NodeAddress::parse(ip, port);
  EXPECT_TRUE(address.has_value()) << ip;
  return address.has_value() ? *address : NodeAddress{};
}

TEST(NodeAddress, BytesAreThoseOfTheNetwork) {
  for (const test::Json& vector : test::load_vectors("addresses.json", "node_address")) {
    base::Reader reader{base::ByteView{}};
    const base::Bytes bytes = hex(vector["bytes"]);
    reader = base::Reader{bytes};
    const auto address = NodeAddress::decode(reader);
    ASSERT_TRUE(address.has_value());
    EXPECT_TRUE(reader.empty());
    EXPECT_EQ(address->to_string(), vector["host"].get<std::string>());
    EXPECT_EQ(address->encoded_size(), bytes.size());

    base::Writer plain;
    address->encode(plain);
    EXPECT_EQ(plain.take(), bytes);
    base::Writer padded19;
    address->encode_padded(padded19, 19);
    EXPECT_EQ(padded19.take(), hex(vector["padded19"]));
    base::Writer padded32;
    address->encode_padded(padded32, 32);
    EXPECT_EQ(padded32.take(), hex(vector["padded32"]));
    EXPECT_EQ(*NodeAddress::decode_padded(hex(vector["padded32"])), *address);
    EXPECT_EQ(*NodeAddress::decode_padded(hex(vector["padded19"])), *address);

    // The host text is "ip:port" or "[ip]:port".
    const std::string host = vector["host"].get<std::string>();
    const std::size_t colon = host.rfind(':');
    std::string ip = host.substr(0, colon);
    if (ip.front() == '[') ip = ip.substr(1, ip.size() - 2);
    EXPECT_EQ(parsed(ip, static_cast<std::uint16_t>(std::stoi(host.substr(colon + 1)))), *address);
  }
}

TEST(NodeAddress, WhatFollowsAPaddedAddressIsIgnored) {
  base::Bytes field = hex("0406fd0a0b0c0d");
  field.resize(32, 0xee);
  EXPECT_EQ(*NodeAddress::decode_padded(field), parsed("10.11.12.13", 1789));
}

TEST(NodeAddress, TruncatedBytesAreRefusedAndLeaveTheReaderAlone) {
  for (const std::string_view text : {"0406fd0a0b0c0d", "0606fd20010db8000000000000000000000007"}) {
    const base::Bytes bytes = *base::hex_decode(text);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      base::Reader reader{base::ByteView{bytes}.first(size)};
      const auto address = NodeAddress::decode(reader);
      ASSERT_FALSE(address.has_value()) << size;
      EXPECT_EQ(address.error().code, Errc::sphinx_bad_address);
      EXPECT_EQ(reader.remaining(), size);
    }
  }
}

TEST(NodeAddress, OnlyTwoKindsAreKnown) {
  base::Bytes field(32);
  for (int kind = 0; kind < 256; ++kind) {
    field[0] = static_cast<std::uint8_t>(kind);
    EXPECT_EQ(NodeAddress::decode_padded(field).has_value(), kind == 4 || kind == 6) << kind;
  }
}

TEST(NodeAddress, TextIsReadAndWrittenAsTheStandardsSay) {
  const std::pair<const char*, const char*> cases[] = {
      {"203.0.113.7", "203.0.113.7:1789"},
      {"0.0.0.0", "0.0.0.0:1789"},
      {"255.255.255.255", "255.255.255.255:1789"},
      {"2001:db8::7", "[2001:db8::7]:1789"},
      {"2001:DB8:0:0:0:0:0:7", "[2001:db8::7]:1789"},
      {"::", "[::]:1789"},
      {"::1", "[::1]:1789"},
      {"1::", "[1::]:1789"},
      {"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:1789"},
      {"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:1789"},
      {"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:1789"},
      {"::192.0.2.33", "[::c000:221]:1789"},
      {"64:ff9b::192.0.2.33", "[64:ff9b::c000:221]:1789"},
      {"1:2:3:4:5:6:192.0.2.33", "[1:2:3:4:5:6:c000:221]:1789"},
      {"1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:1789"},
  };
  for (const auto& [text, written] : cases) {
    EXPECT_EQ(parsed(text, 1789).to_string(), written) << text;
  }
}

TEST(NodeAddress, TextThatIsNoAddressIsRefused) {
  for (const char* text : {"",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "1.2.3.-4",
                           "1.2.3.04",
                           " 1.2.3.4",
                           "1.2.3.4 ",
                           "1..3.4",
                           "a.b.c.d",
                           "1.2.3.4:5",
                           "example.org",
                           ":",
                           ":::",
                           "1::2::3",
                           "1:2:3:4:5:6:7",
                           "12345::",
                           "g::",
                           "[::1]",
                           "::1%eth0",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           ":1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:",
                           "1.2.3.4::",
                           "::1.2.3",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1.2.3.4:5",
                           "+1.2.3.4",
                           "0x1::"}) {
    const auto address = NodeAddress::parse(text, 1);
    ASSERT_FALSE(address.has_value()) << text;
    EXPECT_EQ(address.error().code, Errc::sphinx_bad_address);
  }
}

TEST(NodeAddressDeathTest, RefusesAFieldThatIsTooSmall) {
  base::Writer out;
  EXPECT_DEATH_IF_SUPPORTED(parsed("::1", 1).encode_padded(out, 18), "too small");
}

}  // namespace
}  // namespace mix::sphinx
