#include <gtest/gtest.h>

#include "mix/directory/answers.h"

namespace mix::directory {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Performance, IsRoundedToPercent) {
  const std::vector<std::pair<const char*, int>> rows = {
      {"1", 100},     {"1.0", 100},
      {"1.000", 100}, {"0.5", 50},
      {"0", 0},       {"0.0", 0},
      {"0.99", 99},   {"0.994", 99},
      {"0.995", 100}, {"0.4949999999", 49},
      {"0.495", 50},  {"0.004", 0},
      {"0.005", 1},   {"0.123456789012345678", 12}};
  for (const auto& [text, percent] : rows) {
    const auto parsed = parse_performance(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(*parsed, percent) << text;
  }
}

TEST(Performance, OtherTextsAreRefused) {
  for (const char* text : {"", "1.1", "1.0001", "2", "-0.5", "+0.5", "0,5", ".5", "1.", "0.", "50%",
                           "5e-1", "0.5 ", " 0.5", "00.5", "10", "nan"}) {
    EXPECT_FALSE(parse_performance(text).has_value()) << text;
  }
}

TEST(Rfc3339, ReadsDateTimeAndZone) {
  const base::WallTime start{seconds{1795237545}};  // by an independent calendar
  EXPECT_EQ(parse_rfc3339("2026-11-21T05:05:45Z").value(), start);
  EXPECT_EQ(parse_rfc3339("2026-11-21t05:05:45z").value(), start);
  EXPECT_EQ(parse_rfc3339("2026-11-21T06:05:45+01:00").value(), start);
  EXPECT_EQ(parse_rfc3339("2026-11-20T23:35:45-05:30").value(), start);
  EXPECT_EQ(parse_rfc3339("2026-11-21T05:05:45.5Z").value(), start + milliseconds{500});
  EXPECT_EQ(parse_rfc3339("2026-11-21T05:05:45.123456789Z").value(), start + milliseconds{123});
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z").value(), base::WallTime{});
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z").value(), base::WallTime{seconds{1709164800}});
}

TEST(Rfc3339, OtherTextsAreRefused) {
  for (const char* text : {"",
                           "2026-11-21",
                           "2026-11-21T05:05:45",
                           "2026-11-21 05:05:45Z",
                           "2026-11-21 05:01:10.0 +00:00:00",
                           "2026-11-21T05:05Z",
                           "2026-13-21T05:05:45Z",
                           "2026-00-21T05:05:45Z",
                           "2026-11-31T05:05:45Z",
                           "2025-02-29T05:05:45Z",
                           "2026-11-21T24:05:45Z",
                           "2026-11-21T05:60:45Z",
                           "2026-11-21T05:05:61Z",
                           "2026-11-21T05:05:45.Z",
                           "2026-11-21T05:05:45+0100",
                           "2026-11-21T05:05:45+01",
                           "2026-11-21T05:05:45+24:00",
                           "2026-11-21T05:05:45+01:60",
                           "2026-11-21T05:05:45Zx",
                           "+026-11-21T05:05:45Z",
                           "2026-1-21T05:05:45Z",
                           "26-11-21T05:05:45Z"}) {
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
  }
}

TEST(IpLiteral, KnowsBothFamilies) {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "203.0.113.7", "::", "::1",
                           "1::", "2001:db8::7", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::",
                           "::2:3:4:5:6:7:8", "FE80::A", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4"}) {
    EXPECT_TRUE(is_ip_literal(text)) << text;
  }
  for (const char* text : {"",
                           ".",
                           "1.2.3",
                           "1.2.3.4.5",
                           "256.1.1.1",
                           "01.2.3.4",
                           "1.2.3.4 ",
                           "1.2.3.a",
                           "1..3.4",
                           "-1.2.3.4",
                           "host.example",
                           ":",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "[::1]",
                           "::1%eth0",
                           "1.2.3.4::",
                           "::1.2.3.4.5",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           ":1::",
                           "1:",
                           "::1:"}) {
    EXPECT_FALSE(is_ip_literal(text)) << text;
  }
}

}  // namespace
}  // namespace mix::directory
