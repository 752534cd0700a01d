#include "mix/sphinx/packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "mix/crypto/hash.h"
#include "route.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::sphinx {
namespace {

using base::Errc;
using test::hex;
using test::hex_array;

constexpr Version kVersions[] = {Version::kUnclamped1, Version::kUnclamped257, Version::kLongKeys,
                                 Version::kSeeded};

Destination sample_destination() {
  Destination out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(0xd0 + i);
  return out;
}

// ---- The network's packets -----------------------------------------------------------------

TEST(SphinxPacket, HeaderAndPacketAreThoseOfTheNetwork) {
  std::set<std::pair<int, std::size_t>> covered;
  for (const test::Json& vector : test::load_vectors("sphinx_packets.json")) {
    const Version version{vector["version"].get<std::uint16_t>()};
    for (const Derivation derivation : {Derivation::kMerged, Derivation::kChained}) {
      const std::vector<Hop> route = test::read_route(vector["route"], derivation);
      const auto header =
          build_header(test::read_secrets(vector), route, hex_array<32>(vector["destination"]),
                       hex_array<16>(vector["identifier"]), version);
      ASSERT_TRUE(header.has_value());
      crypto::PointTables tables{{.uses_before_table = 1}};
      const auto by_table =
          build_header(test::read_secrets(vector), route, hex_array<32>(vector["destination"]),
                       hex_array<16>(vector["identifier"]), version, &tables);
      ASSERT_TRUE(by_table.has_value());
      EXPECT_EQ(by_table->bytes, header->bytes);
      EXPECT_EQ(tables.num_tables(), derivation == Derivation::kMerged ? 1 + route.size() : 1);
      const auto packet =
          build_packet(*header, hex(vector["message"]), vector["payload_size"].get<std::size_t>());
      ASSERT_TRUE(packet.has_value());
      EXPECT_EQ(base::hex_encode(*packet), vector["packet"].get<std::string>());
      EXPECT_EQ(base::hex_encode(crypto::sha256(*packet)),
                vector["packet_sha256"].get<std::string>());
      covered.emplace(static_cast<int>(version), route.size());
    }
  }
  for (const Version version : kVersions) {
    EXPECT_TRUE(covered.contains({static_cast<int>(version), 4})) << static_cast<int>(version);
  }
}

TEST(SphinxPacket, EveryHopOfTheNetworksPacketsUnwraps) {
  for (const test::Json& vector : test::load_vectors("sphinx_packets.json")) {
    base::Bytes packet = hex(vector["packet"]);
    for (std::size_t i = 0; i < vector["hops"].size(); ++i) {
      const test::Json& hop = vector["hops"][i];
      const crypto::X25519SecretKey key{hex_array<32>(vector["route"][i]["private_key"])};
      const auto tag = check_header(packet, key);
      ASSERT_TRUE(tag.has_value());
      EXPECT_EQ(*tag, hex_array<32>(hop["replay_tag"]));
      std::optional<FinalHop> last;
      ASSERT_NO_FATAL_FAILURE(test::expect_hop(hop, base::Bytes{packet}, key, packet, last));
      if (!last) continue;
      EXPECT_EQ(base::hex_encode(crypto::sha256(last->payload)),
                vector["final_payload_sha256"].get<std::string>());
      const auto message = last->recover_plaintext();
      ASSERT_TRUE(message.has_value());
      EXPECT_EQ(*message, hex(vector["message"]));
    }
  }
}

TEST(SphinxPacket, RefusedAtTheSameStepAsTheNetworkRefuses) {
  std::set<std::string> steps;
  for (const test::Json& vector : test::load_vectors("sphinx_rejects.json")) {
    const crypto::X25519SecretKey key{hex_array<32>(vector["private_key"])};
    const std::string step = vector["fails_at"].get<std::string>();
    steps.insert(step);
    const auto unwrapped = unwrap(hex(vector["packet"]), key);
    const auto checked = check_header(hex(vector["packet"]), key);
    if (step == "payload") {
      ASSERT_TRUE(unwrapped.has_value());
      EXPECT_TRUE(checked.has_value());
      const auto plaintext = std::get<FinalHop>(unwrapped->hop).recover_plaintext();
      ASSERT_FALSE(plaintext.has_value());
      EXPECT_EQ(plaintext.error().code, Errc::sphinx_bad_payload);
      continue;
    }
    const Errc expected = step == "length" ? Errc::sphinx_bad_length : Errc::sphinx_bad_mac;
    ASSERT_FALSE(unwrapped.has_value()) << vector["case"];
    EXPECT_EQ(unwrapped.error().code, expected);
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code, expected);
  }
  EXPECT_EQ(steps, (std::set<std::string>{"header", "length", "payload"}));
}

