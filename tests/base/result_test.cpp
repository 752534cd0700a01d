// Result, its macros, and the list of errors.
#include "mix/base/result.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace mix::base {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return Error{Errc::config_bad_option, 7, "odd"};
  return value / 2;
}

Result<int> quarter(int value) {
  MIX_TRY(const int once, half(value));
  MIX_TRY(const int twice, half(once));
  return twice;
}

Result<void> check_even(int value) {
  MIX_CHECK([&]() -> Result<void> {
    if (value % 2 != 0) return Errc::base_truncated;
    return {};
  }());
  return {};
}

TEST(Result, PassesValuesAndErrorsUpward) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error(), (Error{Errc::config_bad_option, 7, "odd"}));
  EXPECT_TRUE(check_even(2).has_value());
  EXPECT_EQ(check_even(3).error().code, Errc::base_truncated);
}

TEST(Result, OffersAFallback) {
  EXPECT_EQ(half(4).value_or(9), 2);
  EXPECT_EQ(half(5).value_or(9), 9);
}

TEST(Errors, HaveUniqueNumbersNamesAndSentences) {
  std::set<std::uint16_t> numbers;
  std::set<std::string_view> names;
#define MIX_ERROR(number, name, error_class, api, sentence) \
  EXPECT_TRUE(numbers.insert(number).second) << #name;      \
  EXPECT_TRUE(names.insert(#name).second) << #name;         \
  EXPECT_EQ(error_name(Errc::name), #name);                 \
  EXPECT_EQ(api_code(Errc::name), api);                     \
  EXPECT_FALSE(error_sentence(Errc::name).empty());         \
  EXPECT_EQ(class_name(ErrorClass::error_class), #error_class);
#include "mix/base/errors.def"
#undef MIX_ERROR
  EXPECT_GT(numbers.size(), 80U);
}

TEST(Errors, AreDescribedWithTheirContext) {
  EXPECT_EQ(describe(Error{Errc::ipr_connect_timeout}), "tunnel error: IPR connect timed out");
  EXPECT_EQ(describe(Error{Errc::config_bad_ipr_address, 0, "x"}),
            "tunnel error: invalid IPR address: x");
  EXPECT_EQ(describe(Error{Errc::http_too_many_redirects, 5, "(>5)"}),
            "HTTP error: too many redirects (>5)");
}

}  // namespace
}  // namespace mix::base
