// Whole packets made by the network's own software: what the receiver reads, and what we would
// have sent with the same secrets.
#include <gtest/gtest.h>

#include <deque>

#include "mangle.h"
#include "mix/crypto/hash.h"
#include "mix/mixnet/ack.h"
#include "mix/mixnet/fragment.h"
#include "mix/mixnet/fragment_crypto.h"
#include "mix/mixnet/mix_packet.h"
#include "mix/mixnet/padding.h"
#include "mix/mixnet/reassembly.h"
#include "mix/mixnet/reply_surb.h"
#include "mix/mixnet/typed_message.h"
#include "mix/sphinx/surb_ack.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::mixnet {
namespace {

using test::hex;
using test::Json;

std::string sha256_hex(base::ByteView bytes) { return base::hex_encode(crypto::sha256(bytes)); }

sphinx::PacketSize packet_size_named(const std::string& name) {
  if (name == "regular") return sphinx::PacketSize::kRegular;
  if (name == "extended8") return sphinx::PacketSize::kExtended8;
  if (name == "extended16") return sphinx::PacketSize::kExtended16;
  if (name == "extended32") return sphinx::PacketSize::kExtended32;
  test::bad_vector("packet size " + name);
}

crypto::AesKey128 ack_key_of(const Json& hex_text) {
  return crypto::AesKey128{test::hex_array<16>(hex_text)};
}

FragmentId fragment_id_of(const Json& hex_text) {
  const base::Bytes bytes = hex(hex_text);
  base::Reader in(bytes);
  return *FragmentId::decode(in);
}

/// Unwraps a packet through the nodes of the network object, checking every hop.
base::Bytes unwrap_through(const Json& network, const std::string& last, base::Bytes packet,
                           const Json& hops) {
  const std::array<std::string, 4> names{"layer1", "layer2", "layer3", last};
  EXPECT_EQ(hops.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const crypto::X25519SecretKey key{test::hex_array<32>(network[names[i]]["private_key"])};
    auto unwrapped = sphinx::unwrap(packet, key);
    if (!unwrapped) {
      ADD_FAILURE() << names[i] << ": " << base::describe(unwrapped.error());
      return {};
    }
    EXPECT_EQ(base::hex_encode(unwrapped->replay_tag), hops[i]["replay_tag"].get<std::string>());
    if (auto* forward = std::get_if<sphinx::ForwardHop>(&unwrapped->hop)) {
      EXPECT_EQ(forward->delay.count(), hops[i]["delay_ns"].get<std::int64_t>());
      EXPECT_EQ(sha256_hex(forward->packet), hops[i]["packet_out_sha256"].get<std::string>());
      packet = std::move(forward->packet);
      continue;
    }
    auto plaintext = std::get<sphinx::FinalHop>(unwrapped->hop).recover_plaintext();
    EXPECT_EQ(hops[i]["kind"].get<std::string>(), "final");
    return plaintext ? *std::move(plaintext) : base::Bytes{};
  }
  ADD_FAILURE() << "no last hop";
  return {};
}

/// The mix packet in both forms, forth and back; returns the Sphinx packet.
MixPacket check_mix_packet(const Json& v) {
  const base::Bytes v2 = hex(v["mix_packet_v2"]);
  auto packet = MixPacket::decode(v2, MixPacketFormat::kV2);
  if (!packet) {
    ADD_FAILURE() << base::describe(packet.error());
    return {};
  }
  EXPECT_EQ(packet->encode(MixPacketFormat::kV2), v2);
  const base::Bytes v1 = packet->encode(MixPacketFormat::kV1);
  EXPECT_EQ(sha256_hex(v1), v["mix_packet_v1_sha256"].get<std::string>());
  EXPECT_TRUE(MixPacket::decode(v1, MixPacketFormat::kV1));
  EXPECT_EQ(static_cast<int>(packet->rotation), v["key_rotation"].get<int>());
  EXPECT_EQ(packet->first_hop.to_string(), v["first_hop"].get<std::string>());
  return *std::move(packet);
}

/// The SURB-ACK that came with a packet: through the network, and its content both ways.
void check_ack(const Json& network, const std::string& gateway, const Json& ack_key,
               const sphinx::RoutedPacket& surb_ack, const Json& expected) {
  EXPECT_EQ(surb_ack.first_hop.to_string(), expected["first_hop_host"].get<std::string>());
  const base::Bytes content = unwrap_through(network, gateway, surb_ack.packet, expected["hops"]);
  EXPECT_EQ(content, hex(expected["content"]));
  const auto key = ack_key_of(ack_key);
  const auto id = open_ack(key, content);
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, fragment_id_of(expected["fragment_id"]));
  crypto::AesBlock iv{};
  std::copy_n(content.begin(), iv.size(), iv.begin());
  EXPECT_EQ(base::to_bytes(seal_ack(key, iv, *id)), content);
}

