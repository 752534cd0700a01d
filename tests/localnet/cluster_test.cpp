// Nodes of a cluster on virtual time: a packet's way through them, delays, faults, rotation.
#include "mix/localnet/cluster.h"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>

#include "mix/gateway/frames.h"
#include "mix/gateway/session.h"
#include "mix/sphinx/surb.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::localnet {
namespace {

using namespace std::chrono_literals;

ClusterConfig small_network() {
  ClusterConfig config;
  config.epochs.epoch = 10s;
  config.epochs.rotation_epochs = 4;
  std::uint16_t port = 1000;
  config.places.push_back({NodeRole::kEntry, 0, "127.0.0.1", ++port, 9000});
  for (std::uint8_t layer = 1; layer <= 3; ++layer) {
    config.places.push_back({NodeRole::kMix, layer, "127.0.0.1", ++port, std::nullopt});
  }
  config.places.push_back({NodeRole::kExit, 0, "127.0.0.1", ++port, 9001});
  return config;
}

/// Carries frames between the nodes in no time, and plays a client at the entry.
class ClusterTest : public testing::Test {
 protected:
  static constexpr directory::NodeId kEntry = 1;
  static constexpr directory::NodeId kExit = 5;

  explicit ClusterTest(const ClusterConfig& config = small_network())
      : cluster_(config, rng_, clock_.wall_now()) {
    for (auto& entry : cluster_.nodes()) by_address_[entry.address.to_string()] = entry.node.get();
  }

  Node& node(directory::NodeId id) { return *cluster_.find(id)->node; }

  /// Runs until nothing moves at this moment.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& entry : cluster_.nodes()) {
        entry.node->expire(clock_.now(), clock_.wall_now());
        while (auto output = entry.node->poll_output()) {
          moved = true;
          carry(*entry.node, *std::move(output));
        }
      }
    }
  }
  void carry(Node& from, NodeOutput output) {
    if (auto* frame = std::get_if<SendFrame>(&output)) {
      sphinx::FrameDecoder decoder;
      decoder.receive(frame->frame);
      auto decoded = decoder.next();
      ASSERT_TRUE(decoded.has_value() && decoded->has_value());
      last_frame_version_ = (*decoded)->version;
      by_address_.at(frame->to.to_string())->receive(**decoded, clock_.now(), clock_.wall_now());
    } else if (auto* body = std::get_if<DeliverToExit>(&output)) {
      exit_bodies_.push_back(body->body);
    } else if (auto* reply = std::get_if<SendToClient>(&output)) {
      ASSERT_EQ(&from, &node(kEntry));
      if (session_) session_->receive(reply->frame, clock_.now(), clock_.wall_now());
    } else if (std::holds_alternative<CloseLink>(output)) {
      ++closed_;
    }
  }
  /// Lets time pass until `until`, stopping at every deadline of a node.
  void run_for(base::Duration time) {
    const base::TimePoint end = clock_.now() + time;
    settle();
    while (true) {
      base::Deadline next;
      for (auto& entry : cluster_.nodes()) {
        next = base::earlier(next, entry.node->next_deadline());
      }
      if (!next || *next > end) break;
      if (*next > clock_.now()) clock_.advance(*next - clock_.now());
      settle();
      pump_session();
    }
    if (end > clock_.now()) clock_.advance(end - clock_.now());
    cluster_.update(clock_.wall_now());
    settle();
  }

  void connect() {
    session_.emplace(
        gateway::SessionConfig{.gateway_identity = cluster_.find(kEntry)->identity.public_key},
        client_, std::nullopt, rng_, base::null_log());
    link_ = node(kEntry).open_link(clock_.now()).value();
    session_->opened(clock_.now(), clock_.wall_now());
    pump_session();
    ASSERT_TRUE(session_->active());
  }
  void pump_session() {
    if (!session_) return;
    for (bool moved = true; moved;) {
      moved = false;
      while (auto frame = session_->poll_output()) {
        moved = true;
        node(kEntry).receive(link_, *frame, clock_.now(), clock_.wall_now());
      }
      settle();
    }
    while (auto event = session_->poll_event()) {
      if (auto* delivered = std::get_if<gateway::Delivered>(&*event)) {
        delivered_.push_back(delivered->plaintext);
      }
    }
  }

  std::vector<sphinx::Hop> route(directory::NodeId egress, base::Duration delay) {
    std::vector<sphinx::Hop> hops;
    const auto& directory = cluster_.directory();
    for (const directory::NodeId id :
         {directory::NodeId{2}, directory::NodeId{3}, directory::NodeId{4}, egress}) {
      hops.push_back({cluster_.find(id)->address,
                      key_for_rotation(directory.nodes[id - 1], directory.epoch.rotation()).key,
                      delay});
    }
    return hops;
  }
  /// A packet with a SURB-ACK that comes back to the client.
  mixnet::MixPacket packet(directory::NodeId egress, const sphinx::Destination& to,
                           const base::Bytes& body, base::Duration delay = 0ns) {
    const auto ack_route = route(kEntry, 0ns);
    const auto ack = sphinx::make_packet(ack_route, client_.public_key.bytes, base::Bytes(21, 0xac),
                                         sphinx::PacketSize::kAck, sphinx::Version::kSeeded, rng_)
                         .value();
    base::Writer plaintext;
    ack_route[0].address.encode_padded(plaintext, kAckAddressSize);
    plaintext.bytes(ack).bytes(body);
    const auto hops = route(egress, delay);
    mixnet::MixPacket out;
    out.rotation = sphinx::key_rotation_of(cluster_.directory().epoch.rotation());
    out.first_hop = hops[0].address;
    out.packet = sphinx::make_packet(hops, to, plaintext.view(), sphinx::PacketSize::kRegular,
                                     sphinx::Version::kSeeded, rng_)
                     .value();
    return out;
  }
  void send(const mixnet::MixPacket& mix) {
    ASSERT_TRUE(session_->send(mix.encode(mixnet::MixPacketFormat::kV2)).has_value());
    pump_session();
  }
  sphinx::Destination exit_client() {
    return cluster_.find(kExit)->exit_keys->identity.public_key.bytes;
  }
  std::uint64_t dropped(directory::NodeId id, DropReason reason) {
    return node(id).stats().dropped[static_cast<std::size_t>(reason)];
  }

  test::SeededRng rng_{11};
  test::ManualClock clock_;
  Cluster cluster_;
  std::map<std::string, Node*> by_address_;
  crypto::Ed25519KeyPair client_ = crypto::Ed25519KeyPair::generate(rng_);
  std::optional<gateway::Session> session_;
  LinkId link_ = 0;
  std::vector<base::Bytes> delivered_, exit_bodies_;
  std::optional<sphinx::FrameVersion> last_frame_version_;
  int closed_ = 0;
};

