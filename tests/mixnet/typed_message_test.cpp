#include "mix/mixnet/typed_message.h"

#include <gtest/gtest.h>

#include "mangle.h"
#include "mix/crypto/hash.h"
#include "mix/mixnet/fragment.h"
#include "mix/mixnet/padding.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::mixnet {
namespace {

constexpr std::size_t kRegular = 1611;
using Content = RepliableMessage::Content;

std::string sha256_hex(base::ByteView bytes) { return base::hex_encode(crypto::sha256(bytes)); }

void expect_padded_like(const test::Json& v, const TypedMessage& message) {
  const auto bytes = encode(message);
  ASSERT_TRUE(bytes);
  const base::Bytes padded = pad(*bytes, kRegular);
  EXPECT_EQ(padded.size(), v["padded_len"].get<std::size_t>());
  EXPECT_EQ(sha256_hex(padded), v["padded_sha256"].get<std::string>());
  EXPECT_EQ(plan_split(padded.size(), kRegular).fragments, v["fragments"].get<std::size_t>());
  const auto back = unpad(padded);
  ASSERT_TRUE(back);
  EXPECT_EQ(base::to_bytes(*back), *bytes);
}

/// A list of one SURB over `hops` hops, made from random bytes that parse.
ReplySurb some_surb(test::SeededRng& rng, sphinx::Version version, std::size_t hops,
                    sphinx::KeyRotation rotation = sphinx::KeyRotation::kOdd) {
  base::Bytes bytes(ReplySurb::encoded_size(version, hops));
  rng.fill(bytes);
  bytes[kReplyKeySize + sphinx::kHeaderSize] = 4;  // IPv4 first hop
  auto surb = ReplySurb::decode(bytes, rotation);
  EXPECT_TRUE(surb);
  return *std::move(surb);
}

TEST(TypedMessage, PlainIsPaddedLikeTheReference) {
  for (const auto& v : test::load_vectors("nym_messages.json", "plain")) {
    const base::Bytes data =
        test::pattern(v["data_len"].get<std::size_t>(), v["pattern_seed"].get<std::size_t>());
    EXPECT_EQ(sha256_hex(data), v["data_sha256"].get<std::string>());
    expect_padded_like(v, PlainMessage{data});
    const auto decoded = decode_message(*encode(PlainMessage{data}));
    ASSERT_TRUE(decoded);
    ASSERT_TRUE(std::holds_alternative<PlainMessage>(*decoded));
    EXPECT_EQ(std::get<PlainMessage>(*decoded).data, data);
  }
}

TEST(TypedMessage, ReplyIsPaddedLikeTheReference) {
  for (const auto& v : test::load_vectors("nym_messages.json", "reply_data")) {
    const base::Bytes data =
        test::pattern(v["data_len"].get<std::size_t>(), v["pattern_seed"].get<std::size_t>());
    if (!v["accepted_by_reference"].get<bool>()) {
      EXPECT_EQ(encode(ReplyData{data}).error().code, base::Errc::mixnet_bad_message);
      EXPECT_EQ(decode_message(base::Bytes{2, 0}).error().code, base::Errc::mixnet_bad_message);
      continue;
    }
    expect_padded_like(v, ReplyData{data});
    const auto decoded = decode_message(*encode(ReplyData{data}));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(std::get<ReplyData>(*decoded).data, data);
  }
}

TEST(TypedMessage, RepliableReadsAndWritesTheKnownMessages) {
  for (const auto& v : test::load_vectors("nym_messages.json", "repliable")) {
    SCOPED_TRACE(v["content"].get<std::string>());
    base::Bytes bytes{1};
    base::append(bytes, test::hex(v["serialised_without_type_byte"]));
    auto decoded = decode_message(bytes);
    ASSERT_TRUE(decoded) << base::describe(decoded.error());
    auto& message = std::get<RepliableMessage>(*decoded);
    const auto content = v["content"].get<std::string>();
    EXPECT_EQ(message.content,
              content.starts_with("data") ? Content::kData : Content::kAdditionalSurbs);
    EXPECT_EQ(message.list, content.ends_with("v1") ? SurbListVersion::kV1 : SurbListVersion::kV2);
    EXPECT_EQ(message.sender.bytes, test::hex_array<16>(v["sender_tag"]));
    EXPECT_EQ(message.data, test::hex(v["data"]));
    ASSERT_EQ(message.surbs.size(), v["surbs"].get<std::size_t>());
    for (std::size_t i = 0; i < message.surbs.size(); ++i) {
      base::Writer surb;
      message.surbs[i].encode(surb);
      EXPECT_EQ(surb.size(), v["surb_len"].get<std::size_t>());
      EXPECT_EQ(sha256_hex(surb.view()), v["reply_surb_sha256"][i].get<std::string>());
    }
    const auto again = encode(*decoded);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, bytes);
    EXPECT_EQ(
        repliable_overhead(message.list, message.surbs.size(), v["surb_len"].get<std::size_t>()) +
            message.data.size(),
        bytes.size());
  }
}

