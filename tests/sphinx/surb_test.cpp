#include "mix/sphinx/surb.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <type_traits>

#include "route.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::sphinx {
namespace {

using base::Errc;
using test::hex;
using test::hex_array;

static_assert(!std::is_copy_constructible_v<Surb>, "a SURB must be used once");

Version version_of(const test::Json& vector) {
  return Version{vector["version"].get<std::uint16_t>()};
}

base::Bytes sample_surb(base::Rng& rng, std::size_t hops, Version version) {
  test::Nodes nodes{rng, hops};
  const auto surb = Surb::build(HeaderSecrets::generate(rng), nodes.route, Destination{}, version);
  EXPECT_TRUE(surb.has_value());
  return surb->encode();
}

TEST(Surb, IsByteForByteThatOfTheNetwork) {
  for (const test::Json& vector : test::load_vectors("surbs.json")) {
    for (const Derivation derivation : {Derivation::kMerged, Derivation::kChained}) {
      const std::vector<Hop> route = test::read_route(vector["route"], derivation);
      const auto surb = Surb::build(test::read_secrets(vector), route,
                                    hex_array<32>(vector["destination"]), version_of(vector));
      ASSERT_TRUE(surb.has_value());
      EXPECT_EQ(base::hex_encode(surb->encode()), vector["surb"].get<std::string>());
      EXPECT_EQ(Surb::encoded_size(version_of(vector), route.size()),
                vector["surb_len"].get<std::size_t>());
      EXPECT_EQ(surb->first_hop(), route.front().address);
    }
  }
}

TEST(Surb, UseGivesTheNetworksPacketAndItArrives) {
  for (const test::Json& vector : test::load_vectors("surbs.json")) {
    auto surb = Surb::decode(hex(vector["surb"]));
    ASSERT_TRUE(surb.has_value());
    const auto used =
        (*std::move(surb)).use(hex(vector["message"]), vector["payload_size"].get<std::size_t>());
    ASSERT_TRUE(used.has_value());
    EXPECT_EQ(base::hex_encode(used->packet), vector["packet"].get<std::string>());
    EXPECT_EQ(used->first_hop, test::read_address(vector["first_hop"]));

    base::Bytes packet = used->packet;
    std::optional<FinalHop> last;
    for (std::size_t i = 0; i < vector["hops"].size(); ++i) {
      const crypto::X25519SecretKey key{hex_array<32>(vector["route"][i]["private_key"])};
      ASSERT_NO_FATAL_FAILURE(
          test::expect_hop(vector["hops"][i], base::Bytes{packet}, key, packet, last));
    }
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(*last->recover_plaintext(), hex(vector["message"]));
  }
}

TEST(Surb, DecodeIsTheInverseOfEncode) {
  test::SeededRng rng{81};
  for (const Version version : {Version::kUnclamped257, Version::kLongKeys, Version::kSeeded}) {
    for (std::size_t hops = 1; hops <= kMaxHops; ++hops) {
      const base::Bytes bytes = sample_surb(rng, hops, version);
      EXPECT_EQ(bytes.size(), Surb::encoded_size(version, hops));
      const auto surb = Surb::decode(bytes);
      ASSERT_TRUE(surb.has_value());
      EXPECT_EQ(surb->encode(), bytes);
    }
  }
}

TEST(Surb, LengthDecidesWhetherTheBytesAreASurb) {
  test::SeededRng rng{82};
  const base::Bytes longest = sample_surb(rng, kMaxHops, Version::kLongKeys);
  for (std::size_t size = 0; size <= longest.size(); ++size) {
    const std::size_t material = size < kSurbPrefixSize ? 0 : size - kSurbPrefixSize;
    const bool seeds = material > 0 && material < 192 && material % 16 == 0 && material <= 5 * 16;
    const bool keys = material >= 192 && material % 192 == 0;
    const auto surb = Surb::decode(base::ByteView{longest}.first(size));
    ASSERT_EQ(surb.has_value(), seeds || keys) << size;
    if (!surb.has_value()) EXPECT_EQ(surb.error().code, Errc::sphinx_bad_surb);
  }
  base::Bytes too_long = longest;
  too_long.resize(kSurbPrefixSize + 6 * kPayloadKeySize);
  EXPECT_FALSE(Surb::decode(too_long).has_value());
}

TEST(Surb, FlippedBytesNeverHarmTheParser) {
  test::SeededRng rng{83};
  for (const Version version : {Version::kLongKeys, Version::kSeeded}) {
    const base::Bytes bytes = sample_surb(rng, 4, version);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      base::Bytes flipped = bytes;
      flipped[i] ^= 0xff;
      auto surb = Surb::decode(flipped);
      // Of the outside only the kind of the address is checked.
      EXPECT_EQ(surb.has_value(), i != kHeaderSize) << i;
      if (surb.has_value() && i % 37 == 0) {
        EXPECT_TRUE((*std::move(surb)).use({}, PacketSize::kAck).has_value());
      }
    }
  }
}

TEST(Surb, MessagesThatDoNotFitAreRefused) {
  test::SeededRng rng{84};
  const base::Bytes bytes = sample_surb(rng, 4, Version::kSeeded);
  auto surb = Surb::decode(bytes);
  ASSERT_TRUE(surb.has_value());
  const auto refused = (*std::move(surb)).use(base::Bytes(22), PacketSize::kAck);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::sphinx_message_too_long);
}

TEST(SurbDeathTest, IsNotUsedTwice) {
  test::SeededRng rng{86};
  auto surb = Surb::decode(sample_surb(rng, 4, Version::kSeeded));
  ASSERT_TRUE(surb.has_value());
  EXPECT_TRUE((*std::move(surb)).use({}, PacketSize::kAck).has_value());
  EXPECT_DEATH_IF_SUPPORTED(static_cast<void>((*std::move(surb)).use({}, PacketSize::kAck)),
                            "used twice");
}

TEST(Surb, RoutesWithoutOrWithTooManyHopsAreRefused) {
  test::SeededRng rng{85};
  test::Nodes nodes{rng, kMaxHops + 1};
  for (const std::size_t hops : {std::size_t{0}, kMaxHops + 1}) {
    const auto refused =
        Surb::build(HeaderSecrets::generate(rng), std::span{nodes.route}.first(hops), Destination{},
                    Version::kSeeded);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::sphinx_bad_route);
  }
}

}  // namespace
}  // namespace mix::sphinx
