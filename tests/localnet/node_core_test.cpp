// Packet processing against the vectors of the network's own software.
#include "mix/localnet/node_core.h"

#include <gtest/gtest.h>

#include "mix/crypto/hash.h"
#include "mix/localnet/constants.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::localnet {
namespace {

using namespace std::chrono_literals;
using test::hex;
using test::Json;

NodeCore node_with(const Json& node, NodeMode mode, std::uint32_t rotation = 0) {
  return {NodeCoreConfig{mode},
          NodeKeys(RotationKey{rotation, crypto::X25519KeyPair::from_secret(crypto::X25519SecretKey{
                                             test::hex_array<32>(node["private_key"])})})};
}

sphinx::Frame frame_of(base::Bytes packet,
                       sphinx::KeyRotation rotation = sphinx::KeyRotation::kUnknown) {
  sphinx::Frame frame;
  frame.rotation = rotation;
  frame.size = sphinx::packet_size_of(packet.size()).value();
  frame.packet = std::move(packet);
  return frame;
}

std::string sha256_hex(base::ByteView bytes) { return base::hex_encode(crypto::sha256(bytes)); }

/// Walks a packet over its route and checks every hop; gives what the last one does.
NodeAction walk(base::Bytes packet, const std::vector<Json>& nodes, const Json& hops,
                sphinx::KeyRotation rotation = sphinx::KeyRotation::kUnknown) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const bool is_last = i + 1 == nodes.size();
    auto node = node_with(nodes[i], is_last ? NodeMode::kGateway : NodeMode::kMixnode,
                          rotation == sphinx::KeyRotation::kOdd ? 1U : 2U);
    auto action = node.process(frame_of(packet, rotation));
    if (is_last) return action;
    const auto* forward = std::get_if<ForwardAction>(&action);
    if (forward == nullptr) {
      ADD_FAILURE() << "hop " << i << " does not forward";
      return action;
    }
    EXPECT_EQ(sha256_hex(forward->packet), hops[i]["packet_out_sha256"].get<std::string>());
    EXPECT_EQ(forward->next,
              sphinx::NodeAddress::decode_padded(hex(hops[i]["next_address"])).value());
    EXPECT_EQ(forward->rotation, rotation);
    EXPECT_EQ(forward->delay, std::min<base::Duration>(
                                  base::Duration(hops[i]["delay_ns"].get<std::int64_t>()), 10s));
    packet = forward->packet;
  }
  return DropAction{};
}

std::vector<Json> route_of(const Json& network, const char* gateway) {
  return {network["layer1"], network["layer2"], network["layer3"], network[gateway]};
}

TEST(NodeCore, ForwardsTheVectorPacketsHopByHop) {
  std::size_t walked = 0;
  for (const Json& vector : test::load_vectors("sphinx_packets.json")) {
    const base::Bytes packet = hex(vector["packet"]);
    if (!sphinx::packet_size_of(packet.size()).has_value()) continue;
    ++walked;
    const auto nodes = vector["route"].get<std::vector<Json>>();
    const auto action = walk(packet, nodes, vector["hops"]);
    // The messages of these vectors have no SURB-ACK in front: what matters is that a gateway
    // reads an ack-sized one and refuses to guess with others.
    if (const auto* deliver = std::get_if<DeliverAction>(&action)) {
      EXPECT_EQ(deliver->destination, test::hex_array<32>(vector["destination"]));
    } else {
      EXPECT_EQ(std::get<DropAction>(action).reason, DropReason::kBadAck);
    }
  }
  EXPECT_GE(walked, 4U);
}

TEST(NodeCore, DeliversTheMessagesOfTheVectorsAndReleasesTheirAcks) {
  std::size_t packets = 0;
  for (const Json& vector : test::load_vectors("messages.json")) {
    const auto nodes = route_of(vector["network"], "recipient_gateway");
    const auto ack_nodes = route_of(vector["network"], "sender_gateway");
    for (const Json& expected : vector["packets"]) {
      ++packets;
      const auto mix =
          mixnet::MixPacket::decode(hex(expected["mix_packet_v2"]), mixnet::MixPacketFormat::kV2)
              .value();
      const auto action = walk(mix.packet, nodes, expected["hops"], mix.rotation);
      const auto* deliver = std::get_if<DeliverAction>(&action);
      ASSERT_NE(deliver, nullptr);
      EXPECT_EQ(
          base::Bytes(deliver->destination.begin(), deliver->destination.end()),
          base::to_bytes(base::ByteView(hex(vector["recipient"]["address_bytes"])).first(32)));
      EXPECT_EQ(deliver->body, hex(expected["delivered"]));
      ASSERT_TRUE(deliver->ack);
      EXPECT_EQ(deliver->ack->rotation, mix.rotation);
      EXPECT_EQ(deliver->ack->delay, base::Duration::zero());
      EXPECT_EQ(deliver->ack->next.to_string(),
                expected["ack"]["first_hop_host"].get<std::string>());

      const auto ack = walk(deliver->ack->packet, ack_nodes, expected["ack"]["hops"], mix.rotation);
      const auto* ack_delivery = std::get_if<DeliverAction>(&ack);
      ASSERT_NE(ack_delivery, nullptr);
      EXPECT_EQ(ack_delivery->body, hex(expected["ack"]["content"]));
      EXPECT_FALSE(ack_delivery->ack);
    }
  }
  EXPECT_GE(packets, 7U);
}

