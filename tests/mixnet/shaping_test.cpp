// What an observer of the client's link can see: times and sizes. They must be those of the
// schedule, whether the client has something to say or not.
#include <gtest/gtest.h>

#include "mix/mixnet/constants.h"
#include "statistics.h"
#include "support/vectors.h"
#include "world.h"

namespace mix::mixnet {
namespace {

using test::Peer;
using test::World;
using namespace std::chrono_literals;

/// Packets that leave within a minute; the peer sends as much as it may when busy.
std::vector<Peer::Sent> observe(std::uint64_t seed, bool busy, const TrafficConfig& traffic) {
  World world(seed);
  Peer& alice = world.add(0, traffic);
  Peer& bob = world.add(1, traffic_preset(TrafficPreset::kNoCover));
  // Packets vanish after the first link: no other traffic is needed, and retransmissions add to
  // what is queued.
  world.net.faults.loss = 1;
  SendOptions options;
  options.reply_surbs = busy ? 2 : 0;
  for (int i = 0; i < 60; ++i) {
    if (busy) {
      while (alice->stats().queued < 100) {
        if (!alice->send(bob.address(), test::pattern(3000, 1), options, world.now())) break;
      }
    }
    world.run_for(1s);
  }
  if (busy) {
    EXPECT_EQ(alice->stats().sent_cover, 0u) << "the main stream was always real";
  } else {
    EXPECT_EQ(alice->stats().sent_real, 0u);
  }
  return alice.sent;
}

std::vector<double> gaps_of(const std::vector<Peer::Sent>& sent) {
  std::vector<base::TimePoint> times;
  times.reserve(sent.size());
  for (const auto& packet : sent) times.push_back(packet.at);
  return test::gaps(base::TimePoint{1h}, times);
}

TEST(Shaping, PacketsLeaveAsThePoissonProcessSays) {
  TrafficConfig traffic;
  traffic.disable_loop_cover = true;
  for (const bool busy : {false, true}) {
    const auto gaps = gaps_of(observe(busy ? 300 : 301, busy, traffic));
    EXPECT_GT(gaps.size(), 2500u);
    EXPECT_NEAR(test::mean(gaps), 0.020, 0.0015);
    EXPECT_LT(test::ks_exponential(gaps, 0.020), test::ks_limit(gaps.size())) << busy;
  }
}

TEST(Shaping, IdleAndBusyLookAlike) {
  const auto idle = observe(303, false, {});
  const auto busy = observe(304, true, {});
  const auto idle_gaps = gaps_of(idle);
  const auto busy_gaps = gaps_of(busy);
  EXPECT_LT(test::ks_two_samples(idle_gaps, busy_gaps),
            test::ks_limit(idle_gaps.size(), busy_gaps.size()));
  // 50 + 5 packets a second: both streams together are one Poisson process.
  for (const auto& gaps : {idle_gaps, busy_gaps}) {
    EXPECT_NEAR(test::mean(gaps), 1.0 / 55, 0.0015);
    EXPECT_LT(test::ks_exponential(gaps, 1.0 / 55), test::ks_limit(gaps.size()));
  }
  for (const auto* sent : {&idle, &busy}) {
    for (const auto& packet : *sent) {
      EXPECT_EQ(packet.bytes, sphinx::packet_bytes(sphinx::PacketSize::kRegular));
      EXPECT_EQ(packet.rotation, sphinx::KeyRotation::kOdd);
    }
  }
}

TEST(Shaping, CoverComesBackAndIsAcknowledged) {
  World world(305);
  Peer& alice = world.add(0);
  world.run_for(10s);
  const auto stats = alice->stats();
  EXPECT_NEAR(static_cast<double>(stats.sent_cover), 500, 70);
  EXPECT_NEAR(static_cast<double>(stats.sent_loop), 50, 25);
  const auto sent = stats.sent_cover + stats.sent_loop;
  // All but what is under way.
  EXPECT_NEAR(static_cast<double>(stats.received_cover), static_cast<double>(sent), 12);
  EXPECT_NEAR(static_cast<double>(stats.received_acks), static_cast<double>(sent), 20);
  EXPECT_EQ(stats.undecodable, 0u);
  EXPECT_TRUE(alice.received.empty());
  EXPECT_EQ(stats.unacknowledged, 0u);
}

TEST(Shaping, CoverHasBothSizesWhenASecondaryIsSet) {
  World world(306);
  TrafficConfig traffic;
  traffic.secondary_packet_size = sphinx::PacketSize::kExtended8;
  Peer& alice = world.add(0, traffic);
  world.net.faults.loss = 1;
  world.run_for(20s);
  double primary = 0;
  for (const auto& packet : alice.sent) {
    if (packet.bytes == sphinx::packet_bytes(sphinx::PacketSize::kRegular)) ++primary;
  }
  EXPECT_NEAR(primary / static_cast<double>(alice.sent.size()), 0.70, 0.05);
}

TEST(Shaping, SwitchesTurnTheStreamsOff) {
  World world(307);
  Peer& silent = world.add(0, traffic_preset(TrafficPreset::kNoCover));
  Peer& keep_alive = world.add(1, traffic_preset(TrafficPreset::kNoCoverWithKeepAlive));
  world.run_for(100s);
  EXPECT_TRUE(silent.sent.empty());
  EXPECT_FALSE(silent->next_deadline());
  EXPECT_NEAR(static_cast<double>(keep_alive.sent.size()), 20, 12);
}

TEST(Shaping, WithoutThePoissonStreamPacketsLeaveAtOnce) {
  World world(308);
  Peer& alice = world.add(0, traffic_preset(TrafficPreset::kNoCover));
  Peer& bob = world.add(1, traffic_preset(TrafficPreset::kNoCover));
  const auto start = world.now();
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(30'000, 1), {}, start));
  EXPECT_EQ(alice->next_deadline(), start);
  world.step();
  EXPECT_EQ(alice.sent.size(), 19u);
  for (const auto& packet : alice.sent) EXPECT_EQ(packet.at, start);
}

TEST(Shaping, AHostThatSleptDoesNotBurst) {
  World world(309);
  Peer& alice = world.add(0);
  Peer& bob = world.add(1, traffic_preset(TrafficPreset::kNoCover));
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(100'000, 1), {}, world.now()));
  world.run_for(100ms);
  const base::TimePoint woken = world.now() + 1h;
  std::size_t released = 0;
  alice->expire(woken);
  while (alice->poll_output(woken, 0)) ++released;
  EXPECT_LE(released, 2u) << "one of each stream";
  EXPECT_GT(*alice->next_deadline(), woken);
}

}  // namespace
}  // namespace mix::mixnet
