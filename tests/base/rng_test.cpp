// The distributions that Rng derives from bytes. The seed is fixed, so the tolerances hold always.
#include "mix/base/rng.h"

#include <gtest/gtest.h>

#include <array>

#include "mix/base/time.h"
#include "support/seeded_rng.h"

namespace mix::base {
namespace {

using namespace std::chrono_literals;

constexpr int kDraws = 20'000;

TEST(Rng, IsUniformWithoutLeavingItsRange) {
  test::SeededRng rng{1};
  std::array<int, 7> counts{};
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t value = rng.uniform(counts.size());
    ASSERT_LT(value, counts.size());
    ++counts[static_cast<std::size_t>(value)];
  }
  // Six standard deviations of a binomial around the mean.
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 7.0, 300);
}

TEST(Rng, DrawsUnitValuesBelowOne) {
  test::SeededRng rng{2};
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = rng.unit();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.0125);
}

TEST(Rng, DrawsExponentialDelaysWithTheAskedMean) {
  test::SeededRng rng{3};
  Duration sum{};
  int above_mean = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Duration delay = rng.exponential(15ms);
    ASSERT_GE(delay, Duration::zero());
    sum += delay;
    if (delay > 15ms) ++above_mean;
  }
  const std::chrono::duration<double, std::milli> total = sum;
  EXPECT_NEAR(total.count() / kDraws, 15.0, 0.65);
  EXPECT_NEAR(static_cast<double>(above_mean) / kDraws, 0.3679, 0.0205);  // 1/e
  EXPECT_EQ(rng.exponential(0ms), Duration::zero());
}

TEST(Time, TheEarlierDeadlineWins) {
  const TimePoint early{1s};
  const TimePoint late{2s};
  EXPECT_EQ(earlier(early, late), Deadline{early});
  EXPECT_EQ(earlier(std::nullopt, late), Deadline{late});
  EXPECT_EQ(earlier(early, std::nullopt), Deadline{early});
  EXPECT_EQ(earlier(std::nullopt, std::nullopt), std::nullopt);
  EXPECT_TRUE(is_due(early, early));
  EXPECT_FALSE(is_due(late, early));
  EXPECT_FALSE(is_due(std::nullopt, early));
}

}  // namespace
}  // namespace mix::base
