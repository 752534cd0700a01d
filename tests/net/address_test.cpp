#include "mix/net/address.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mix::net {
namespace {

std::string canonical(std::string_view text) {
  const auto parsed = parse_ip(text);
  return parsed ? to_string(*parsed)
                : "error " + std::string(base::error_name(parsed.error().code));
}

TEST(Address, ReadsDottedQuads) {
  EXPECT_EQ(*parse_ip("192.0.2.1"), (IpAddress{Ipv4{{192, 0, 2, 1}}}));
  EXPECT_EQ(canonical("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(canonical("255.255.255.255"), "255.255.255.255");
}

TEST(Address, RefusesOtherFormsOfIpv4) {
  for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.1.1.1",
                           "1.2.3.04", "00.1.1.1", "0x7f.0.0.1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4",
                           "1.2.3.+4", "1.2.3.4\n", "2130706433", "1.2.3.1000"}) {
    EXPECT_EQ(canonical(text), "error net_bad_address") << text;
  }
}

TEST(Address, WritesIpv6AsRfc5952Says) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:DB8::0001", "2001:db8::1"},
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // one zero group stays
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // the first of equals
      {"0:0:0:0:0:0:0:1", "::1"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::ffff:192.0.2.33", "::ffff:192.0.2.33"},
      {"::ffff:c000:0221", "::ffff:192.0.2.33"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
      {"fe80::00a0", "fe80::a0"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(canonical(text), expected) << text;
}

TEST(Address, RefusesMalformedIpv6) {
  for (const char* text : {":",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "1:2:3:4:5:6:7:",
                           ":1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "::1.2.3",
                           "::1.2.3.4:5",
                           "1.2.3.4::",
                           "1.2.3.4:1::",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "fe80::1%eth0",
                           "[::1]",
                           "::ffff:256.1.1.1",
                           "::1 "}) {
    EXPECT_EQ(canonical(text), "error net_bad_address") << text;
  }
}

TEST(Address, SurvivesEveryTruncationAndAlteration) {
  const std::string text = "2001:db8::dead:192.0.2.33";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto parsed = parse_ip(text.substr(0, size));
    if (parsed) {
      EXPECT_EQ(parse_ip(to_string(*parsed)).value(), *parsed);
    }
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string altered = text;
      altered[at] = static_cast<char>(value);
      const auto parsed = parse_ip(altered);
      if (parsed) {
        EXPECT_EQ(parse_ip(to_string(*parsed)).value(), *parsed);
      }
    }
  }
}

TEST(Endpoint, IsReadWithAndWithoutPort) {
  const Ipv6 loopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  EXPECT_EQ(*parse_endpoint("8.8.8.8:53", 0), (Endpoint{Ipv4{{8, 8, 8, 8}}, 53}));
  EXPECT_EQ(*parse_endpoint("8.8.8.8", 53), (Endpoint{Ipv4{{8, 8, 8, 8}}, 53}));
  EXPECT_EQ(*parse_endpoint("[::1]:443", 0), (Endpoint{loopback, 443}));
  EXPECT_EQ(*parse_endpoint("[::1]", 53), (Endpoint{loopback, 53}));
  EXPECT_EQ(*parse_endpoint("::1", 53), (Endpoint{loopback, 53}));
  EXPECT_EQ(parse_endpoint("8.8.8.8:65535", 0)->port, 65535);
}

TEST(Endpoint, IsRefusedWhenMalformed) {
  for (const char* text : {"", ":53", "8.8.8.8:", "8.8.8.8:0", "8.8.8.8:65536", "8.8.8.8:053",
                           "8.8.8.8:+1", "8.8.8.8:5 ", "[::1", "[::1]x", "[::1]:", "[8.8.8.8]:53",
                           "[]:53", "::1]:53", "host:53", "8.8.8.8:100000"}) {
    const auto parsed = parse_endpoint(text, 53);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, base::Errc::net_bad_address);
    EXPECT_EQ(parsed.error().context, text);
  }
  EXPECT_FALSE(parse_endpoint("8.8.8.8", 0));
  EXPECT_FALSE(parse_endpoint("::1", 0));
}

TEST(Endpoint, IsWrittenAsItIsRead) {
  for (const char* text : {"192.0.2.7:80", "[2001:db8::7]:443"}) {
    EXPECT_EQ(to_string(*parse_endpoint(text, 0)), text);
  }
}

}  // namespace
}  // namespace mix::net
