#include "mix/directory/semver.h"

#include <gtest/gtest.h>

namespace mix::directory {
namespace {

Version version(std::string_view text) {
  const auto parsed = Version::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Version{});
}

TEST(Semver, ReadsThreeNumbers) {
  EXPECT_EQ(version("1.30.0"), (Version{1, 30, 0}));
  EXPECT_EQ(version("0.0.0"), Version{});
  EXPECT_EQ(version("18446744073709551615.0.1"), (Version{UINT64_MAX, 0, 1}));
}

TEST(Semver, ReadsPreReleaseAndDropsTheBuild) {
  EXPECT_EQ(version("1.2.3-rc.1"), (Version{1, 2, 3, {"rc", "1"}}));
  EXPECT_EQ(version("1.2.3+build.007"), (Version{1, 2, 3}));
  EXPECT_EQ(version("1.2.3-a-b+x-y.z"), (Version{1, 2, 3, {"a-b"}}));
}

TEST(Semver, RefusesOtherTexts) {
  for (const char* text :
       {"",         "1",          "1.2",      "1.2.3.4",    "v1.2.3",
        "1.2.x",    "01.2.3",     "1.02.3",   "1.2.03",     "1.2.3-",
        "1.2.3+",   "1.2.3-a..b", "1.2.3-01", "1.2.3-rc_1", " 1.2.3",
        "1.2.3 ",   "-1.2.3",     "1.-2.3",   "1..3",       "18446744073709551616.0.0",
        "1.2.3+a+b"}) {
    const auto parsed = Version::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, base::Errc::directory_malformed);
  }
}

TEST(Semver, OrdersAsTheStandardLists) {
  const std::vector<const char*> rising = {
      "0.9.9",       "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
      "1.0.0-beta",  "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
      "1.0.0",       "1.0.1",        "1.9.0",         "1.10.0",
      "1.30.0-rc.1", "1.30.0",       "1.37.0",        "2.0.0"};
  for (std::size_t i = 0; i < rising.size(); ++i) {
    for (std::size_t j = 0; j < rising.size(); ++j) {
      EXPECT_EQ(version(rising[i]) < version(rising[j]), i < j) << rising[i] << " " << rising[j];
      EXPECT_EQ(version(rising[i]) >= version(rising[j]), i >= j);
    }
  }
}

TEST(Semver, KnowsTheFirstVersionsOfTheIprProtocols) {
  EXPECT_FALSE(version("1.29.9") >= kFirstWithIprV9);
  EXPECT_FALSE(version("1.30.0-rc.1") >= kFirstWithIprV9);
  EXPECT_TRUE(version("1.30.0") >= kFirstWithIprV9);
  EXPECT_FALSE(version("1.36.9") >= kFirstWithIprV10);
  EXPECT_TRUE(version("1.37.0") >= kFirstWithIprV10);
  EXPECT_TRUE(version("2.0.0") >= kFirstWithIprV10);
}

}  // namespace
}  // namespace mix::directory
