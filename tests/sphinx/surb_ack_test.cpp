#include "mix/sphinx/surb_ack.h"

#include <gtest/gtest.h>

#include "route.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::sphinx {
namespace {

using base::Errc;
using test::hex;
using test::hex_array;

TEST(SurbAck, TheNetworksSplitAndComeBackToTheirSender) {
  for (const test::Json& vector : test::load_vectors("acks.json")) {
    const base::Bytes bytes = hex(vector["surb_ack"]);
    const auto ack = decode_surb_ack(bytes);
    ASSERT_TRUE(ack.has_value());
    EXPECT_EQ(ack->first_hop.to_string(), vector["recovered"]["first_hop_host"].get<std::string>());
    const auto encoded = encode_surb_ack(*ack);
    ASSERT_TRUE(encoded.has_value());
    EXPECT_EQ(*encoded, bytes);

    const test::Json& network = vector["network"];
    const test::Json* nodes[] = {&network["layer1"], &network["layer2"], &network["layer3"],
                                 &network["sender_gateway"]};
    const test::Json& hops = vector["recovered"]["hops"];
    ASSERT_EQ(hops.size(), std::size(nodes));
    base::Bytes packet = ack->packet;
    std::optional<FinalHop> last;
    for (std::size_t i = 0; i < hops.size(); ++i) {
      const crypto::X25519SecretKey key{hex_array<32>((*nodes[i])["private_key"])};
      ASSERT_NO_FATAL_FAILURE(test::expect_hop(hops[i], base::Bytes{packet}, key, packet, last));
    }
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(*last->recover_plaintext(), hex(vector["recovered"]["content"]));
  }
}

TEST(SurbAck, DeliveryIsCutBehindTheAck) {
  const test::Json vector = test::load_vectors("acks.json").front();
  base::Bytes plaintext = hex(vector["surb_ack"]);
  base::append(plaintext, test::pattern(1643, 5));
  const auto delivery = split_delivery(plaintext);
  ASSERT_TRUE(delivery.has_value());
  EXPECT_TRUE(base::equal(delivery->body, test::pattern(1643, 5)));
  const auto encoded = encode_surb_ack(delivery->ack);
  ASSERT_TRUE(encoded.has_value());
  EXPECT_EQ(*encoded, hex(vector["surb_ack"]));

  plaintext.resize(kSurbAckSize);
  const auto empty = split_delivery(plaintext);
  ASSERT_TRUE(empty.has_value());
  EXPECT_TRUE(empty->body.empty());
}

TEST(SurbAck, EveryTruncationIsRefused) {
  const base::Bytes bytes = hex(test::load_vectors("acks.json").front()["surb_ack"]);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const base::ByteView cut = base::ByteView{bytes}.first(size);
    const auto ack = decode_surb_ack(cut);
    ASSERT_FALSE(ack.has_value()) << size;
    EXPECT_EQ(ack.error().code, Errc::sphinx_bad_length);
    const auto delivery = split_delivery(cut);
    ASSERT_FALSE(delivery.has_value()) << size;
    EXPECT_EQ(delivery.error().code, Errc::sphinx_bad_length);
  }
  base::Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(decode_surb_ack(longer).has_value());
}

TEST(SurbAck, OnlyTheKindOfAddressIsChecked) {
  const base::Bytes bytes = hex(test::load_vectors("acks.json").front()["surb_ack"]);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    base::Bytes flipped = bytes;
    flipped[i] ^= 0xff;
    const auto ack = decode_surb_ack(flipped);
    ASSERT_EQ(ack.has_value(), i != 0) << i;
    if (!ack.has_value()) EXPECT_EQ(ack.error().code, Errc::sphinx_bad_address);
  }
}

TEST(SurbAck, OnlyAckPacketsAreEncoded) {
  for (const std::size_t size : {0U, 385U, 387U, 2413U}) {
    const auto refused = encode_surb_ack({NodeAddress{}, base::Bytes(size)});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::sphinx_bad_length);
  }
}

}  // namespace
}  // namespace mix::sphinx
