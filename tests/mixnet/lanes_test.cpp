#include "mix/mixnet/lanes.h"

#include <gtest/gtest.h>

#include <map>

#include "mix/mixnet/constants.h"
#include "support/seeded_rng.h"

namespace mix::mixnet {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kNow{1h};
constexpr Lane kA{LaneKind::kConnection, 1};
constexpr Lane kB{LaneKind::kConnection, 2};

FragmentId id(std::uint32_t set) { return {SetId{set}, 1}; }

/// Lane of an id that `fill` made.
std::uint64_t lane_of(const FragmentId& fragment) { return fragment.set.value / 10'000; }
void fill(Lanes& lanes, std::uint64_t lane, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    lanes.push({LaneKind::kConnection, lane}, id(static_cast<std::uint32_t>(lane) * 10'000 + i),
               kNow);
  }
}

TEST(Lanes, AreFirstInFirstOut) {
  test::SeededRng rng(400);
  Lanes lanes;
  EXPECT_FALSE(lanes.pop(rng));
  for (std::uint32_t i = 1; i <= 5; ++i) lanes.push(kA, id(i), kNow);
  EXPECT_EQ(lanes.size(), 5u);
  for (std::uint32_t i = 1; i <= 5; ++i) EXPECT_EQ(lanes.pop(rng), id(i));
  EXPECT_EQ(lanes.size(), 0u);
  EXPECT_FALSE(lanes.pop(rng));
}

TEST(Lanes, AShortLaneGoesBeforeABulkTransfer) {
  test::SeededRng rng(401);
  Lanes lanes;
  fill(lanes, 1, 1000);
  fill(lanes, 2, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(lane_of(*lanes.pop(rng)), 2u);
  EXPECT_EQ(lane_of(*lanes.pop(rng)), 1u);
}

TEST(Lanes, ShortLanesHaveEqualChances) {
  test::SeededRng rng(402);
  std::map<std::uint64_t, int> first;
  for (int round = 0; round < 3000; ++round) {
    Lanes lanes;
    fill(lanes, 1, 1);
    fill(lanes, 2, 50);
    fill(lanes, 3, 99);
    fill(lanes, 4, 100);  // not short
    ++first[lane_of(*lanes.pop(rng))];
  }
  for (std::uint64_t lane = 1; lane <= 3; ++lane) EXPECT_NEAR(first[lane], 1000, 100);
  EXPECT_EQ(first[4], 0);
}

TEST(Lanes, AmongBulkTheBusiestFourHaveTwoThirds) {
  test::SeededRng rng(403);
  Lanes lanes;
  // Lanes 1 to 4 have sent before, 5 and 6 not.
  for (std::uint64_t lane = 1; lane <= 4; ++lane) {
    fill(lanes, lane, 50);
    for (int i = 0; i < 50; ++i) (void)lanes.pop(rng);
  }
  for (std::uint64_t lane = 1; lane <= 6; ++lane) fill(lanes, lane, 2000);
  std::map<std::uint64_t, int> taken;
  for (int i = 0; i < 6000; ++i) ++taken[lane_of(*lanes.pop(rng))];
  // 2/3 over four lanes and 1/3 over six. (The quiet ones do not catch up: 1/18 < 2/9.)
  EXPECT_NEAR(taken[5] + taken[6], 6000.0 / 9, 100);
}

TEST(Lanes, AreDeletedAfterTenMinutesWithoutInput) {
  test::SeededRng rng(404);
  Lanes lanes;
  lanes.push(kA, id(1), kNow);
  lanes.push(kB, id(2), kNow + 1min);
  EXPECT_EQ(lanes.next_deadline(), kNow + 10min);
  EXPECT_TRUE(lanes.expire(kNow + 10min - 1ns).empty());
  EXPECT_EQ(lanes.expire(kNow + 10min), std::vector{id(1)});
  EXPECT_EQ(lanes.size(), 1u);
  lanes.touch(kNow + 20min);
  EXPECT_TRUE(lanes.expire(kNow + 20min).empty());
  EXPECT_EQ(lanes.expire(kNow + 30min), std::vector{id(2)});
  EXPECT_FALSE(lanes.next_deadline());
  EXPECT_FALSE(lanes.pop(rng));
}

TEST(Lanes, RemoveGivesWhatWasQueued) {
  Lanes lanes;
  lanes.push(kA, id(1), kNow);
  lanes.push(kA, id(2), kNow);
  lanes.push(kB, id(3), kNow);
  EXPECT_EQ(lanes.size(kA), 2u);
  EXPECT_EQ(lanes.remove(kA), (std::vector{id(1), id(2)}));
  EXPECT_EQ(lanes.size(kA), 0u);
  EXPECT_EQ(lanes.size(), 1u);
  EXPECT_TRUE(lanes.remove(kA).empty());
}

}  // namespace
}  // namespace mix::mixnet