// ---- Our own packets -----------------------------------------------------------------------

TEST(SphinxPacket, MergedDerivationEqualsTheChainOnRandomRoutes) {
  test::SeededRng rng{61};
  for (int i = 0; i < 300; ++i) {
    test::Nodes nodes{rng, 1 + static_cast<std::size_t>(rng.uniform(kMaxHops))};
    const Version version = kVersions[rng.uniform(std::size(kVersions))];
    const HeaderSecrets secrets = HeaderSecrets::generate(rng);
    const auto merged =
        build_header(secrets, nodes.route, sample_destination(), Identifier{}, version);
    for (Hop& hop : nodes.route) hop.derivation = Derivation::kChained;
    const auto chained =
        build_header(secrets, nodes.route, sample_destination(), Identifier{}, version);
    ASSERT_TRUE(merged.has_value());
    ASSERT_TRUE(chained.has_value());
    ASSERT_EQ(merged->bytes, chained->bytes) << i;
    ASSERT_EQ(merged->payload_keys.size(), nodes.route.size());
    for (std::size_t hop = 0; hop < nodes.route.size(); ++hop) {
      ASSERT_TRUE(
          base::equal(merged->payload_keys[hop].reveal(), chained->payload_keys[hop].reveal()));
    }
  }
}

TEST(SphinxPacket, TablesGiveTheBytesOfTheLadder) {
  test::SeededRng rng{66};
  // Three nodes have tables after their first uses, and the rest never: the memory is used up.
  crypto::PointTables tables{
      {.max_bytes = 4 * crypto::FixedBaseTable::bytes(), .uses_before_table = 3}};
  test::Nodes nodes{rng, 8};
  for (int i = 0; i < 100; ++i) {
    const Version version = kVersions[rng.uniform(std::size(kVersions))];
    std::vector<Hop> route;
    for (int hop = 0; hop < 4; ++hop)
      route.push_back(nodes.route[static_cast<std::size_t>(rng.uniform(8))]);
    const HeaderSecrets secrets = HeaderSecrets::generate(rng);
    const auto by_ladder =
        build_header(secrets, route, sample_destination(), Identifier{}, version);
    const auto by_table =
        build_header(secrets, route, sample_destination(), Identifier{}, version, &tables);
    ASSERT_TRUE(by_ladder.has_value());
    ASSERT_TRUE(by_table.has_value());
    ASSERT_EQ(by_table->bytes, by_ladder->bytes) << i;
  }
  EXPECT_EQ(tables.num_tables(), 4U);
}

TEST(SphinxPacket, OneHopWithAnOddKeyMakesTheRouteChained) {
  // Random bytes are mostly no key: half of them lie on the twist, where the merged scalar, reduced
  // by the order of the other group, gives something else.
  int differing = 0;
  test::SeededRng rng{62};
  for (int i = 0; i < 20; ++i) {
    test::Nodes nodes{rng, 4};
    nodes.route[2].key = {rng.bytes<32>()};
    nodes.route[2].key.bytes[31] &= 0x7f;
    const HeaderSecrets secrets = HeaderSecrets::generate(rng);
    const auto merged =
        build_header(secrets, nodes.route, sample_destination(), Identifier{}, Version::kSeeded);
    nodes.route[2].derivation = Derivation::kChained;
    const auto one =
        build_header(secrets, nodes.route, sample_destination(), Identifier{}, Version::kSeeded);
    for (Hop& hop : nodes.route) hop.derivation = Derivation::kChained;
    const auto all =
        build_header(secrets, nodes.route, sample_destination(), Identifier{}, Version::kSeeded);
    ASSERT_TRUE(one.has_value());
    ASSERT_TRUE(all.has_value());
    ASSERT_EQ(one->bytes, all->bytes);
    ASSERT_TRUE(merged.has_value());
    differing += merged->bytes != one->bytes ? 1 : 0;
  }
  EXPECT_GT(differing, 0);
  EXPECT_LT(differing, 20);
}

