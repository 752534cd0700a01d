#include "mix/ipr/surb_supply.h"

#include <gtest/gtest.h>

namespace mix::ipr {
namespace {

using base::TimePoint;
using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};
/// Frame head, request head, length of the bundle (one byte below 251, else three), prefix.
constexpr std::size_t kSmallOverhead = 22, kOverhead = 24;

TEST(MessageRoom, IsThatOfTheLimitsPage) {
  // Largest IP packet that fits one packet with so many SURBs. spec: limits §1.
  const auto room = [](std::size_t ip_size, std::size_t overhead) {
    return message_room(ip_size + overhead, SurbFormat::kSeeds);
  };
  EXPECT_EQ(room(179, kSmallOverhead).free_surbs, 3U);
  EXPECT_EQ(room(180, kSmallOverhead).free_surbs, 2U);
  EXPECT_EQ(room(637, kOverhead).free_surbs, 2U);
  EXPECT_EQ(room(638, kOverhead).free_surbs, 1U);
  EXPECT_EQ(room(1097, kOverhead).free_surbs, 1U);
  EXPECT_EQ(room(1098, kOverhead).free_surbs, 0U);
  EXPECT_EQ(room(1557, kOverhead).packets, 1U);
  EXPECT_EQ(room(1558, kOverhead).packets, 2U);
}

TEST(MessageRoom, IsSmallerWithLongKeys) {
  EXPECT_EQ(message_room(60, SurbFormat::kLongKeys).free_surbs, 1U);
  EXPECT_EQ(message_room(500, SurbFormat::kLongKeys).free_surbs, 0U);
}

TEST(FillPackets, WastesNoRoom) {
  EXPECT_EQ(fill_packets(1, SurbFormat::kSeeds), 3U);
  EXPECT_EQ(fill_packets(4, SurbFormat::kSeeds), 6U);
  EXPECT_EQ(fill_packets(10, SurbFormat::kSeeds), 10U);
  EXPECT_EQ(fill_packets(11, SurbFormat::kSeeds), 13U);
  EXPECT_EQ(fill_packets(100, SurbFormat::kSeeds), 100U);
}

TEST(SurbSupply, PutsThreeOnPureAcksAndNoneOnFullSegments) {
  SurbSupply supply{2, SurbFormat::kSeeds};
  supply.set_estimate(70, kStart);
  EXPECT_EQ(supply.attach(kSmallOverhead + 52, kStart), 3U);
  EXPECT_EQ(supply.attach(kOverhead + 1420, kStart), 0U);
  EXPECT_EQ(supply.attach(kOverhead + 600, kStart), 2U);
  EXPECT_EQ(supply.stock(), 75U) << "what was handed out counts before mixnet reports it";
}

TEST(SurbSupply, FillsRoomThatIsFreeUntilTheExitIsFull) {
  SurbSupply supply{2, SurbFormat::kSeeds};
  supply.set_estimate(supply.high_mark(kStart), kStart);
  EXPECT_EQ(supply.attach(60, kStart), 3U)
      << "above the band, which is for messages of SURBs alone";
  supply.set_estimate(kExitMaxStock, kStart);
  EXPECT_EQ(supply.attach(60, kStart), 0U);
  supply.set_estimate(kExitMaxStock - 1, kStart);
  EXPECT_EQ(supply.attach(60, kStart), 2U) << "the option's minimum";
}

TEST(SurbSupply, HonoursALargerMinimumOnSmallMessagesOnly) {
  SurbSupply supply{10, SurbFormat::kSeeds};
  supply.set_estimate(20, kStart);
  EXPECT_EQ(supply.attach(60, kStart), 10U);
  EXPECT_EQ(supply.attach(1444, kStart), 0U);
  EXPECT_EQ(supply.attach(1000, kStart), 1U);
}

TEST(SurbSupply, TopsUpOnlyBelowTheBand) {
  SurbSupply supply{2, SurbFormat::kSeeds};
  supply.set_estimate(kExitLowStock, kStart);
  EXPECT_EQ(supply.top_up(kStart), 0U);
  supply.set_estimate(kExitLowStock - 1, kStart);
  const std::uint32_t sent = supply.top_up(kStart);
  EXPECT_GT(sent, 0U);
  EXPECT_EQ(supply.top_up(kStart), 0U) << "once";
  EXPECT_GE(supply.stock(), kExitLowStock);
  EXPECT_LE(supply.stock(), supply.high_mark(kStart) + 3);
}

TEST(SurbSupply, WidensTheBandWithTheDownloadRate) {
  SurbSupply supply{2, SurbFormat::kSeeds};
  const std::uint32_t idle_low = supply.low_mark(kStart);
  const std::uint32_t idle_high = supply.high_mark(kStart);
  TimePoint now = kStart;
  for (int i = 0; i < 1750; ++i) {  // 350 replies/s for 5 s
    now += base::Duration{1s} / 350;
    supply.on_reply(1446, now);
  }
  EXPECT_NEAR(supply.rate(now), 350, 5);
  EXPECT_GT(supply.low_mark(now), idle_low + 40);
  EXPECT_GT(supply.high_mark(now), idle_high + 100);
  // The exit's own store never exceeds what it keeps: the rest is on the way.
  EXPECT_LE(supply.high_mark(now), kExitMaxStock + 350 * 15 / 100 + 1);
  now += 10s;
  EXPECT_EQ(supply.low_mark(now), idle_low);
}

TEST(SurbSupply, CountsThePacketsOfALongReply) {
  SurbSupply one{2, SurbFormat::kSeeds}, three{2, SurbFormat::kSeeds};
  one.on_reply(1601, kStart);
  three.on_reply(4000, kStart);
  EXPECT_DOUBLE_EQ(3 * one.rate(kStart), three.rate(kStart));
}

TEST(SurbSupply, LearnsFromARequestThatTheEstimateIsTooHigh) {
  SurbSupply supply{2, SurbFormat::kSeeds};
  supply.set_estimate(400, kStart);  // lost replies never came back to be counted
  EXPECT_EQ(supply.top_up(kStart), 0U);
  supply.exit_asked(50, kStart);
  EXPECT_EQ(supply.stock(), kExitLowStock + 50);
  supply.set_estimate(340, kStart);  // 60 were used since
  EXPECT_GT(supply.top_up(kStart), 0U);
}

TEST(SurbSupply, ForgetsTheExcessWithTime) {
  SurbSupply supply{2, SurbFormat::kSeeds};
  supply.set_estimate(130, kStart);
  supply.exit_asked(50, kStart);
  EXPECT_EQ(supply.stock(), 110U);
  supply.set_estimate(130, kStart + 1min);
  EXPECT_EQ(supply.stock(), 130U);
}

/// The exit's store in a steady download: `rate` replies per second, one acknowledgement for two
/// segments, 45 ms up and down, `loss` of the replies.
std::uint32_t lowest_stock(double rate, double loss, base::Duration duration) {
  SurbSupply supply{2, SurbFormat::kSeeds};
  const base::Duration way = 45ms;
  struct Transit {
    TimePoint at;
    std::uint32_t surbs;
  };
  std::vector<Transit> up;
  std::vector<TimePoint> down;
  std::uint32_t store = 68, estimate = 68, lowest = 200, pending = 0;
  double due = 0, lost = 0;
  std::size_t next_up = 0, next_down = 0;
  int unacknowledged = 0;
  for (TimePoint now = kStart; now < kStart + duration; now += 1ms) {
    const auto send = [&](std::uint32_t surbs) {
      if (surbs == 0) return;
      estimate += surbs;
      up.push_back({now + way, surbs});
    };
    for (; next_up < up.size() && up[next_up].at <= now; ++next_up) {
      store += up[next_up].surbs;
      pending -= std::min(pending, up[next_up].surbs);
    }
    for (due += rate / 1000; due >= 1 && store > 10; due -= 1) {
      --store;
      lowest = std::min(lowest, store);
      lost += loss;
      if (lost < 1) {
        down.push_back(now + way);
      } else {
        lost -= 1;
      }
    }
    const bool asks = store + pending < 60;
    for (; next_down < down.size() && down[next_down] <= now; ++next_down) {
      --estimate;
      supply.set_estimate(estimate, now);
      supply.on_reply(1446, now);
      if (++unacknowledged == 2) {
        unacknowledged = 0;
        send(supply.attach(74, now));
      }
    }
    supply.set_estimate(estimate, now);
    if (asks && store > 0) {
      --store;
      pending += 50;
      send(50);  // mixnet answers by itself
      supply.set_estimate(estimate, now);
      supply.exit_asked(50, now);
    }
    send(supply.top_up(now));
    EXPECT_LE(store, kExitMaxStock + 60);
  }
  return lowest;
}

TEST(SurbSupply, KeepsTheExitAboveItsReserveAtAnyRate) {
  for (const double rate : {1.0, 20.0, 150.0, 350.0}) {
    EXPECT_GT(lowest_stock(rate, 0, 30s), kExitReserve + 20) << rate;
  }
}

TEST(SurbSupply, KeepsTheExitSuppliedWhenRepliesAreLost) {
  EXPECT_GT(lowest_stock(350, 0.05, 60s), kExitReserve);
  EXPECT_GT(lowest_stock(150, 0.2, 60s), kExitReserve);
}

}  // namespace
}  // namespace mix::ipr