/// The fragments that the packets of a vector carry, cut from its padded message by us.
std::vector<Fragment> our_fragments(const Json& v) {
  std::vector<SetId> sets;
  for (const Json& packet : v["packets"]) {
    const SetId set = fragment_id_of(packet["fragment_id"]).set;
    if (sets.empty() || !(sets.back() == set)) sets.push_back(set);
  }
  const std::size_t size = fragment_bytes(packet_size_named(v["packet_size"].get<std::string>()));
  return split(hex(v["padded_message"]), size, sets);
}

/// Feeds fragments to a fresh reassembler; the message must be complete at the last one.
base::Bytes reassemble(const std::vector<base::Bytes>& fragments) {
  Reassembler reassembler(16u << 20);
  for (std::size_t i = 0; i < fragments.size(); ++i) {
    const auto view = FragmentView::decode(fragments[i]);
    if (!view) {
      ADD_FAILURE() << "fragment " << i;
      return {};
    }
    auto answer = reassembler.receive(*view, base::TimePoint{});
    const bool last = i + 1 == fragments.size();
    EXPECT_EQ(answer.outcome,
              last ? Reassembler::Outcome::kComplete : Reassembler::Outcome::kStored);
    if (last) return std::move(answer.message);
  }
  return {};
}

TEST(PacketVectors, MessagesAreReadAndWouldBeWrittenAlike) {
  for (const Json& v : test::load_vectors("messages.json")) {
    SCOPED_TRACE(v["kind"].get<std::string>() + " " + v["packet_size"].get<std::string>());
    const crypto::X25519SecretKey own{
        test::hex_array<32>(v["recipient"]["encryption_private_key"])};
    const auto ours = our_fragments(v);
    ASSERT_EQ(ours.size(), v["packets"].size());
    std::vector<base::Bytes> fragments;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const Json& p = v["packets"][i];
      const MixPacket packet = check_mix_packet(p);
      const base::Bytes plaintext =
          unwrap_through(v["network"], "recipient_gateway", packet.packet, p["hops"]);
      const auto delivery = sphinx::split_delivery(plaintext);
      ASSERT_TRUE(delivery);
      EXPECT_EQ(base::to_bytes(delivery->body), hex(p["delivered"]));
      EXPECT_EQ(sha256_hex(base::ByteView(plaintext).first(kSurbAckSize)),
                p["surb_ack_sha256"].get<std::string>());
      check_ack(v["network"], "sender_gateway", v["ack_key"], delivery->ack, p["ack"]);

      // The receiver's way.
      auto fragment = open_fragment(delivery->body, own);
      ASSERT_TRUE(fragment);
      EXPECT_EQ(sha256_hex(*fragment), p["fragment_sha256"].get<std::string>());
      base::Reader in(delivery->body);
      const crypto::X25519PublicKey ephemeral{*in.fixed<32>()};
      const FragmentKey key = derive_fragment_key(crypto::x25519(own, ephemeral));
      EXPECT_EQ(base::to_bytes(key.reveal()), hex(p["fragment_key"]));

      // The sender's way.
      EXPECT_EQ(ours[i].id, fragment_id_of(p["fragment_id"]));
      EXPECT_EQ(ours[i].bytes, *fragment);
      base::Bytes sealed = ours[i].bytes;
      apply_fragment_key(key, sealed);
      EXPECT_EQ(sealed, base::to_bytes(in.rest()));
      fragments.push_back(*std::move(fragment));
    }
    const base::Bytes padded = reassemble(fragments);
    EXPECT_EQ(padded, hex(v["padded_message"]));
    const auto message = decode_message(*unpad(padded));
    ASSERT_TRUE(message);
    const std::size_t fragment_size =
        fragment_bytes(packet_size_named(v["packet_size"].get<std::string>()));
    EXPECT_EQ(pad(*encode(*message), fragment_size), padded);
    if (v["kind"] == "plain") {
      EXPECT_EQ(std::get<PlainMessage>(*message).data, hex(v["data"]));
    } else {
      const auto& repliable = std::get<RepliableMessage>(*message);
      EXPECT_EQ(repliable.data, hex(v["data"]));
      EXPECT_EQ(repliable.sender.bytes, test::hex_array<16>(v["sender_tag"]));
      EXPECT_EQ(repliable.surbs.size(), v["surbs"].get<std::size_t>());
    }
    const auto recipient = Recipient::parse(v["recipient"]["address"].get<std::string>());
    ASSERT_TRUE(recipient);
    base::Writer address;
    recipient->encode(address);
    EXPECT_EQ(address.take(), hex(v["recipient"]["address_bytes"]));
  }
}

