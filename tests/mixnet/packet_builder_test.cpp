#include "mix/mixnet/packet_builder.h"

#include <gtest/gtest.h>

#include "mix/mixnet/ack.h"
#include "mix/mixnet/constants.h"
#include "mix/mixnet/fragment_crypto.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::mixnet {
namespace {

using namespace std::chrono_literals;

/// Three mixes and two gateways, one node a layer.
class PacketBuilderTest : public ::testing::Test {
 protected:
  PacketBuilderTest() : keys(ClientKeys::generate(rng)), friend_keys(ClientKeys::generate(rng)) {
    for (std::size_t i = 0; i < 5; ++i) {
      secrets.push_back(crypto::X25519KeyPair::generate(rng));
      directory::Node node;
      node.id = static_cast<directory::NodeId>(i + 1);
      node.identity = crypto::Ed25519KeyPair::generate(rng).public_key;
      node.sphinx_key = secrets.back().public_key;
      node.ip_addresses = {"192.0.2." + std::to_string(i + 1), "2001:db8::1"};
      node.mix_port = 1789;
      node.performance = 100;
      nodes.push_back(std::move(node));
    }
  }

  std::shared_ptr<const directory::Topology> topology(std::uint32_t rotation_id = 6) {
    directory::RewardedSet rewarded;
    rewarded.layers = {{{1}, {2}, {3}}};
    rewarded.entry_gateways = {4, 5};
    auto built = directory::Topology::build({10, rotation_id}, rewarded,
                                            {nodes[0], nodes[1], nodes[2]}, {nodes[3], nodes[4]});
    EXPECT_TRUE(built);
    return std::make_shared<const directory::Topology>(*std::move(built));
  }
  PacketBuilder make(const TrafficConfig& config = {}) {
    PacketBuilder builder(config, keys, nodes[3].identity, rng);
    builder.set_topology(topology());
    return builder;
  }
  [[nodiscard]] Recipient friend_address() const {
    return {friend_keys.identity.public_key, friend_keys.encryption.public_key, nodes[4].identity};
  }

  struct Arrived {
    sphinx::Version version{};
    sphinx::Destination destination{};
    base::Bytes plaintext;
    base::Duration delay{};
  };
  /// Through layers 1 to 3 to the gateway with that index.
  std::optional<Arrived> travel(const sphinx::NodeAddress& first_hop, base::Bytes packet,
                                std::size_t gateway) {
    EXPECT_EQ(first_hop.to_string(), "192.0.2.1:1789");
    Arrived out;
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{2}, gateway}) {
      auto unwrapped = sphinx::unwrap(packet, secrets[i].secret);
      if (!unwrapped) return std::nullopt;
      out.version = unwrapped->version;
      if (auto* hop = std::get_if<sphinx::ForwardHop>(&unwrapped->hop)) {
        out.delay += hop->delay;
        packet = std::move(hop->packet);
      } else {
        const auto& last = std::get<sphinx::FinalHop>(unwrapped->hop);
        out.destination = last.destination;
        auto plaintext = last.recover_plaintext();
        if (!plaintext) return std::nullopt;
        out.plaintext = *std::move(plaintext);
      }
    }
    return out;
  }

  test::SeededRng rng{900};
  ClientKeys keys;
  ClientKeys friend_keys;
  std::vector<crypto::X25519KeyPair> secrets;
  std::vector<directory::Node> nodes;
  const FragmentId id{SetId{1234}, 5};
  const base::Bytes fragment = test::pattern(1611, 1);
};

