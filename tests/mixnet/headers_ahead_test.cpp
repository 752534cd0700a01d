// Headers that are built before they are needed: the packets are those that would be built anew,
// and nothing of an older topology or of another recipient gets into one.
#include "mix/mixnet/headers_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "mix/mixnet/packet_builder.h"
#include "world.h"

namespace mix::mixnet {
namespace {

using namespace std::chrono_literals;
using test::FakeMixnet;
using test::Peer;
using test::World;

constexpr std::size_t kSize = 3;
/// Acks, own headers, own seals; and two for the peer once there is one.
constexpr std::size_t kOwnParts = 4 * kSize;
constexpr std::size_t kAllParts = 6 * kSize;
constexpr std::size_t kMore = 100;  // more than are asked for

class HeadersAheadTest : public ::testing::Test {
 protected:
  HeadersAheadTest() {
    builder.set_topology(world.net.topology());
    builder.set_headers_ahead(kSize);
  }

  [[nodiscard]] Recipient stranger(std::size_t gateway) {
    const ClientKeys other = ClientKeys::generate(world.rng);
    return {other.identity.public_key, other.encryption.public_key, world.net.gateway(gateway)};
  }
  PreparedPacket build(const Recipient& to) {
    auto packet = builder.build(fragment, id, to, sphinx::PacketSize::kRegular);
    EXPECT_TRUE(packet);
    return *std::move(packet);
  }
  static crypto::X25519PublicKey first_key(const PreparedPacket& prepared) {
    crypto::X25519PublicKey key;
    std::ranges::copy(base::ByteView(prepared.packet.packet).first<32>(), key.bytes.begin());
    return key;
  }