TEST_F(ClusterTest, CarriesAPacketToTheExitAndItsAckBack) {
  connect();
  send(packet(kExit, exit_client(), base::Bytes(100, 7)));
  ASSERT_EQ(exit_bodies_.size(), 1U);
  EXPECT_EQ(exit_bodies_[0], base::Bytes(100, 7));
  pump_session();
  ASSERT_EQ(delivered_.size(), 1U);
  EXPECT_EQ(delivered_[0], base::Bytes(21, 0xac));
  EXPECT_EQ(last_frame_version_, sphinx::FrameVersion::kLegacy);
  for (const directory::NodeId mix : {2U, 3U, 4U}) EXPECT_EQ(node(mix).stats().forwarded, 2U);
  EXPECT_EQ(node(kExit).stats().acks_released, 1U);
}

TEST_F(ClusterTest, LoopsAPacketBackToItsSender) {
  connect();
  send(packet(kEntry, client_.public_key.bytes, base::Bytes(1643, 9)));
  pump_session();
  ASSERT_EQ(delivered_.size(), 2U);  // the body before the ack
  EXPECT_EQ(delivered_[0], base::Bytes(1643, 9));
  EXPECT_EQ(delivered_[1], base::Bytes(21, 0xac));
}

TEST_F(ClusterTest, HoldsAPacketForTheSumOfItsDelays) {
  connect();
  send(packet(kExit, exit_client(), base::Bytes(10, 1), 50ms));
  EXPECT_EQ(node(2).stats().held, 1U);
  run_for(149ms);
  EXPECT_TRUE(exit_bodies_.empty());
  run_for(1ms);
  EXPECT_EQ(exit_bodies_.size(), 1U);
}

TEST_F(ClusterTest, AcknowledgesWhatItOnlyStores) {
  connect();
  const mixnet::MixPacket mix = packet(kEntry, client_.public_key.bytes, base::Bytes(30, 2));
  node(kEntry).closed(link_, clock_.now(), clock_.wall_now());
  node(kExit).send(mix, clock_.now(), clock_.wall_now());  // as if somebody else sent it
  settle();
  EXPECT_EQ(node(kEntry).stats().acks_released, 1U);
  EXPECT_EQ(node(kEntry).gateway()->stats().stored_messages, 2U);  // the body and its ack
}