TEST_F(PacketBuilderTest, APacketReachesItsRecipientAndItsAckComesBack) {
  struct Case {
    bool legacy;
    std::size_t headers_ahead;
  };
  for (const auto [legacy, headers_ahead] :
       {Case{false, 0}, Case{true, 0}, Case{false, 2}, Case{true, 2}}) {
    TrafficConfig config;
    config.use_legacy_sphinx_format = legacy;
    PacketBuilder builder = make(config);
    builder.set_headers_ahead(headers_ahead);
    for (int i = 0; i < 2; ++i) {  // they make the recipient the one to build for
      ASSERT_TRUE(builder.build(fragment, id, friend_address(), sphinx::PacketSize::kRegular));
    }
    builder.build_ahead(100);
    ASSERT_EQ(builder.headers_ahead(), 6 * headers_ahead);
    auto prepared = builder.build(fragment, id, friend_address(), sphinx::PacketSize::kRegular);
    ASSERT_TRUE(prepared);
    EXPECT_EQ(prepared->packet.rotation, sphinx::KeyRotation::kEven);
    EXPECT_EQ(prepared->packet.packet.size(), 2413u);
    const auto arrived = travel(prepared->packet.first_hop, prepared->packet.packet, 4);
    ASSERT_TRUE(arrived);
    EXPECT_EQ(arrived->version, legacy ? sphinx::Version::kLongKeys : sphinx::Version::kSeeded);
    EXPECT_EQ(arrived->destination, friend_keys.identity.public_key.bytes);
    const auto delivery = sphinx::split_delivery(arrived->plaintext);
    ASSERT_TRUE(delivery);
    EXPECT_EQ(delivery->body.size(), 1643u);
    EXPECT_EQ(*open_fragment(delivery->body, friend_keys.encryption.secret), fragment);
    const auto ack = travel(delivery->ack.first_hop, delivery->ack.packet, 3);
    ASSERT_TRUE(ack);
    EXPECT_EQ(ack->version, arrived->version);
    EXPECT_EQ(ack->destination, keys.identity.public_key.bytes);
    EXPECT_EQ(*open_ack(keys.ack_key, ack->plaintext), id);
    EXPECT_EQ(prepared->expected_delay, arrived->delay + ack->delay);
  }
}

TEST_F(PacketBuilderTest, AReplyGoesThroughTheSurbOfAnother) {
  // Both builders share the network; the creator sits behind gateway 3, the replier behind 4.
  PacketBuilder creator = make();
  PacketBuilder replier(TrafficConfig{}, friend_keys, nodes[4].identity, rng);
  replier.set_topology(topology(7));
  auto surb = creator.build_reply_surb();
  ASSERT_TRUE(surb);
  EXPECT_EQ(surb->rotation, sphinx::KeyRotation::kEven);
  base::Writer encoded;
  surb->encode(encoded);
  EXPECT_EQ(encoded.size(), creator.reply_surb_size());
  const FragmentKey key = surb->key.clone();
  auto prepared = replier.build_reply(fragment, id, *surb, sphinx::PacketSize::kRegular);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->packet.rotation, sphinx::KeyRotation::kEven) << "that of the SURB";
  const auto arrived = travel(prepared->packet.first_hop, prepared->packet.packet, 3);
  ASSERT_TRUE(arrived);
  EXPECT_EQ(arrived->destination, keys.identity.public_key.bytes);
  const auto delivery = sphinx::split_delivery(arrived->plaintext);
  ASSERT_TRUE(delivery);
  const auto digest = reply_key_digest(key);
  EXPECT_TRUE(base::equal(delivery->body.first(kKeyPartSize), digest));
  base::Bytes opened = base::to_bytes(delivery->body.subspan(kKeyPartSize));
  apply_fragment_key(key, opened);
  EXPECT_EQ(opened, fragment);
  const auto ack = travel(delivery->ack.first_hop, delivery->ack.packet, 4);
  ASSERT_TRUE(ack);
  EXPECT_EQ(*open_ack(friend_keys.ack_key, ack->plaintext), id);
  EXPECT_EQ(prepared->expected_delay, 45ms + ack->delay);
}

TEST_F(PacketBuilderTest, CoverGoesToOneselfAndLooksLikeData) {
  PacketBuilder builder = make();
  for (const auto size : {sphinx::PacketSize::kRegular, sphinx::PacketSize::kExtended8}) {
    auto cover = builder.build_cover(size);
    ASSERT_TRUE(cover);
    EXPECT_EQ(cover->packet.packet.size(), sphinx::packet_bytes(size));
    const auto arrived = travel(cover->packet.first_hop, cover->packet.packet, 3);
    ASSERT_TRUE(arrived);
    EXPECT_EQ(arrived->destination, keys.identity.public_key.bytes);
    const auto delivery = sphinx::split_delivery(arrived->plaintext);
    ASSERT_TRUE(delivery);
    const auto content = open_fragment(delivery->body, keys.encryption.secret);
    ASSERT_TRUE(content);
    EXPECT_EQ(content->size(), fragment_bytes(size));
    EXPECT_TRUE(base::equal(base::ByteView(*content).first(18), base::as_bytes(kCoverMarker)));
    const auto ack = travel(delivery->ack.first_hop, delivery->ack.packet, 3);
    ASSERT_TRUE(ack);
    EXPECT_TRUE(open_ack(keys.ack_key, ack->plaintext)->is_cover());
  }
}