TEST(TypedMessage, SurbRequestReadsAndWritesTheKnownMessages) {
  for (const auto& v : test::load_vectors("nym_messages.json", "surb_request")) {
    base::Bytes bytes{2};
    base::append(bytes, test::hex(v["serialised_without_type_byte"]));
    const auto recipient = Recipient::parse(v["recipient"].get<std::string>());
    ASSERT_TRUE(recipient);
    const auto amount = v["amount"].get<std::uint32_t>();
    EXPECT_EQ(*encode(SurbRequest{*recipient, amount}), bytes);
    const auto decoded = decode_message(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(std::get<SurbRequest>(*decoded).replier, *recipient);
    EXPECT_EQ(std::get<SurbRequest>(*decoded).amount, amount);
    bytes.push_back(0);
    EXPECT_EQ(decode_message(bytes).error().code, base::Errc::base_trailing_bytes);
  }
}

TEST(TypedMessage, EverySixContentTagsAreRead) {
  test::SeededRng rng(10);
  for (const auto list : {SurbListVersion::kV1, SurbListVersion::kV2}) {
    const auto version =
        list == SurbListVersion::kV1 ? sphinx::Version::kLongKeys : sphinx::Version::kSeeded;
    for (const auto content : {Content::kData, Content::kAdditionalSurbs, Content::kHeartbeat}) {
      RepliableMessage message{.sender = SenderTag::generate(rng),
                               .content = content,
                               .list = list,
                               .surbs = {},
                               .data = {}};
      message.surbs.push_back(some_surb(rng, version, 4));
      const auto bytes = encode(TypedMessage{std::move(message)});
      ASSERT_TRUE(bytes);
      const std::uint8_t tag = static_cast<std::uint8_t>(static_cast<unsigned>(content) +
                                                         (list == SurbListVersion::kV2 ? 3u : 0u));
      EXPECT_EQ((*bytes)[17], tag);
      const auto decoded = decode_message(*bytes);
      ASSERT_TRUE(decoded);
      const auto& back = std::get<RepliableMessage>(*decoded);
      EXPECT_EQ(back.content, content);
      EXPECT_EQ(back.list, list);
      ASSERT_EQ(back.surbs.size(), 1u);
      EXPECT_EQ(back.surbs[0].rotation, list == SurbListVersion::kV2
                                            ? sphinx::KeyRotation::kOdd
                                            : sphinx::KeyRotation::kUnknown);
    }
  }
}

TEST(TypedMessage, ToleratesBytesAfterAListWithoutData) {
  base::Writer bytes;
  bytes.u8(1).fill(16, 7).u8(4).u16be(0).u8(0).u8(0).fill(5, 9);
  const auto decoded = decode_message(bytes.view());
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(std::get<RepliableMessage>(*decoded).data.empty());
}

TEST(TypedMessage, RefusesListsLongerThanTheData) {
  base::Writer v1;
  v1.u8(1).fill(16, 7).u8(0).u32be(0xffff'ffff).fill(1164, 4);
  EXPECT_EQ(decode_message(v1.view()).error().code, base::Errc::base_truncated);
  base::Writer v2;
  v2.u8(1).fill(16, 7).u8(3).u16be(2).u8(4).u8(0).fill(460 * 2 - 1, 4);
  EXPECT_EQ(decode_message(v2.view()).error().code, base::Errc::base_truncated);
}

TEST(TypedMessage, RefusesUnknownTypesTagsHopsAndRotations) {
  EXPECT_FALSE(decode_message({}));
  EXPECT_FALSE(decode_message(base::Bytes{3, 0, 0}));
  EXPECT_FALSE(decode_message(base::Bytes{2}));
  EXPECT_FALSE(decode_message(base::Bytes{2, 2, 0}));
  const auto repliable = [](std::uint8_t tag, std::uint16_t count, std::uint8_t hops,
                            std::uint8_t rotation) {
    base::Writer out;
    out.u8(1).fill(16, 7).u8(tag).u16be(count).u8(hops).u8(rotation).fill(3000, 4);
    return decode_message(out.view()).has_value();
  };
  EXPECT_TRUE(repliable(3, 1, 4, 2));
  EXPECT_TRUE(repliable(3, 0, 0, 0));
  EXPECT_FALSE(repliable(6, 0, 0, 0));
  EXPECT_FALSE(repliable(3, 1, 4, 3)) << "rotation";
  EXPECT_FALSE(repliable(3, 1, 0, 0)) << "no hops";
  EXPECT_FALSE(repliable(3, 1, 6, 0)) << "too many hops";
  base::Writer no_content;
  no_content.u8(1).fill(16, 7).u8(3);
  EXPECT_FALSE(decode_message(no_content.view()));
}

TEST(TypedMessage, EncoderRefusesSurbsThatDoNotFitOneList) {
  test::SeededRng rng(11);
  RepliableMessage mixed;
  mixed.surbs.push_back(some_surb(rng, sphinx::Version::kSeeded, 4));
  mixed.surbs.push_back(some_surb(rng, sphinx::Version::kSeeded, 3));
  EXPECT_FALSE(encode(TypedMessage{std::move(mixed)}));
  RepliableMessage seeds_in_v1;
  seeds_in_v1.list = SurbListVersion::kV1;
  seeds_in_v1.surbs.push_back(some_surb(rng, sphinx::Version::kSeeded, 4));
  EXPECT_FALSE(encode(TypedMessage{std::move(seeds_in_v1)}));
  RepliableMessage keys_in_v2;
  keys_in_v2.surbs.push_back(some_surb(rng, sphinx::Version::kLongKeys, 4));
  EXPECT_FALSE(encode(TypedMessage{std::move(keys_in_v2)}));
}

TEST(TypedMessage, SurvivesMangledBytes) {
  test::SeededRng rng(12);
  RepliableMessage repliable;
  repliable.sender = SenderTag::generate(rng);
  repliable.surbs.push_back(some_surb(rng, sphinx::Version::kSeeded, 4));
  repliable.surbs.push_back(some_surb(rng, sphinx::Version::kSeeded, 4));
  repliable.data = test::pattern(20, 1);
  const auto keys = ClientKeys::generate(rng);
  const Recipient address{keys.identity.public_key, keys.encryption.public_key,
                          keys.identity.public_key};
  for (const base::Bytes& good :
       {*encode(TypedMessage{std::move(repliable)}), *encode(SurbRequest{address, 50}),
        *encode(ReplyData{{1, 2, 3}}), *encode(PlainMessage{{1, 2, 3}})}) {
    test::mangle(good, [](base::ByteView bytes) {
      const auto decoded = decode_message(bytes);
      // What is accepted can be written again, unless it had bytes that are tolerated.
      if (decoded) {
        EXPECT_TRUE(encode(*decoded));
      }
    });
  }
}

}  // namespace
}  // namespace mix::mixnet
