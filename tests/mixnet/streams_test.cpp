#include "mix/mixnet/streams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "statistics.h"
#include "support/seeded_rng.h"

namespace mix::mixnet {
namespace {

using namespace std::chrono_literals;
using base::TimePoint;

constexpr TimePoint kStart{1h};

/// Firing times of a timer whose host wakes exactly at each deadline.
std::vector<TimePoint> fire_times(PoissonTimer& timer, base::Duration mean, std::size_t count) {
  std::vector<TimePoint> times;
  while (times.size() < count) {
    const TimePoint now = *timer.next_deadline();
    EXPECT_TRUE(timer.fire(mean, now));
    times.push_back(now);
  }
  return times;
}

TEST(PoissonTimer, IntervalsAreExponential) {
  test::SeededRng rng(200);
  PoissonTimer timer(rng);
  timer.start(20ms, kStart);
  auto times = fire_times(timer, 20ms, 20'000);
  const auto gaps = test::gaps(kStart, times);
  EXPECT_NEAR(test::mean(gaps), 0.020, 0.0005);
  EXPECT_LT(test::ks_exponential(gaps, 0.020), test::ks_limit(gaps.size()));
}

TEST(PoissonTimer, TheNextDeadlineCountsFromThePreviousOne) {
  // Two timers with the same randomness, one host exact, one always late: same deadlines.
  test::SeededRng rng_a(201);
  test::SeededRng rng_b(201);
  PoissonTimer exact(rng_a);
  PoissonTimer late(rng_b);
  exact.start(20ms, kStart);
  late.start(20ms, kStart);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(exact.next_deadline(), late.next_deadline());
    EXPECT_TRUE(exact.fire(20ms, *exact.next_deadline()));
    EXPECT_TRUE(late.fire(20ms, *late.next_deadline() + 7ms + i * 1us));
  }
}

TEST(PoissonTimer, DoesNotFireEarlyOrWhenStopped) {
  test::SeededRng rng(202);
  PoissonTimer timer(rng);
  EXPECT_FALSE(timer.next_deadline());
  EXPECT_FALSE(timer.fire(20ms, kStart));
  timer.start(20ms, kStart);
  EXPECT_FALSE(timer.fire(20ms, *timer.next_deadline() - 1ns));
  timer.stop();
  EXPECT_FALSE(timer.fire(20ms, kStart + 1h));
}

TEST(PoissonTimer, ASuspensionEndsWithoutABurst) {
  test::SeededRng rng(203);
  PoissonTimer timer(rng);
  timer.start(20ms, kStart);
  const TimePoint woken = kStart + 8h;
  int fired = 0;
  while (timer.fire(20ms, woken)) ++fired;
  EXPECT_EQ(fired, 1);
  EXPECT_GE(*timer.next_deadline(), woken);
}

TEST(PoissonTimer, AThrottledHostGetsABoundedNumberAtOnce) {
  test::SeededRng rng(204);
  PoissonTimer timer(rng);
  timer.start(20ms, kStart);
  TimePoint now = kStart;
  for (int i = 0; i < 60; ++i) {
    now += 1s;  // a background tab is woken once a second
    std::uint32_t fired = 0;
    while (timer.fire(20ms, now)) ++fired;
    EXPECT_LE(fired, PoissonTimer::kMaxPerMoment);
    EXPECT_GE(*timer.next_deadline(), now);
  }
}

TEST(PoissonTimer, ACoarseHostKeepsTheRate) {
  test::SeededRng rng(205);
  PoissonTimer timer(rng);
  timer.start(20ms, kStart);
  int fired = 0;
  for (TimePoint now = kStart; now < kStart + 100s; now += 50ms) {
    while (timer.fire(20ms, now)) ++fired;
  }
  EXPECT_NEAR(fired, 5000, 250);
}

TEST(PoissonTimer, AMeanOfZeroDoesNotFireWithoutEnd) {
  test::SeededRng rng(206);
  PoissonTimer timer(rng);
  timer.start(0ms, kStart);
  const TimePoint now = kStart + 10ms;
  std::uint32_t fired = 0;
  while (timer.fire(0ms, now)) ++fired;
  EXPECT_LE(fired, PoissonTimer::kMaxPerMoment);
}

TEST(SendRate, RisesOneStepASecondWhileTheLinkIsFull) {
  SendRate rate;
  EXPECT_EQ(rate.multiplier(), 1u);
  TimePoint now = kStart;
  rate.observe(31, now);
  EXPECT_EQ(rate.multiplier(), 1u) << "not completely full";
  rate.observe(32, now);
  EXPECT_EQ(rate.multiplier(), 2u);
  rate.observe(32, now + 999ms);
  EXPECT_EQ(rate.multiplier(), 2u);
  for (int i = 1; i < 20; ++i) rate.observe(32, now + i * 1s);
  EXPECT_EQ(rate.multiplier(), 6u);
}

TEST(SendRate, FallsAfterTwoSecondsWithoutPressure) {
  SendRate rate;
  TimePoint now = kStart;
  for (int i = 0; i < 10; ++i) rate.observe(32, now + i * 1s);
  now += 9s;
  EXPECT_EQ(rate.multiplier(), 6u);
  rate.observe(11, now + 1s);  // still pressure
  rate.observe(0, now + 2999ms);
  EXPECT_EQ(rate.multiplier(), 6u);
  rate.observe(10, now + 3s);
  EXPECT_EQ(rate.multiplier(), 5u) << "ten entries are no pressure";
  rate.observe(0, now + 4999ms);
  EXPECT_EQ(rate.multiplier(), 5u);
  for (int i = 0; i < 20; ++i) rate.observe(0, now + 5s + i * 2s);
  EXPECT_EQ(rate.multiplier(), 1u);
}

}  // namespace
}  // namespace mix::mixnet