TEST_F(PacketBuilderTest, ANodeKeyOutsideThePrimeOrderSubgroupWorks) {
  // k * B + T with the point T of order two: u is the inverse of the honest key's. X25519 clears
  // T, a merged scalar would not.
  secrets[1].secret = crypto::X25519SecretKey{
      test::hex_array<32>("0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20")};
  nodes[1].sphinx_key.bytes =
      test::hex_array<32>("3dcdb8c55b96b3013a017f9674ccd71d69cb54363e5ac34c5f138312c522ad16");
  PacketBuilder builder = make();
  for (int i = 0; i < 20; ++i) {
    auto prepared = builder.build(fragment, id, friend_address(), sphinx::PacketSize::kRegular);
    ASSERT_TRUE(prepared);
    EXPECT_TRUE(travel(prepared->packet.first_hop, prepared->packet.packet, 4));
    auto surb = builder.build_reply_surb();
    ASSERT_TRUE(surb);
    auto reply = builder.build_reply(fragment, id, *surb, sphinx::PacketSize::kRegular);
    ASSERT_TRUE(reply);
    EXPECT_TRUE(travel(reply->packet.first_hop, reply->packet.packet, 3));
  }
}

TEST_F(PacketBuilderTest, EveryPacketIsFresh) {
  PacketBuilder builder = make();
  const auto a = builder.build(fragment, id, friend_address(), sphinx::PacketSize::kRegular);
  const auto b = builder.build(fragment, id, friend_address(), sphinx::PacketSize::kRegular);
  ASSERT_TRUE(a);
  ASSERT_TRUE(b);
  EXPECT_NE(a->packet.packet, b->packet.packet);
  EXPECT_NE(a->expected_delay, b->expected_delay);
}

TEST_F(PacketBuilderTest, DelaysHaveTheirMeans) {
  TrafficConfig config;
  config.average_packet_delay = 40ms;
  config.average_ack_delay = 10ms;
  PacketBuilder builder = make(config);
  double sum = 0;
  constexpr int kCount = 400;
  for (int i = 0; i < kCount; ++i) {
    const auto cover = builder.build_cover(sphinx::PacketSize::kRegular);
    ASSERT_TRUE(cover);
    sum += std::chrono::duration<double, std::milli>(cover->expected_delay).count();
  }
  EXPECT_NEAR(sum / kCount, 3 * 40 + 3 * 10, 12);  // sd of the mean: 3.6
}

TEST_F(PacketBuilderTest, TellsWhatIsMissing) {
  PacketBuilder builder(TrafficConfig{}, keys, nodes[3].identity, rng);
  EXPECT_FALSE(builder.ready());
  EXPECT_EQ(builder.build_cover(sphinx::PacketSize::kRegular).error().code,
            base::Errc::mixnet_no_topology);
  EXPECT_EQ(builder.build_reply_surb().error().code, base::Errc::mixnet_no_topology);
  PacketBuilder homeless(TrafficConfig{}, keys, keys.identity.public_key, rng);
  homeless.set_topology(topology());
  EXPECT_FALSE(homeless.ready()) << "the own gateway is not there";
  builder.set_topology(topology());
  EXPECT_TRUE(builder.ready());
  Recipient nobody = friend_address();
  nobody.gateway = keys.identity.public_key;
  EXPECT_EQ(builder.build(fragment, id, nobody, sphinx::PacketSize::kRegular).error().code,
            base::Errc::directory_unknown_node);
  builder.set_topology(nullptr);
  EXPECT_FALSE(builder.ready());
}

}  // namespace
}  // namespace mix::mixnet