TEST_F(ClusterTest, SendsNothingToAddressesThatAreNoNodes) {
  connect();
  mixnet::MixPacket stray = packet(kExit, exit_client(), {1});
  stray.first_hop = sphinx::NodeAddress::parse("127.0.0.1", 22).value();
  send(stray);
  EXPECT_EQ(dropped(kEntry, DropReason::kUnknownAddress), 1U);
}

TEST_F(ClusterTest, AcceptsOldPacketsForOneEpochAfterARotation) {
  connect();
  const auto old_packet = [this] { return packet(kExit, exit_client(), base::Bytes(5, 1)); };
  const mixnet::MixPacket in_time = old_packet();
  const mixnet::MixPacket too_late = old_packet();
  EXPECT_EQ(cluster_.epoch().rotation(), 4U);
  run_for(40s);
  EXPECT_EQ(cluster_.epoch().rotation(), 5U);
  send(in_time);
  EXPECT_EQ(exit_bodies_.size(), 1U);
  run_for(10s);
  send(too_late);
  EXPECT_EQ(exit_bodies_.size(), 1U);
  EXPECT_EQ(dropped(2, DropReason::kBadPacket), 1U);  // v7 frames lost the parity
  send(packet(kExit, exit_client(), base::Bytes(5, 1)));
  EXPECT_EQ(exit_bodies_.size(), 2U);
}

TEST_F(ClusterTest, AcceptsPacketsForTheAnnouncedKeyBeforeTheRotation) {
  connect();
  run_for(30s);  // the last epoch of rotation 4
  auto state = cluster_.directory();
  ASSERT_TRUE(state.nodes[0].pre_announced);
  std::vector<sphinx::Hop> hops;
  for (const directory::NodeId id : {2U, 3U, 4U, kExit}) {
    hops.push_back({cluster_.find(id)->address, state.nodes[id - 1].pre_announced->key, 0ns});
  }
  base::Writer plaintext;
  hops[0].address.encode_padded(plaintext, kAckAddressSize);
  plaintext.fill(kAckPacketSize, 0).u8(1);
  mixnet::MixPacket mix;
  mix.rotation = sphinx::key_rotation_of(5);
  mix.first_hop = hops[0].address;
  mix.packet = sphinx::make_packet(hops, exit_client(), plaintext.view(),
                                   sphinx::PacketSize::kRegular, sphinx::Version::kLongKeys, rng_)
                   .value();
  send(mix);
  EXPECT_EQ(exit_bodies_.size(), 1U);
}

TEST_F(ClusterTest, RotatesOnDemand) {
  const std::uint32_t before = cluster_.epoch().rotation();
  const auto old_key = cluster_.directory().nodes[0].current.key;
  cluster_.rotate_keys(clock_.wall_now());
  EXPECT_EQ(cluster_.epoch().rotation(), before + 1);
  EXPECT_NE(cluster_.directory().nodes[0].current.key, old_key);
  EXPECT_EQ(cluster_.topology()->metadata().rotation_id, before + 1);
}

class NewFramesTest : public ClusterTest {
 protected:
  NewFramesTest()
      : ClusterTest([] {
          ClusterConfig config = small_network();
          config.frame_version = sphinx::FrameVersion::kWithRotation;
          return config;
        }()) {}
};

TEST_F(NewFramesTest, KeepTheRotationOnTheWay) {
  connect();
  const mixnet::MixPacket old_packet = packet(kExit, exit_client(), base::Bytes(5, 1));
  run_for(50s);
  EXPECT_FALSE(node(2).keys().find(old_packet.rotation));
  send(old_packet);
  EXPECT_EQ(last_frame_version_, sphinx::FrameVersion::kWithRotation);
  EXPECT_EQ(dropped(2, DropReason::kExpiredKey), 1U);
}

// --- faults ---

TEST_F(ClusterTest, DropsTheShareThatItIsTold) {
  connect();
  FaultRates rates;
  rates.drop = 0.3;
  node(3).set_faults(rates);
  constexpr int kPackets = 400;
  for (int i = 0; i < kPackets; ++i) send(packet(kExit, exit_client(), {1}));
  // 400 draws at 0.7: five standard deviations are 46.
  EXPECT_NEAR(static_cast<double>(exit_bodies_.size()), 280.0, 46.0);
  EXPECT_GE(dropped(3, DropReason::kFault), kPackets - exit_bodies_.size());
}

