#include "mix/localnet/policy.h"

#include <gtest/gtest.h>

namespace mix::localnet {
namespace {

IpEndpoint to(const char* text) { return IpEndpoint::parse(text).value(); }
IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

TEST(ExitPolicy, TakesTheFirstMatch) {
  const auto policy = ExitPolicy::parse(R"(
    # a comment, then rules
    ExitPolicy accept 192.0.2.0/24:80
    reject 192.0.2.0/24:*     # after the exception
    reject [2001:db8::/32]:25
    accept *4:1-1023
    accept *6:443
  )");
  EXPECT_EQ(policy.check(to("192.0.2.9:80")), Verdict::kAccept);
  EXPECT_EQ(policy.check(to("192.0.2.9:81")), Verdict::kReject);
  EXPECT_EQ(policy.check(to("192.0.3.9:81")), Verdict::kAccept);
  EXPECT_EQ(policy.check(to("192.0.3.9:1024")), Verdict::kReject) << "no match refuses";
  EXPECT_EQ(policy.check(to("[2001:db8::1]:25")), Verdict::kReject);
  EXPECT_EQ(policy.check(to("[2001:db8::1]:443")), Verdict::kAccept);
  EXPECT_EQ(policy.check(to("[2001:db8::1]:80")), Verdict::kReject);
}

TEST(ExitPolicy, MayBeOpenOrClosed) {
  EXPECT_EQ(ExitPolicy::open().check(to("1.2.3.4:0")), Verdict::kAccept);
  EXPECT_EQ(ExitPolicy::open().check(to("[::1]:65535")), Verdict::kAccept);
  EXPECT_EQ(ExitPolicy{}.check(to("1.2.3.4:80")), Verdict::kReject);
}

TEST(ExitPolicy, ShipsASampleThatParses) {
  const auto policy = ExitPolicy::parse(ExitPolicy::sample_text());
  EXPECT_EQ(policy.check(to("1.2.3.4:25")), Verdict::kReject);
  EXPECT_EQ(policy.check(to("1.2.3.4:443")), Verdict::kAccept);
}

TEST(ExitPolicy, NamesTheLineThatItCannotRead) {
  for (const char* bad :
       {"accept", "accept 1.2.3.4", "allow *:*", "accept 1.2.3:80", "accept *:70000",
        "accept *:9-8", "accept 1.2.3.4/33:80", "accept [::1:80", "accept ::1:80",
        "accept [::1/129]:80", "reject *:x", "accept 1.2.3.4/:80", "accept [1.2.3.4]:80"}) {
    const std::string text = std::string{"accept *:*\n"} + bad;
    try {
      const auto policy = ExitPolicy::parse(text);
      FAIL() << bad;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string{error.what()}.find("line 2"), std::string::npos) << error.what();
    }
  }
}

TEST(GlobalAddresses, AreThoseOutsideTheSpecialRanges) {
  for (const char* local : {"0.0.0.0",     "0.1.2.3",        "10.0.0.1",        "100.64.0.1",
                            "127.0.0.1",   "169.254.9.9",    "172.31.255.255",  "192.0.0.8",
                            "192.0.2.1",   "192.168.1.1",    "198.19.0.1",      "198.51.100.7",
                            "203.0.113.7", "240.0.0.1",      "255.255.255.255", "::",
                            "::1",         "::ffff:8.8.8.8", "64:ff9b:1::1",    "100::1",
                            "2001::1",     "2001:2::1",      "2001:db8::1",     "2002::1",
                            "fc00::1",     "fdff::1",        "fe80::1"}) {
    EXPECT_FALSE(is_global(address(local))) << local;
  }
  for (const char* global :
       {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.0.9",
        "192.0.0.10", "192.0.1.1", "198.20.0.1", "2606:4700::1111", "64:ff9b::1", "2001:1::1",
        "2001:20::1", "2001:30::1", "2001:200::1", "fec0::1"}) {
    EXPECT_TRUE(is_global(address(global))) << global;
  }
}

}  // namespace
}  // namespace mix::localnet
