#include "mix/mixnet/round_trips.h"

#include <gtest/gtest.h>

namespace mix::mixnet {
namespace {

using namespace std::chrono_literals;

TEST(RoundTripSamples, HaveNoSummaryWithoutASample) {
  EXPECT_EQ(RoundTripSamples{}.summary(), std::nullopt);
}

TEST(RoundTripSamples, OfOneSampleAllAreThatSample) {
  RoundTripSamples samples;
  samples.add(7ms);
  EXPECT_EQ(samples.summary(), (RoundTrips{7ms, 7ms, 7ms}));
}

TEST(RoundTripSamples, TakePercentilesByNearestRankInAnyOrder) {
  RoundTripSamples samples;
  for (int i = 100; i >= 1; --i) samples.add(std::chrono::milliseconds{i});
  EXPECT_EQ(samples.summary(), (RoundTrips{1ms, 50ms, 95ms}));
}

TEST(RoundTripSamples, ForgetTheOldest) {
  RoundTripSamples samples;
  samples.add(1ms);
  for (std::size_t i = 0; i < RoundTripSamples::kMaxSamples; ++i) samples.add(9ms);
  EXPECT_EQ(samples.summary(), (RoundTrips{9ms, 9ms, 9ms}));
}

}  // namespace
}  // namespace mix::mixnet
