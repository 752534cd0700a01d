#include "host.h"

#include <gtest/gtest.h>

#include <string>

namespace mix::tls::detail {
namespace {

TEST(Host, IsANameInLowerCaseWithoutTrailingDot) {
  const auto host = parse_host("WWW.Example.Test.");
  ASSERT_TRUE(host.has_value());
  ASSERT_TRUE(std::holds_alternative<DnsHost>(*host));
  EXPECT_EQ(std::get<DnsHost>(*host).name, "www.example.test");
}

TEST(Host, IsAnAddressWhenItReadsAsOne) {
  const auto four = parse_host("192.0.2.7");
  ASSERT_TRUE(four.has_value());
  EXPECT_EQ(std::get<IpHost>(*four).address, (base::Bytes{192, 0, 2, 7}));
  const auto six = parse_host("2001:db8::1");
  ASSERT_TRUE(six.has_value());
  EXPECT_EQ(std::get<IpHost>(*six).address.size(), 16U);
}

TEST(Host, AllowsWhatTheDnsAllows) {
  for (const char* text :
       {"a", "localhost", "xn--bcher-kva.example", "_dmarc.example.test", "1.2.3", "a-b.c"}) {
    EXPECT_TRUE(parse_host(text).has_value()) << text;
  }
  EXPECT_TRUE(parse_host(std::string(63, 'a') + ".test").has_value());
}

TEST(Host, RefusesWhatIsNoHost) {
  for (const char* text : {"", ".", "..", "a..b", ".a", "a b", "a/b", "[::1]", "a:1", "*.a.test",
                           "b\xC3\xBC"
                           "cher.example"}) {
    const auto host = parse_host(text);
    ASSERT_FALSE(host.has_value()) << text;
    EXPECT_EQ(host.error().code, base::Errc::tls_handshake);
  }
  EXPECT_FALSE(parse_host(std::string(64, 'a') + ".test").has_value());
  std::string longest;
  while (longest.size() < 252) longest += "a.";
  EXPECT_TRUE(parse_host(longest + "a").has_value());
  EXPECT_FALSE(parse_host(longest + "aa.b").has_value());
  EXPECT_FALSE(parse_host(std::string{"a\0.test", 7}).has_value());
}

TEST(DnsName, MatchesExactlyWithoutCase) {
  EXPECT_TRUE(dns_name_matches("Example.TEST", "example.test"));
  EXPECT_FALSE(dns_name_matches("example.test", "www.example.test"));
  EXPECT_FALSE(dns_name_matches("www.example.test", "example.test"));
  EXPECT_FALSE(dns_name_matches("", "example.test"));
  EXPECT_FALSE(dns_name_matches("example.test.", "example.test"));
}

TEST(DnsName, TakesAWildcardOnlyAsTheWholeFirstLabel) {
  EXPECT_TRUE(dns_name_matches("*.example.test", "www.example.test"));
  EXPECT_FALSE(dns_name_matches("*.example.test", "example.test"));
  EXPECT_FALSE(dns_name_matches("*.example.test", ".example.test"));
  EXPECT_FALSE(dns_name_matches("*.example.test", "a.b.example.test"));
  EXPECT_FALSE(dns_name_matches("w*.example.test", "www.example.test"));
  EXPECT_FALSE(dns_name_matches("www.*.test", "www.example.test"));
  EXPECT_FALSE(dns_name_matches("*.*.test", "www.example.test"));
  EXPECT_FALSE(dns_name_matches("*", "localhost"));
  EXPECT_FALSE(dns_name_matches("*.", "localhost."));
}

TEST(DnsName, TakesNoWildcardOverAWholeTopLevel) {
  EXPECT_FALSE(dns_name_matches("*.test", "example.test"));
}

TEST(DnsName, IsNotFooledByANulByte) {
  EXPECT_FALSE(dns_name_matches(std::string_view{"example.test\0.evil.test", 23}, "example.test"));
}

}  // namespace
}  // namespace mix::tls::detail