TEST_F(ClusterTest, DeliversTwiceWhenTheLastHopDuplicates) {
  connect();
  FaultRates rates;
  rates.duplicate = 1;
  node(kExit).set_faults(rates);
  send(packet(kExit, exit_client(), {1}));
  EXPECT_EQ(exit_bodies_.size(), 2U);
  // A mix's duplicate dies in the next node's replay check, as does the second copy of the ack.
  EXPECT_EQ(dropped(2, DropReason::kReplay), 1U);
  node(kExit).set_faults({});
  node(2).set_faults(rates);
  send(packet(kExit, exit_client(), {1}));
  EXPECT_EQ(exit_bodies_.size(), 3U);
  EXPECT_EQ(dropped(3, DropReason::kReplay), 2U);  // of the packet and of its ack
}

TEST_F(ClusterTest, CorruptsOneByteOfTheBodyAtTheLastHop) {
  connect();
  FaultRates rates;
  rates.corrupt = 1;
  node(kExit).set_faults(rates);
  send(packet(kExit, exit_client(), base::Bytes(100, 0)));
  ASSERT_EQ(exit_bodies_.size(), 1U);
  EXPECT_EQ(std::count(exit_bodies_[0].begin(), exit_bodies_[0].end(), 0), 99);
}

TEST_F(ClusterTest, DelaysAndReorders) {
  connect();
  FaultRates rates;
  rates.delayed = 1;
  rates.delay = 2s;
  node(kExit).set_faults(rates);
  send(packet(kExit, exit_client(), {1}));
  run_for(1999ms);
  EXPECT_TRUE(exit_bodies_.empty());
  run_for(1ms);
  EXPECT_EQ(exit_bodies_.size(), 1U);

  exit_bodies_.clear();
  rates = {};
  rates.reorder = 1;
  rates.reorder_window = 1s;
  node(kExit).set_faults(rates);
  for (std::uint8_t i = 0; i < 50; ++i) send(packet(kExit, exit_client(), {i}));
  run_for(1s);
  ASSERT_EQ(exit_bodies_.size(), 50U);
  EXPECT_FALSE(std::is_sorted(exit_bodies_.begin(), exit_bodies_.end()));
}

TEST_F(ClusterTest, LosesWhatADeadNodeHeldAndComesBackWithItsKeys) {
  connect();
  send(packet(kExit, exit_client(), {1}, 1s));
  node(2).kill();
  run_for(10s);
  EXPECT_TRUE(exit_bodies_.empty());
  send(packet(kExit, exit_client(), {1}));
  EXPECT_EQ(dropped(2, DropReason::kDead), 1U);
  node(2).restart();
  send(packet(kExit, exit_client(), {1}));
  EXPECT_EQ(exit_bodies_.size(), 1U);
}

TEST_F(ClusterTest, ClosesEveryLinkOfAKilledGateway) {
  connect();
  node(kEntry).kill();
  settle();
  EXPECT_EQ(closed_, 1);
  EXPECT_FALSE(node(kEntry).open_link(clock_.now()));
  node(kEntry).restart();
  EXPECT_TRUE(node(kEntry).open_link(clock_.now()));
}

TEST_F(ClusterTest, BoundsWhatANodeHolds) {
  NodeConfig config;
  config.max_held_bytes = 3 * 2413;
  AddressBook book;
  book.add(cluster_.find(3)->address);
  const auto identity = crypto::Ed25519KeyPair::generate(rng_);
  Node mix(config, identity, cluster_.epoch(), book, rng_);
  const auto& keys = mix.keys().primary().keys;
  for (int i = 0; i < 5; ++i) {
    const std::array hops{
        sphinx::Hop{cluster_.find(2)->address, keys.public_key, base::Duration(1s)},
        sphinx::Hop{cluster_.find(3)->address, keys.public_key, base::Duration(0s)}};
    sphinx::Frame frame;
    frame.packet = sphinx::make_packet(hops, {}, base::Bytes{1}, sphinx::PacketSize::kRegular,
                                       sphinx::Version::kSeeded, rng_)
                       .value();
    mix.receive(frame, clock_.now(), clock_.wall_now());
  }
  EXPECT_EQ(mix.stats().held, 3U);
  EXPECT_EQ(mix.stats().dropped[static_cast<std::size_t>(DropReason::kOverflow)], 2U);
}

TEST(Cluster, RefusesPlacesThatCannotBe) {
  test::SeededRng rng(5);
  ClusterConfig config;
  config.places = {{NodeRole::kMix, 4, "127.0.0.1", 1, std::nullopt}};
  EXPECT_THROW(Cluster(config, rng, base::WallTime{}), std::invalid_argument);
  config.places = {{NodeRole::kMix, 1, "localhost", 1, std::nullopt}};
  EXPECT_THROW(Cluster(config, rng, base::WallTime{}), std::invalid_argument);
}

}  // namespace
}  // namespace mix::localnet