TEST(PacketVectors, RepliesAreReadAndWrittenByteForByte) {
  for (const Json& v : test::load_vectors("replies.json")) {
    SCOPED_TRACE(v["kind"].get<std::string>());
    const sphinx::PacketSize size = packet_size_named(v["packet_size"].get<std::string>());
    TypedMessage sent = ReplyData{};
    if (v["kind"] == "surb_request") {
      sent = SurbRequest{*Recipient::parse(v["replier"]["address"].get<std::string>()),
                         v["amount"].get<std::uint32_t>()};
    } else {
      sent = ReplyData{hex(v["data"])};
    }
    EXPECT_EQ(pad(*encode(sent), fragment_bytes(size)), hex(v["padded_message"]));

    const auto ours = our_fragments(v);
    ASSERT_EQ(ours.size(), v["packets"].size());
    std::vector<base::Bytes> fragments;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const Json& p = v["packets"][i];
      const MixPacket packet = check_mix_packet(p);

      // The replier's way: SURB, SURB-ACK and fragment give the very packet.
      auto surb = ReplySurb::decode(hex(p["reply_surb"]), packet.rotation);
      ASSERT_TRUE(surb);
      EXPECT_EQ(base::to_bytes(surb->key.reveal()), hex(p["encryption_key"]));
      base::Bytes plaintext = hex(p["surb_ack"]);
      const base::Bytes body = seal_reply_fragment(ours[i].bytes, surb->key);
      base::append(plaintext, body);
      auto routed = std::move(surb->surb).use(plaintext, size);
      ASSERT_TRUE(routed);
      EXPECT_EQ(routed->packet, packet.packet);
      EXPECT_EQ(routed->first_hop, packet.first_hop);
      EXPECT_EQ(body, hex(p["delivered"]));

      // The way of the SURB's creator.
      EXPECT_EQ(unwrap_through(v["network"], "sender_gateway", packet.packet, p["hops"]),
                plaintext);
      const FragmentKey key{test::hex_array<16>(p["encryption_key"])};
      EXPECT_EQ(base::to_bytes(reply_key_digest(key)), hex(p["key_digest"]));
      base::Bytes fragment = base::to_bytes(base::ByteView(body).subspan(kKeyPartSize));
      apply_fragment_key(key, fragment);
      EXPECT_EQ(sha256_hex(fragment), p["fragment_sha256"].get<std::string>());
      EXPECT_EQ(fragment, ours[i].bytes);
      const auto ack = sphinx::decode_surb_ack(hex(p["surb_ack"]));
      ASSERT_TRUE(ack);
      check_ack(v["network"], "recipient_gateway", v["replier_ack_key"], *ack, p["ack"]);
      fragments.push_back(std::move(fragment));
    }
    const base::Bytes padded = reassemble(fragments);
    EXPECT_EQ(padded, hex(v["padded_message"]));
    const auto message = decode_message(*unpad(padded));
    ASSERT_TRUE(message);
    EXPECT_EQ(*encode(*message), *encode(sent));
  }
}

TEST(PacketVectors, AcksAreReadAndWritten) {
  for (const Json& v : test::load_vectors("acks.json")) {
    const auto ack = sphinx::decode_surb_ack(hex(v["surb_ack"]));
    ASSERT_TRUE(ack);
    check_ack(v["network"], "sender_gateway", v["ack_key"], *ack, v["recovered"]);
    std::int64_t delay = 0;
    for (const Json& hop : v["recovered"]["hops"]) {
      if (hop["kind"] == "forward") delay += hop["delay_ns"].get<std::int64_t>();
    }
    EXPECT_EQ(delay, v["expected_total_delay_ns"].get<std::int64_t>());
  }
}