TEST(SphinxPacket, ArrivesOverEveryLengthOfRouteInEveryVersion) {
  test::SeededRng rng{63};
  for (const Version version : kVersions) {
    for (std::size_t hops = 1; hops <= kMaxHops; ++hops) {
      test::Nodes nodes{rng, hops};
      const base::Bytes message = test::pattern(1000, hops);
      const auto built = make_packet(nodes.route, sample_destination(), message,
                                     PacketSize::kRegular, version, rng);
      ASSERT_TRUE(built.has_value());
      base::Bytes packet = *built;
      for (std::size_t i = 0; i + 1 < hops; ++i) {
        ASSERT_EQ(packet.size(), packet_bytes(PacketSize::kRegular));
        const auto unwrapped = unwrap(packet, nodes.keys[i]);
        ASSERT_TRUE(unwrapped.has_value());
        EXPECT_EQ(unwrapped->version, version);
        const auto& forward = std::get<ForwardHop>(unwrapped->hop);
        EXPECT_EQ(forward.next, nodes.route[i + 1].address);
        EXPECT_EQ(forward.delay, nodes.route[i].delay);
        packet = forward.packet;
      }
      const auto unwrapped = unwrap(packet, nodes.keys.back());
      ASSERT_TRUE(unwrapped.has_value());
      const auto& last = std::get<FinalHop>(unwrapped->hop);
      EXPECT_EQ(last.destination, sample_destination());
      EXPECT_EQ(last.identifier, Identifier{});
      EXPECT_EQ(*last.recover_plaintext(), message);
    }
  }
}

TEST(SphinxPacket, CarriesMessagesOfEveryLength) {
  test::SeededRng rng{64};
  test::Nodes nodes{rng, 1};
  const auto header = build_header(HeaderSecrets::generate(rng), nodes.route, sample_destination(),
                                   Identifier{}, Version::kSeeded);
  ASSERT_TRUE(header.has_value());
  for (std::size_t size = 0; size <= plaintext_bytes(PacketSize::kAck); ++size) {
    // All ones: the marker must be told from the message.
    const base::Bytes message(size, 1);
    const auto packet = build_packet(*header, message, PacketSize::kAck);
    ASSERT_TRUE(packet.has_value());
    const auto unwrapped = unwrap(*packet, nodes.keys[0]);
    ASSERT_TRUE(unwrapped.has_value());
    const auto plaintext = std::get<FinalHop>(unwrapped->hop).recover_plaintext();
    ASSERT_TRUE(plaintext.has_value());
    EXPECT_EQ(*plaintext, message);
  }
}

TEST(SphinxPacket, TwoPacketsOfTheSameMessageShareNothing) {
  test::SeededRng rng{65};
  test::Nodes nodes{rng, 4};
  const auto a =
      make_packet(nodes.route, sample_destination(), {}, PacketSize::kAck, Version::kSeeded, rng);
  const auto b =
      make_packet(nodes.route, sample_destination(), {}, PacketSize::kAck, Version::kSeeded, rng);
  ASSERT_TRUE(a.has_value() && b.has_value());
  std::size_t equal_bytes = 0;
  for (std::size_t i = 0; i < a->size(); ++i) equal_bytes += (*a)[i] == (*b)[i] ? 1 : 0;
  EXPECT_LT(equal_bytes, 20U);
}