class OnePacketTest : public testing::Test {
 protected:
  Json vector_ = test::load_vectors("messages.json")[0];
  Json expected_ = vector_["packets"][0];
  base::Bytes packet_ =
      mixnet::MixPacket::decode(hex(expected_["mix_packet_v2"]), mixnet::MixPacketFormat::kV2)
          .value()
          .packet;
  Json first_mix_ = vector_["network"]["layer1"];

  static DropReason reason(const NodeAction& action) {
    const auto* drop = std::get_if<DropAction>(&action);
    EXPECT_NE(drop, nullptr);
    return drop == nullptr ? DropReason::kDead : drop->reason;
  }
};

TEST_F(OnePacketTest, IsDroppedTheSecondTime) {
  auto node = node_with(first_mix_, NodeMode::kMixnode);
  EXPECT_TRUE(std::holds_alternative<ForwardAction>(node.process(frame_of(packet_))));
  EXPECT_EQ(reason(node.process(frame_of(packet_))), DropReason::kReplay);
  EXPECT_EQ(node.replay_tags(), 1U);
}

TEST_F(OnePacketTest, IsDroppedWhenItsHeaderIsAltered) {
  auto node = node_with(first_mix_, NodeMode::kMixnode);
  for (const std::size_t position : {std::size_t{0}, std::size_t{33}, std::size_t{100}}) {
    base::Bytes altered = packet_;
    altered[position] ^= 1;
    EXPECT_EQ(reason(node.process(frame_of(altered))), DropReason::kBadPacket);
  }
  EXPECT_EQ(node.replay_tags(), 0U);
}

TEST_F(OnePacketTest, IsDroppedAtTheEndWhenItsPayloadIsAltered) {
  const auto nodes = route_of(vector_["network"], "recipient_gateway");
  base::Bytes packet = packet_;
  packet.back() ^= 1;
  for (std::size_t i = 0; i < 3; ++i) {
    auto node = node_with(nodes[i], NodeMode::kMixnode);
    packet = std::get<ForwardAction>(node.process(frame_of(packet))).packet;
  }
  auto gateway = node_with(nodes[3], NodeMode::kGateway);
  EXPECT_EQ(reason(gateway.process(frame_of(packet))), DropReason::kBadPayload);
}

TEST_F(OnePacketTest, IsDroppedByANodeOfTheOtherMode) {
  auto gateway = node_with(first_mix_, NodeMode::kGateway);
  EXPECT_EQ(reason(gateway.process(frame_of(packet_))), DropReason::kWrongMode);
}

TEST_F(OnePacketTest, UsesTheSecondaryKeyWhenTheRotationIsUnknown) {
  test::SeededRng rng(1);
  const auto key = [this] {
    return crypto::X25519KeyPair::from_secret(
        crypto::X25519SecretKey{test::hex_array<32>(first_mix_["private_key"])});
  };
  NodeCore node({NodeMode::kMixnode}, NodeKeys(RotationKey{5, crypto::X25519KeyPair::generate(rng)},
                                               RotationKey{4, key()}));
  EXPECT_TRUE(std::holds_alternative<ForwardAction>(node.process(frame_of(packet_))));
  // The replay check is that of the key, whichever way it was found.
  EXPECT_EQ(reason(node.process(frame_of(packet_, sphinx::KeyRotation::kEven))),
            DropReason::kReplay);
  // With a known rotation only that key is tried.
  EXPECT_EQ(reason(node.process(frame_of(packet_, sphinx::KeyRotation::kOdd))),
            DropReason::kBadPacket);
}

