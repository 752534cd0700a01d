// Key rotations of two minutes, again and again, with nodes that join and leave: nobody may
// notice. Virtual time.
#include <gtest/gtest.h>

#include "support/vectors.h"
#include "world.h"

namespace mix::mixnet {
namespace {

using test::Peer;
using test::World;
using namespace std::chrono_literals;

// The sanitizers and a loaded build machine make packets dear; the full number is for a native
// release.
#if defined(__SANITIZE_ADDRESS__) || defined(__wasm__) || \
    (defined(__has_feature) && __has_feature(address_sanitizer))
constexpr std::uint32_t kRotations = 100;
#else
constexpr std::uint32_t kRotations = 1000;
#endif
constexpr base::Duration kEpoch = 60s;
constexpr std::uint32_t kEpochsPerRotation = 2;

TEST(Rotation, ManyRotationsWithChangingNodesFailNoRequest) {
  test::FakeMixnet::Config config;
  config.epoch_id = 100;
  config.rotation_id = 50;
  config.mixes_per_layer = 3;
  World world(800, config);
  ReplierConfig small;  // few SURBs keep a thousand rotations cheap
  small.min_storage = 6;
  small.max_request = 10;
  small.max_storage = 20;
  Peer& alice = world.add(0, traffic_preset(TrafficPreset::kNoCover));
  Peer& exit = world.add(1, traffic_preset(TrafficPreset::kNoCover), small);
  directory::KeyRotationInfo info;
  info.validity_epochs = kEpochsPerRotation;
  info.current_epoch_id = config.epoch_id;
  info.epoch_duration = kEpoch;
  info.current_epoch_start = base::WallTime{1'000'000s};
  for (Peer* peer : {&alice, &exit}) {
    (*peer)->set_rotation_info(info, world.now(), info.current_epoch_start);
  }
  exit.on_message = [&](const MessageReceived& message) {
    ASSERT_TRUE(message.sender);
    EXPECT_TRUE(exit->reply(*message.sender, message.data, {}, world.now()));
  };
  const base::TimePoint start = world.now();
  std::size_t asked = 0;
  const auto request = [&] {
    SendOptions options;
    options.reply_surbs = 3;
    ++asked;
    ASSERT_TRUE(alice->send(exit.address(), test::pattern(100, asked), options, world.now()));
    ASSERT_TRUE(world.run_until([&] { return alice.received.size() == asked; }, 20s))
        << "request " << asked;
    EXPECT_EQ(alice.received.back().data, test::pattern(100, asked));
  };
  const auto run_to = [&](base::TimePoint at) { world.run_for(at - world.now()); };
  for (std::uint32_t i = 0; i < kRotations && !::testing::Test::HasFailure(); ++i) {
    const base::TimePoint begin = start + i * kEpochsPerRotation * kEpoch;
    run_to(begin);
    if (i > 0) {
      world.net.next_rotation();
      if (i % 5 == 0) world.net.replace_mix(i % 3);
    }
    // Before anyone knows, after the directory told it, after the old keys are gone.
    run_to(begin + 1s);
    request();
    run_to(begin + 5s + i % 7 * 3s);
    world.refresh_topology();
    request();
    run_to(begin + kEpoch);
    world.net.next_epoch();
    run_to(begin + kEpoch + 5s);
    world.refresh_topology();
    request();
  }
  run_to(world.now() + 10s);
  EXPECT_EQ(world.net.stats().wrong_rotation, 0u) << "a SURB or packet past its time";
  EXPECT_EQ(alice.received.size(), asked);
  EXPECT_EQ(exit.received.size(), asked);
  EXPECT_TRUE(alice.lost.empty());
  EXPECT_TRUE(exit.lost.empty());
  EXPECT_LT(alice->stats().reply_keys, 200u);
  EXPECT_EQ(alice->stats().unacknowledged, 0u);
  EXPECT_EQ(exit->stats().unacknowledged, 0u);
  std::printf("%zu requests over %u rotations, %zu retransmissions, %zu SURBs made\n", asked,
              kRotations,
              static_cast<std::size_t>(alice->stats().retransmitted) +
                  static_cast<std::size_t>(exit->stats().retransmitted),
              static_cast<std::size_t>(alice->stats().surbs_sent));
}

TEST(Rotation, PacketsNameTheRotationOfTheirTopology) {
  World world(801);
  Peer& alice = world.add(0, traffic_preset(TrafficPreset::kNoCover));
  Peer& bob = world.add(1, traffic_preset(TrafficPreset::kNoCover));
  bob.on_message = [&](const MessageReceived& message) {
    if (!message.sender) return;
    EXPECT_TRUE(bob->reply(*message.sender, message.data, {}, world.now()));
  };
  SendOptions options;
  options.reply_surbs = 20;
  ASSERT_TRUE(alice->send(bob.address(), {}, {}, world.now()));
  world.run_for(1s);
  EXPECT_EQ(alice.sent.back().rotation, sphinx::KeyRotation::kOdd);
  // Bob alone learns of rotation 6: his own packets are even, replies by Alice's SURBs odd.
  world.net.next_rotation();
  bob->set_topology(world.net.topology(), world.now());
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(9, 1), options, world.now()));
  ASSERT_TRUE(world.run_until([&] { return !alice.received.empty(); }, 5s));
  EXPECT_EQ(alice.sent.back().rotation, sphinx::KeyRotation::kOdd);
  EXPECT_EQ(bob.sent.back().rotation, sphinx::KeyRotation::kOdd);
  ASSERT_TRUE(bob->send(alice.address(), {}, {}, world.now()));
  world.run_for(1s);
  EXPECT_EQ(bob.sent.back().rotation, sphinx::KeyRotation::kEven);
}

}  // namespace
}  // namespace mix::mixnet
