#include "mix/json/reader.h"

#include <gtest/gtest.h>

#include <string>

namespace mix::json {
namespace {

constexpr Limits kSmall{.max_size = 64, .max_depth = 3};

Value parsed(std::string_view text) {
  auto value = parse(text, {.max_size = 4096});
  EXPECT_TRUE(value.has_value()) << text;
  return value.value_or(Value{});
}

TEST(JsonParse, TakesOneValueWithWhiteSpaceAround) {
  EXPECT_TRUE(parse(" {\"a\": [1]} \n", kSmall).has_value());
  EXPECT_FALSE(parse("", kSmall).has_value());
  EXPECT_FALSE(parse("{} {}", kSmall).has_value());
  EXPECT_FALSE(parse("{\"a\":1", kSmall).has_value());
  EXPECT_FALSE(parse("{'a':1}", kSmall).has_value());
  EXPECT_FALSE(parse("<html></html>", kSmall).has_value());
}

TEST(JsonParse, RefusesTextThatIsNotUtf8) {
  EXPECT_TRUE(parse("\"\xc3\xa9\"", kSmall).has_value());
  EXPECT_FALSE(parse("\"\xc3\"", kSmall).has_value());
  EXPECT_FALSE(parse("\"\xff\"", kSmall).has_value());
}

TEST(JsonParse, BoundsSizeAndDepth) {
  EXPECT_TRUE(parse(std::string(62, ' ') + "[]", kSmall).has_value());
  EXPECT_FALSE(parse(std::string(63, ' ') + "[]", kSmall).has_value());
  EXPECT_TRUE(parse("[[{}]]", kSmall).has_value());
  EXPECT_FALSE(parse("[[[{}]]]", kSmall).has_value());
  EXPECT_TRUE(parse("[[1],[2],[3],[4],[5]]", kSmall).has_value());
}

TEST(JsonParse, BracketsInsideStringsAreNoDepth) {
  EXPECT_TRUE(parse(R"(["[[[[[[{{{{", "\"[[[[", "\\"])", kSmall).has_value());
  EXPECT_FALSE(parse(R"(["\\", [[[1]]]])", kSmall).has_value());
}

TEST(JsonParse, SurvivesDeepNestingOfAnyLength) {
  const std::string open(100'000, '[');
  EXPECT_FALSE(parse(open, {.max_size = 1'000'000, .max_depth = 16}).has_value());
}

TEST(JsonAccess, AMissingMemberAndAWrongTypeReadAsNothing) {
  const Value value = parsed(R"({"n":1,"s":"x","b":true,"a":[1],"o":{"k":null}})");
  EXPECT_EQ(find(value, "missing"), nullptr);
  EXPECT_EQ(find(nullptr, "n"), nullptr);
  EXPECT_EQ(find(find(value, "n"), "inner"), nullptr);
  EXPECT_EQ(text(find(value, "s")), "x");
  EXPECT_EQ(text(find(value, "n")), std::nullopt);
  EXPECT_EQ(text(nullptr), std::nullopt);
  EXPECT_EQ(boolean(find(value, "b")), true);
  EXPECT_EQ(boolean(find(value, "n")), std::nullopt);
  EXPECT_EQ(boolean(nullptr), std::nullopt);
  EXPECT_NE(array(find(value, "a")), nullptr);
  EXPECT_EQ(array(find(value, "o")), nullptr);
  EXPECT_EQ(array(nullptr), nullptr);
  EXPECT_TRUE(is_absent(find(value, "missing")));
  EXPECT_TRUE(is_absent(find(find(value, "o"), "k")));
  EXPECT_FALSE(is_absent(find(value, "n")));
}

TEST(JsonAccess, AnIntegerMustFitItsType) {
  const Value value = parsed(
      R"([0,255,256,-1,-128,-129,1.0,1e2,18446744073709551615,18446744073709551616,"1",true])");
  const auto at = [&](std::size_t i) { return &value[i]; };
  EXPECT_EQ(integer<std::uint8_t>(at(0)), 0);
  EXPECT_EQ(integer<std::uint8_t>(at(1)), 255);
  EXPECT_EQ(integer<std::uint8_t>(at(2)), std::nullopt);
  EXPECT_EQ(integer<std::uint8_t>(at(3)), std::nullopt);
  EXPECT_EQ(integer<std::int8_t>(at(4)), -128);
  EXPECT_EQ(integer<std::int8_t>(at(5)), std::nullopt);
  EXPECT_EQ(integer<std::uint8_t>(at(6)), std::nullopt);
  EXPECT_EQ(integer<std::uint8_t>(at(7)), std::nullopt);
  EXPECT_EQ(integer<std::uint64_t>(at(8)), UINT64_MAX);
  EXPECT_EQ(integer<std::int64_t>(at(8)), std::nullopt);
  EXPECT_EQ(integer<std::uint64_t>(at(9)), std::nullopt);
  EXPECT_EQ(integer<int>(at(10)), std::nullopt);
  EXPECT_EQ(integer<int>(at(11)), std::nullopt);
  EXPECT_EQ(integer<int>(nullptr), std::nullopt);
}

TEST(JsonAccess, BytesAreAnArrayOfSmallNumbers) {
  EXPECT_EQ(byte_array(find(parsed(R"({"d":[0,1,255]})"), "d")), (base::Bytes{0, 1, 255}));
  const Value empty = parsed("[]");
  EXPECT_EQ(byte_array(&empty), base::Bytes{});
  for (const char* bad :
       {"[256]", "[-1]", "[1.5]", "[\"1\"]", "[null]", "[[1]]", "\"AQ==\"", "{}"}) {
    const Value value = parsed(bad);
    EXPECT_EQ(byte_array(&value), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace mix::json