TEST(SphinxPacket, PaddingOfTheLastHopIsTheGivenRandomness) {
  test::SeededRng rng{66};
  test::Nodes nodes{rng, 4};
  HeaderSecrets secrets = HeaderSecrets::generate(rng);
  const auto a =
      build_header(secrets, nodes.route, sample_destination(), Identifier{}, Version::kSeeded);
  // Four hops take 68 bytes of it: the last of them counts, the next does not.
  secrets.padding[68] ^= 1;
  const auto b =
      build_header(secrets, nodes.route, sample_destination(), Identifier{}, Version::kSeeded);
  secrets.padding[67] ^= 1;
  const auto c =
      build_header(secrets, nodes.route, sample_destination(), Identifier{}, Version::kSeeded);
  ASSERT_TRUE(a.has_value() && b.has_value() && c.has_value());
  EXPECT_EQ(a->bytes, b->bytes);
  EXPECT_NE(a->bytes, c->bytes);
}

// ---- Refusals ------------------------------------------------------------------------------

TEST(SphinxPacket, RoutesWithoutOrWithTooManyHopsAreRefused) {
  test::SeededRng rng{67};
  test::Nodes nodes{rng, kMaxHops + 1};
  for (const std::size_t hops : {std::size_t{0}, kMaxHops + 1}) {
    const auto refused = make_packet(std::span{nodes.route}.first(hops), sample_destination(), {},
                                     PacketSize::kAck, Version::kSeeded, rng);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::sphinx_bad_route);
  }
}

TEST(SphinxPacket, MessagesThatDoNotFitAreRefused) {
  test::SeededRng rng{68};
  test::Nodes nodes{rng, 2};
  for (const PacketSize size : {PacketSize::kRegular, PacketSize::kAck, PacketSize::kExtended8}) {
    const base::Bytes fits(plaintext_bytes(size), 7);
    const base::Bytes too_long(plaintext_bytes(size) + 1, 7);
    EXPECT_TRUE(make_packet(nodes.route, sample_destination(), fits, size, Version::kSeeded, rng)
                    .has_value());
    const auto refused =
        make_packet(nodes.route, sample_destination(), too_long, size, Version::kSeeded, rng);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::sphinx_message_too_long);
  }
  const auto header = build_header(HeaderSecrets::generate(rng), nodes.route, sample_destination(),
                                   Identifier{}, Version::kSeeded);
  ASSERT_TRUE(header.has_value());
  EXPECT_FALSE(build_packet(*header, {}, kMinPayloadSize - 1).has_value());
  EXPECT_TRUE(build_packet(*header, {}, kMinPayloadSize).has_value());
}

TEST(SphinxPacket, EveryFlippedByteIsNoticed) {
  test::SeededRng rng{69};
  test::Nodes nodes{rng, 1};
  const auto packet = make_packet(nodes.route, sample_destination(), test::pattern(21, 1),
                                  PacketSize::kAck, Version::kSeeded, rng);
  ASSERT_TRUE(packet.has_value());
  for (std::size_t i = 0; i < packet->size(); ++i) {
    base::Bytes flipped = *packet;
    flipped[i] ^= 0x80;
    const auto unwrapped = unwrap(flipped, nodes.keys[0]);
    if (i == kSharedElementSize - 1) {
      // X25519 does not look at the top bit of a point, here as in the network.
      EXPECT_TRUE(unwrapped.has_value());
    } else if (i < kHeaderSize) {
      ASSERT_FALSE(unwrapped.has_value()) << i;
      EXPECT_EQ(unwrapped.error().code, Errc::sphinx_bad_mac);
    } else {
      ASSERT_TRUE(unwrapped.has_value()) << i;
      const auto plaintext = std::get<FinalHop>(unwrapped->hop).recover_plaintext();
      ASSERT_FALSE(plaintext.has_value()) << i;
      EXPECT_EQ(plaintext.error().code, Errc::sphinx_bad_payload);
    }
  }
}