TEST_F(OnePacketTest, ExpiresWithItsKey) {
  test::SeededRng rng(2);
  auto node = node_with(first_mix_, NodeMode::kMixnode, 4);
  const auto even = sphinx::KeyRotation::kEven;
  // Rotation 5, first epoch: the old key is secondary.
  node.update_epoch(Epoch{10, 2, {}, 1s}, rng);
  EXPECT_TRUE(std::holds_alternative<ForwardAction>(node.process(frame_of(packet_, even))));
  EXPECT_EQ(node.replay_tags(), 1U);
  // Second epoch: rotation 6 is announced, rotation 4 is gone with its tags.
  node.update_epoch(Epoch{11, 2, {}, 1s}, rng);
  EXPECT_EQ(node.replay_tags(), 0U);
  EXPECT_EQ(reason(node.process(frame_of(packet_, even))), DropReason::kBadPacket);
  node.update_epoch(Epoch{30, 20, {}, 1s}, rng);  // rotation 1, no even key at all
  EXPECT_EQ(reason(node.process(frame_of(packet_, even))), DropReason::kExpiredKey);
}

TEST(NodeCore, CapsTheDelayAt10Seconds) {
  test::SeededRng rng(3);
  const auto keys = crypto::X25519KeyPair::generate(rng);
  const auto address = sphinx::NodeAddress::parse("127.0.0.1", 1).value();
  for (const base::Duration delay :
       {base::Duration(10s + 1ns), base::Duration(1h), base::Duration::max()}) {
    const std::array route{sphinx::Hop{address, keys.public_key, delay},
                           sphinx::Hop{address, keys.public_key, 0ns}};
    const auto packet = sphinx::make_packet(route, sphinx::Destination{}, base::Bytes(21, 1),
                                            sphinx::PacketSize::kAck, sphinx::Version::kSeeded, rng)
                            .value();
    NodeCore node(
        {}, NodeKeys(RotationKey{0, crypto::X25519KeyPair::from_secret(keys.secret.clone())}));
    EXPECT_EQ(std::get<ForwardAction>(node.process(frame_of(packet))).delay, 10s);
  }
}

TEST(NodeCore, DropsABodyWithoutAReadableAck) {
  test::SeededRng rng(4);
  const auto keys = crypto::X25519KeyPair::generate(rng);
  const std::array route{
      sphinx::Hop{sphinx::NodeAddress::parse("127.0.0.1", 1).value(), keys.public_key, 0ns}};
  const auto deliver = [&](const base::Bytes& plaintext) {
    const auto packet =
        sphinx::make_packet(route, sphinx::Destination{}, plaintext, sphinx::PacketSize::kRegular,
                            sphinx::Version::kSeeded, rng)
            .value();
    NodeCore node(
        {NodeMode::kGateway},
        NodeKeys(RotationKey{0, crypto::X25519KeyPair::from_secret(keys.secret.clone())}));
    return node.process(frame_of(packet));
  };
  base::Bytes good(kSurbAckSize, 0);
  good[0] = 4;
  const auto empty_body = deliver(good);
  ASSERT_TRUE(std::holds_alternative<DeliverAction>(empty_body));
  EXPECT_TRUE(std::get<DeliverAction>(empty_body).body.empty());
  base::Bytes bad_address = good;
  bad_address[0] = 5;
  EXPECT_EQ(std::get<DropAction>(deliver(bad_address)).reason, DropReason::kBadAck);
  good.pop_back();
  EXPECT_EQ(std::get<DropAction>(deliver(good)).reason, DropReason::kBadAck);
}

TEST(ReplayFilter, RemembersAtLeastItsCapacityAndStaysBounded) {
  constexpr std::size_t kCapacity = 100;
  ReplayFilter filter(kCapacity);
  const auto tag = [](std::size_t i) {
    sphinx::ReplayTag out{};
    for (std::size_t b = 0; b < 8; ++b) out[b] = static_cast<std::uint8_t>(i >> (8 * b));
    return out;
  };
  for (std::size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(filter.insert(tag(i)), ReplayFilter::Seen::kFirstTime);
    for (std::size_t back = 0; back < std::min(i + 1, kCapacity); ++back) {
      ASSERT_EQ(filter.insert(tag(i - back)), ReplayFilter::Seen::kBefore) << i << " " << back;
    }
    EXPECT_LE(filter.size(), 2 * kCapacity);
  }
}

TEST(AddressBook, KnowsAddressAndPort) {
  AddressBook book;
  const auto known = sphinx::NodeAddress::parse("127.0.0.1", 5).value();
  book.add(known);
  EXPECT_TRUE(book.contains(known));
  EXPECT_FALSE(book.contains(sphinx::NodeAddress::parse("127.0.0.1", 6).value()));
  EXPECT_FALSE(book.contains(sphinx::NodeAddress::parse("::1", 5).value()));
  book.remove(known);
  EXPECT_FALSE(book.contains(known));
}

}  // namespace
}  // namespace mix::localnet
