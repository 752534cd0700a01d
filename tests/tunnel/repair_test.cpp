// When to try again, and when a silent link counts as dead.
#include <gtest/gtest.h>

#include "mix/tunnel/backoff.h"
#include "mix/tunnel/link_watch.h"
#include "support/seeded_rng.h"

namespace mix::tunnel {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart{1h};

TEST(Backoff, WaitsAQuarterOfTheOutageWithinItsBounds) {
  const ReconnectOptions options;
  Backoff backoff(options);
  test::SeededRng rng(1);
  for (const auto& [outage, longest] : {std::pair<base::Duration, base::Duration>{0s, 500ms},
                                        {1s, 500ms},
                                        {8s, 2s},
                                        {1min, 15s},
                                        {1h, 30s}}) {
    if (backoff.attempts() == 0) backoff.begin(kStart);
    for (int i = 0; i < 100; ++i) {
      const base::Duration pause = backoff.pause(kStart + outage, rng);
      EXPECT_LE(pause, longest);
      EXPECT_GE(pause, longest * 3 / 4);
    }
  }
}

TEST(Backoff, IsBackInThreeSecondsAfterOutagesOfUpToTen) {
  const ReconnectOptions options;
  test::SeededRng rng(2);
  for (int run = 0; run < 100; ++run) {
    Backoff backoff(options);
    base::TimePoint now = kStart;
    const base::TimePoint returns = kStart + std::chrono::milliseconds(rng.uniform(10'000));
    do {
      backoff.begin(now);
      now += backoff.pause(now, rng);
    } while (now < returns);
    EXPECT_LE(now - returns, 3s);
    EXPECT_LT(backoff.attempts(), 20u);
  }
}

TEST(Backoff, CountsAttemptsUntilTheLimit) {
  ReconnectOptions options;
  options.max_attempts = 2;
  Backoff backoff(options);
  EXPECT_TRUE(backoff.may_try());
  backoff.begin(kStart);
  EXPECT_TRUE(backoff.may_try());
  backoff.begin(kStart + 1s);
  EXPECT_FALSE(backoff.may_try());
  EXPECT_EQ(backoff.outage(kStart + 5s), 5s);
  backoff.reset();
  EXPECT_TRUE(backoff.may_try());
  EXPECT_EQ(backoff.outage(kStart + 5s), 0s);
  options.enabled = false;
  EXPECT_FALSE(backoff.may_try());
}

TEST(LinkWatch, CountsFromTheFirstUnansweredFrame) {
  LinkWatch watch;
  EXPECT_FALSE(watch.deadline());
  watch.sent(kStart);
  watch.sent(kStart + 1s);
  EXPECT_EQ(watch.deadline(), kStart + LinkWatch::kPatience);
  watch.heard(kStart + 2s);
  EXPECT_FALSE(watch.deadline());
  EXPECT_EQ(watch.heard_at(), kStart + 2s);
}

TEST(LinkWatch, HasLittlePatienceAfterASleepUntilItHearsAgain) {
  LinkWatch watch;
  watch.sent(kStart);
  watch.suspect(kStart + 1h);
  EXPECT_EQ(watch.deadline(), kStart + 1h + LinkWatch::kShortPatience) << "the sleep is no silence";
  watch.heard(kStart + 1h + 1s);
  watch.sent(kStart + 1h + 2s);
  EXPECT_EQ(watch.deadline(), kStart + 1h + 2s + LinkWatch::kPatience);
}

}  // namespace
}  // namespace mix::tunnel