  World world{31};
  ClientKeys keys = ClientKeys::generate(world.rng);
  PacketBuilder builder{TrafficConfig{}, keys, world.net.gateway(0), world.rng};
  const FragmentId id{SetId{1234}, 5};
  const base::Bytes fragment = base::Bytes(1611, 1);
};

TEST_F(HeadersAheadTest, AreFilledToTheirBoundAndNoFurther) {
  EXPECT_TRUE(builder.wants_headers());
  builder.build_ahead(1);
  EXPECT_EQ(builder.headers_ahead(), 1u);
  builder.build_ahead(kMore);
  EXPECT_EQ(builder.headers_ahead(), kOwnParts) << "nobody to send to yet";
  EXPECT_FALSE(builder.wants_headers());
  builder.build_ahead(kMore);
  EXPECT_EQ(builder.headers_ahead(), kOwnParts);
}

TEST_F(HeadersAheadTest, AreFilledAgainWhenHalfIsGone) {
  builder.build_ahead(kMore);
  (void)builder.build_reply_surb();
  (void)builder.build_reply_surb();
  EXPECT_FALSE(builder.wants_headers()) << "four of six are left";
  (void)builder.build_reply_surb();
  (void)builder.build_reply_surb();
  EXPECT_TRUE(builder.wants_headers());
  builder.build_ahead(kMore);
  EXPECT_EQ(builder.headers_ahead(), kOwnParts);
}

TEST_F(HeadersAheadTest, EachIsUsedOnce) {
  const Recipient friend_address = stranger(1);
  (void)build(friend_address);
  (void)build(friend_address);
  builder.build_ahead(kMore);
  ASSERT_EQ(builder.headers_ahead(), kAllParts);
  std::set<crypto::X25519PublicKey> seen;
  for (std::size_t i = 0; i < 2 * kSize; ++i) seen.insert(first_key(build(friend_address)));
  EXPECT_EQ(seen.size(), 2 * kSize) << "from the stock and beyond it";
  EXPECT_EQ(builder.headers_ahead(), 3 * kSize) << "own headers and seals";
}

TEST_F(HeadersAheadTest, AreDroppedWithTheirTopology) {
  builder.build_ahead(kMore);
  builder.set_topology(world.net.topology());
  EXPECT_EQ(builder.headers_ahead(), 0u);
  EXPECT_TRUE(builder.wants_headers());
  builder.build_ahead(kMore);
  builder.set_topology(nullptr);
  EXPECT_EQ(builder.headers_ahead(), 0u);
  EXPECT_FALSE(builder.wants_headers());
  builder.build_ahead(kMore);
  EXPECT_EQ(builder.headers_ahead(), 0u);
  EXPECT_EQ(builder.build_cover(sphinx::PacketSize::kRegular).error().code,
            base::Errc::mixnet_no_topology);
}

TEST_F(HeadersAheadTest, AreMadeForTheRecipientOfTwoPacketsInARow) {
  const Recipient a = stranger(1);
  const Recipient b = stranger(1);
  builder.build_ahead(kMore);
  (void)build(a);
  (void)build(b);
  (void)build(a);
  builder.build_ahead(kMore);
  EXPECT_EQ(builder.headers_ahead(), kOwnParts);
  (void)build(a);
  EXPECT_TRUE(builder.wants_headers());
  builder.build_ahead(kMore);
  EXPECT_EQ(builder.headers_ahead(), kAllParts);
  // A single packet to another leaves them alone.
  (void)build(b);
  builder.build_ahead(kMore);
  EXPECT_GE(builder.headers_ahead(), kAllParts - 1);
  (void)build(a);
  EXPECT_GE(builder.headers_ahead(), kAllParts - 4);
  (void)build(b);
  (void)build(b);
  builder.build_ahead(kMore);
  EXPECT_EQ(builder.headers_ahead(), kAllParts) << "those for the first gave way";
}

TEST_F(HeadersAheadTest, OneThatCannotBeBuiltIsNotTriedForEver) {
  Recipient nowhere = stranger(1);
  nowhere.gateway = keys.identity.public_key;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(builder.build(fragment, id, nowhere, sphinx::PacketSize::kRegular).error().code,
              base::Errc::directory_unknown_node);
  }
  builder.build_ahead(kMore);
  EXPECT_FALSE(builder.wants_headers());
}

TEST_F(HeadersAheadTest, HaveDelaysOfTheSameMeans) {
  constexpr int kCount = 100;
  builder.set_headers_ahead(kCount);
  builder.build_ahead(10 * kCount);
  double sum = 0;
  for (int i = 0; i < kCount; ++i) {
    const auto cover = builder.build_cover(sphinx::PacketSize::kRegular);
    ASSERT_TRUE(cover);
    sum += std::chrono::duration<double, std::milli>(cover->expected_delay).count();
  }
  EXPECT_NEAR(sum / kCount, 3 * 15 + 3 * 15, 15);  // sd of the mean: 3.7
}

// --- in the client ---

/// Sends messages both ways with SURBs, and returns how many packets left.
std::size_t talk(World& world, Peer& a, Peer& b, int messages) {
  const std::size_t before = a.sent.size();
  for (int i = 0; i < messages; ++i) {
    SendOptions options;
    options.reply_surbs = 5;
    options.lane = Lane{LaneKind::kConnection, 1};
    const std::size_t received = b.received.size();
    EXPECT_TRUE(a->send(b.address(), base::Bytes(3000, 2), options, world.now()));
    EXPECT_TRUE(world.run_until([&] { return b.received.size() > received; }, 10s));
    EXPECT_EQ(b.received.back().data, base::Bytes(3000, 2));
    world.run_for(1s);
  }
  return a.sent.size() - before;
}

TrafficConfig silent() {
  TrafficConfig config;
  config.disable_main_poisson = true;
  config.disable_loop_cover = true;
  return config;
}

TEST(HeadersOfAClient, AreBuiltInQuietTimesAndArriveAsOthersDo) {
  World world(77);
  Peer& a = world.add(0, silent());
  Peer& b = world.add(1, silent());
  a->set_headers_ahead(8);
  EXPECT_TRUE(a->next_deadline().has_value());
  world.run_for(1s);
  EXPECT_EQ(a->stats().headers_ahead, 32u);
  EXPECT_FALSE(a->next_deadline().has_value()) << "all is full: nothing to wake up for";
  talk(world, a, b, 10);
  EXPECT_EQ(a->stats().retransmitted, 0u);
  EXPECT_EQ(a->stats().unacknowledged, 0u);
  EXPECT_EQ(b->stats().undecodable, 0u);
  EXPECT_GE(a->stats().headers_ahead, 24u) << "half of all kinds, the peer's included";
}

TEST(HeadersOfAClient, WaitUntilTheMessagesAreThrough) {
  World world(78);
  Peer& a = world.add(0, silent());
  Peer& b = world.add(1, silent());
  a->set_headers_ahead(8);
  world.run_for(1s);
  SendOptions options;
  options.reply_surbs = 20;  // more than there are
  ASSERT_TRUE(a->send(b.address(), base::Bytes(10, 1), options, world.now()));
  world.step();
  const std::size_t left = a->stats().headers_ahead;
  world.run_for(kQuietBeforeHeaders - 1ms);
  EXPECT_EQ(a->stats().headers_ahead, left);
  world.run_for(1s);
  EXPECT_GT(a->stats().headers_ahead, left);
}

TEST(HeadersOfAClient, LeaveTheScheduleAlone) {
  // The gaps of the main stream and of loop cover add up: 55 packets a second.
  World world(79);
  Peer& a = world.add(0);
  a->set_headers_ahead(16);
  world.run_for(4s);
  EXPECT_NEAR(static_cast<double>(a.sent.size()), 4 * 55, 60);  // sd: 15
  EXPECT_GE(a->stats().headers_ahead, 32u);
}

}  // namespace
}  // namespace mix::mixnet