TEST(PacketVectors, CoversAreRecognisedAndWouldBeWrittenAlike) {
  for (const Json& v : test::load_vectors("covers.json")) {
    const Json& p = v["packet"];
    const MixPacket packet = check_mix_packet(p);
    const base::Bytes plaintext =
        unwrap_through(v["network"], "sender_gateway", packet.packet, p["hops"]);
    const auto delivery = sphinx::split_delivery(plaintext);
    ASSERT_TRUE(delivery);
    EXPECT_EQ(base::to_bytes(delivery->body), hex(p["delivered"]));
    check_ack(v["network"], "sender_gateway", v["ack_key"], delivery->ack, p["ack"]);

    const crypto::X25519SecretKey own{test::hex_array<32>(v["client"]["encryption_private_key"])};
    const auto content = open_fragment(delivery->body, own);
    ASSERT_TRUE(content);
    base::Bytes expected = base::to_bytes(base::as_bytes(kCoverMarker));
    expected.push_back(1);
    expected.resize(fragment_bytes(packet_size_named(v["packet_size"].get<std::string>())), 0);
    EXPECT_EQ(expected.size(), p["content_len"].get<std::size_t>());
    EXPECT_EQ(*content, expected);
    const FragmentKey key{test::hex_array<16>(p["content_key"])};
    apply_fragment_key(key, expected);
    EXPECT_EQ(expected, base::to_bytes(delivery->body.subspan(kKeyPartSize)));
  }
}

TEST(MixPacket, RefusesWhatTheSpecRefuses) {
  const base::Bytes good = hex(test::load_vectors("covers.json")[0]["packet"]["mix_packet_v2"]);
  const auto with = [&good](std::size_t at, std::uint8_t value) {
    base::Bytes bytes = good;
    bytes[at] = value;
    return MixPacket::decode(bytes, MixPacketFormat::kV2);
  };
  EXPECT_EQ(with(0, 2).error().code, base::Errc::sphinx_bad_frame) << "Outfox";
  EXPECT_EQ(with(1, 3).error().code, base::Errc::sphinx_bad_frame) << "rotation";
  EXPECT_EQ(with(2, 5).error().code, base::Errc::sphinx_bad_address);
  for (std::size_t n = 0; n < good.size(); n += n < 40 ? 1 : 97) {
    EXPECT_FALSE(MixPacket::decode(base::ByteView(good).first(n), MixPacketFormat::kV2)) << n;
  }
  for (std::size_t i = 0; i < 40; ++i) {
    (void)with(i, static_cast<std::uint8_t>(good[i] ^ 0xff));
  }
}

TEST(Ack, IsSealedWithAFreshIvEachTime) {
  test::SeededRng rng(20);
  const crypto::AesKey128 key{rng.bytes<16>()};
  const FragmentId id{SetId{77}, 3};
  const AckContent a = seal_ack(key, id, rng);
  const AckContent b = seal_ack(key, id, rng);
  EXPECT_NE(a, b);
  EXPECT_EQ(*open_ack(key, a), id);
  EXPECT_EQ(*open_ack(key, b), id);
}

TEST(Ack, RefusesOtherLengths) {
  test::SeededRng rng(21);
  const crypto::AesKey128 key{rng.bytes<16>()};
  const AckContent good = seal_ack(key, FragmentId{SetId{77}, 3}, rng);
  test::mangle(good, [&key](base::ByteView bytes) {
    const auto id = open_ack(key, bytes);
    if (bytes.size() != kAckContentSize) {
      EXPECT_EQ(id.error().code, base::Errc::mixnet_bad_ack);
    }
  });
  base::Bytes longer = base::to_bytes(good);
  longer.push_back(0);
  EXPECT_FALSE(open_ack(key, longer));
}

TEST(FragmentCrypto, SealedFragmentsOpenAndDifferEachTime) {
  test::SeededRng rng(22);
  const auto keys = crypto::X25519KeyPair::generate(rng);
  const base::Bytes fragment = test::pattern(1611, 3);
  crypto::PointTables tables{{.uses_before_table = 2}};
  const base::Bytes a =
      seal_fragment(fragment, FragmentSeal::generate(keys.public_key, rng, tables));
  const base::Bytes b =
      seal_fragment(fragment, FragmentSeal::generate(keys.public_key, rng, tables));
  EXPECT_NE(a, b);
  EXPECT_EQ(*open_fragment(a, keys.secret), fragment);
  EXPECT_EQ(*open_fragment(b, keys.secret), fragment);
  for (std::size_t n = 0; n < 32; ++n) {
    EXPECT_FALSE(open_fragment(base::ByteView(a).first(n), keys.secret));
  }
}

TEST(ReplySurb, SurvivesMangledBytes) {
  for (const Json& v : test::load_vectors("replies.json")) {
    const base::Bytes good = hex(v["packets"][0]["reply_surb"]);
    test::mangle(good, [&good](base::ByteView bytes) {
      const auto surb = ReplySurb::decode(bytes, sphinx::KeyRotation::kUnknown);
      if (!surb) return;
      base::Writer again;
      surb->encode(again);
      EXPECT_LE(again.size(), good.size());
    });
  }
}

}  // namespace
}  // namespace mix::mixnet