TEST(SphinxPacket, EveryTruncationIsRefused) {
  test::SeededRng rng{70};
  test::Nodes nodes{rng, 2};
  const auto packet =
      make_packet(nodes.route, sample_destination(), {}, PacketSize::kAck, Version::kLongKeys, rng);
  ASSERT_TRUE(packet.has_value());
  for (std::size_t size = 0; size < kHeaderSize + kMinPayloadSize; ++size) {
    const auto refused = unwrap(base::ByteView{*packet}.first(size), nodes.keys[0]);
    ASSERT_FALSE(refused.has_value()) << size;
    EXPECT_EQ(refused.error().code, Errc::sphinx_bad_length);
  }
  // The header does not cover the payload's length; the last node notices.
  for (std::size_t size = kHeaderSize + kMinPayloadSize; size < packet->size(); ++size) {
    const auto first = unwrap(base::ByteView{*packet}.first(size), nodes.keys[0]);
    ASSERT_TRUE(first.has_value()) << size;
    const auto last = unwrap(std::get<ForwardHop>(first->hop).packet, nodes.keys[1]);
    ASSERT_TRUE(last.has_value()) << size;
    EXPECT_FALSE(std::get<FinalHop>(last->hop).recover_plaintext().has_value()) << size;
  }
}

/// A packet for one node whose routing block is `block`: what a hostile sender can make.
base::Bytes forge(const crypto::X25519PublicKey& node, base::ByteView block, base::Rng& rng) {
  const auto ephemeral = crypto::X25519KeyPair::generate(rng);
  const crypto::SharedSecret shared = crypto::x25519(ephemeral.secret, node);
  base::Bytes expanded(kExpandedSize);
  crypto::hkdf_sha256({}, shared.reveal(),
                      base::as_bytes("Dwste mou enan moxlo arketa makru kai ena upomoxlio gia na "
                                     "ton topothetisw kai tha kinisw thn gh."),
                      expanded);
  base::Bytes routing_info = base::to_bytes(block);
  routing_info.resize(kRoutingInfoSize);
  crypto::aes128_ctr_xor(base::ByteView{expanded}.first(16), routing_info);
  const auto mac = crypto::hmac_sha256(base::ByteView{expanded}.subspan(16, 16), routing_info);
  base::Bytes packet = base::to_bytes(ephemeral.public_key.bytes);
  base::append(packet, base::ByteView{mac}.first(16));
  base::append(packet, routing_info);
  packet.resize(packet_bytes(PacketSize::kAck));
  return packet;
}

TEST(SphinxPacket, AuthenticBlocksWithForeignContentAreRefused) {
  test::SeededRng rng{71};
  const auto node = crypto::X25519KeyPair::generate(rng);
  base::Bytes block(kRoutingInfoSize);
  block[0] = kFlagForward;
  block[2] = 1, block[3] = 3;
  block[4] = 4;

  for (int flag = 0; flag < 256; ++flag) {
    block[0] = static_cast<std::uint8_t>(flag);
    const auto result = unwrap(forge(node.public_key, block, rng), node.secret);
    if (flag == kFlagForward || flag == kFlagFinal) {
      EXPECT_TRUE(result.has_value()) << flag;
    } else {
      ASSERT_FALSE(result.has_value()) << flag;
      EXPECT_EQ(result.error().code, Errc::sphinx_bad_flag);
    }
  }
  block[0] = kFlagForward;
  for (int kind = 0; kind < 256; ++kind) {
    block[4] = static_cast<std::uint8_t>(kind);
    const auto result = unwrap(forge(node.public_key, block, rng), node.secret);
    if (kind == 4 || kind == 6) {
      EXPECT_TRUE(result.has_value()) << kind;
    } else {
      ASSERT_FALSE(result.has_value()) << kind;
      EXPECT_EQ(result.error().code, Errc::sphinx_bad_address);
    }
  }
}

TEST(SphinxPacket, UnknownVersionsBehaveLikeTheSeededOne) {
  test::SeededRng rng{72};
  test::Nodes nodes{rng, 2};
  const auto packet = make_packet(nodes.route, sample_destination(), test::pattern(9, 9),
                                  PacketSize::kAck, Version{4711}, rng);
  ASSERT_TRUE(packet.has_value());
  const auto first = unwrap(*packet, nodes.keys[0]);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->version, Version{4711});
  const auto last = unwrap(std::get<ForwardHop>(first->hop).packet, nodes.keys[1]);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(*std::get<FinalHop>(last->hop).recover_plaintext(), test::pattern(9, 9));
}

TEST(SphinxPacket, DelaysThatDoNotFitAreCut) {
  test::SeededRng rng{73};
  const auto node = crypto::X25519KeyPair::generate(rng);
  base::Bytes block(kRoutingInfoSize);
  block[0] = kFlagForward;
  block[4] = 4;
  for (std::size_t i = 36; i < 44; ++i) block[i] = 0xff;
  const auto result = unwrap(forge(node.public_key, block, rng), node.secret);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(std::get<ForwardHop>(result->hop).delay, base::Duration::max());

  // A builder that was given a negative delay sends none.
  test::Nodes nodes{rng, 2};
  nodes.route[0].delay = base::Duration{-5};
  const auto packet =
      make_packet(nodes.route, sample_destination(), {}, PacketSize::kAck, Version::kSeeded, rng);
  ASSERT_TRUE(packet.has_value());
  const auto first = unwrap(*packet, nodes.keys[0]);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(std::get<ForwardHop>(first->hop).delay, base::Duration::zero());
}

TEST(SphinxPacket, PayloadEndsAtTheLastMarker) {
  FinalHop hop{};
  const auto recover = [&](std::string_view hexadecimal) {
    hop.payload = base::Bytes(16);
    base::append(hop.payload, *base::hex_decode(hexadecimal));
    return hop.recover_plaintext();
  };
  EXPECT_EQ(*recover("aabb0100"), hex("aabb"));
  EXPECT_EQ(*recover("01"), base::Bytes{});
  EXPECT_EQ(*recover("010101"), hex("0101"));
  EXPECT_EQ(*recover("aa010205"), hex("aa"));  // rubbish behind the marker is tolerated
  EXPECT_EQ(recover("aabbcc").error().code, Errc::sphinx_bad_payload);
  EXPECT_EQ(recover("").error().code, Errc::sphinx_bad_payload);
  for (std::size_t i = 0; i < 16; ++i) {
    hop.payload = base::Bytes(40);
    hop.payload[20] = 1;
    EXPECT_TRUE(hop.recover_plaintext().has_value());
    hop.payload[i] = 1;
    EXPECT_FALSE(hop.recover_plaintext().has_value()) << i;
  }
  for (std::size_t size = 0; size < 16; ++size) {
    hop.payload = base::Bytes(size);
    EXPECT_FALSE(hop.recover_plaintext().has_value()) << size;
  }
}

// ---- Sizes ---------------------------------------------------------------------------------

TEST(PacketSizes, AreThoseOfTheNetwork) {
  const std::map<std::string, PacketSize> names = {{"ack", PacketSize::kAck},
                                                   {"regular", PacketSize::kRegular},
                                                   {"extended8", PacketSize::kExtended8},
                                                   {"extended16", PacketSize::kExtended16},
                                                   {"extended32", PacketSize::kExtended32}};
  const test::Json table = test::load_vectors("frames.json").back()["sizes"];
  ASSERT_EQ(table.size(), names.size());
  for (const test::Json& row : table) {
    const PacketSize size = names.at(row["name"].get<std::string>());
    EXPECT_EQ(packet_bytes(size), row["packet"].get<std::size_t>());
    EXPECT_EQ(payload_bytes(size), row["payload"].get<std::size_t>());
    EXPECT_EQ(plaintext_bytes(size), row["plaintext"].get<std::size_t>());
    EXPECT_EQ(*packet_size_from_tag(row["tag"].get<std::uint8_t>()), size);
    EXPECT_EQ(*packet_size_of(row["packet"].get<std::size_t>()), size);
    EXPECT_EQ(packet_size_of(row["packet"].get<std::size_t>() + 1).error().code,
              Errc::sphinx_bad_length);
  }
}

TEST(PacketSizes, TagsOfOutfoxAndUnknownTagsAreRefused) {
  for (int tag = 0; tag < 256; ++tag) {
    const auto size = packet_size_from_tag(static_cast<std::uint8_t>(tag));
    EXPECT_EQ(size.has_value(), tag >= 1 && tag <= 5) << tag;
    if (!size.has_value()) EXPECT_EQ(size.error().code, Errc::sphinx_bad_frame);
  }
}

}  // namespace
}  // namespace mix::sphinx
