#include "mix/gateway/frames.h"

#include <gtest/gtest.h>

#include "gateway_vectors.h"
#include "mix/crypto/hash.h"
#include "mix/gateway/messages.h"
#include "mix/sphinx/address.h"
#include "mix/sphinx/frame.h"

namespace mix::gateway {
namespace {

using base::Bytes;
using base::Errc;

class Frames : public testing::Test {
 protected:
  GatewayVectors vectors_;
  crypto::GcmSiv cipher_{vectors_.shared_key()};
  const test::Json& packet_ = vectors_.json["forward_v2"];
  const test::Json& push_ = vectors_.json["push_ack"];
};

TEST_F(Frames, SealsThePacketOfTheVector) {
  const Bytes plaintext = test::hex(packet_["plaintext"]);
  const Bytes frame = test::hex(packet_["frame"]);
  EXPECT_EQ(
      seal_packet_frame(cipher_, vectors_.nonce(packet_["nonce"]), PacketFormat::kV2, plaintext),
      frame);
  EXPECT_EQ(frame.size(), plaintext.size() + kFrameOverhead);
  const auto opened = open_packet_frame(cipher_, frame);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->format, PacketFormat::kV2);
  EXPECT_EQ(opened->mix_packet, plaintext);
}

TEST_F(Frames, ThePacketOfTheVectorIsMadeOfTypeRotationAddressAndPacket) {
  base::Writer out;
  out.u8(sphinx::kPacketTypeSphinx).u8(static_cast<std::uint8_t>(sphinx::KeyRotation::kEven));
  sphinx::NodeAddress::parse("203.0.113.7", 1789).value().encode(out);
  for (int i = 0; i < 386; ++i) out.u8(static_cast<std::uint8_t>(i));
  EXPECT_EQ(out.take(), test::hex(packet_["plaintext"]));
}

TEST_F(Frames, RotationBytesAreThoseOfTheVector) {
  for (const auto& [id, byte] : vectors_.json["rotation_byte"].items()) {
    const auto rotation = sphinx::key_rotation_of(static_cast<std::uint32_t>(std::stoul(id)));
    EXPECT_EQ(static_cast<int>(rotation), byte.get<int>()) << id;
  }
}

TEST_F(Frames, OpensThePushedAckOfTheVector) {
  const auto opened = open_push_frame(cipher_, test::hex(push_["frame"]));
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(*opened, test::hex(push_["plaintext"]));
  EXPECT_EQ(opened->size(), kAckPlaintextSize);
  EXPECT_EQ(seal_push_frame(cipher_, vectors_.nonce(push_["nonce"]), *opened),
            test::hex(push_["frame"]));
}

TEST_F(Frames, SealsTheForgetMeOfTheVector) {
  const test::Json& expected = vectors_.json["forget_me"];
  const Bytes plaintext = encode_sensitive_request(ForgetMe{.client = true});
  EXPECT_EQ(base::to_string(plaintext), expected["plaintext"].get<std::string>());
  EXPECT_EQ(cipher_.seal(vectors_.nonce(expected["nonce"]), plaintext),
            test::hex(expected["ciphertext"]));
}

TEST_F(Frames, TheNoisePskOfTheVectorIsAHashOfTheResponderKey) {
  const test::Json& expected = vectors_.json["noise_psk"];
  Bytes input = base::to_bytes(base::as_bytes("NYMTECH_NOISE_dQw4w9WgXcQ"));
  base::append(input, test::hex(expected["responder_static_public"]));
  EXPECT_EQ(base::to_bytes(crypto::sha256(input)), test::hex(expected["psk"]));
}

TEST_F(Frames, TheFormatFollowsTheProtocolVersion) {
  EXPECT_EQ(packet_format_of(4), PacketFormat::kV1);
  EXPECT_EQ(packet_format_of(5), PacketFormat::kV2);
  EXPECT_EQ(packet_format_of(6), PacketFormat::kV2);
  const Bytes v1 = seal_packet_frame(cipher_, {}, PacketFormat::kV1, Bytes{1, 2, 3});
  EXPECT_EQ(v1[0], 1);
  EXPECT_EQ(open_packet_frame(cipher_, v1).value().format, PacketFormat::kV1);
}

TEST_F(Frames, APacketFrameHasTheSizeOfTheSpec) {
  // spec: gateway §7.1: a regular packet over IPv4.
  EXPECT_EQ(seal_packet_frame(cipher_, {}, PacketFormat::kV2, Bytes(1 + 1 + 7 + 2413)).size(),
            2452U);
}

TEST_F(Frames, RefusesAFrameThatWasCutAnywhere) {
  const Bytes frame = test::hex(push_["frame"]);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    EXPECT_EQ(open_push_frame(cipher_, base::ByteView(frame).first(size)).error().code,
              Errc::gateway_bad_frame);
  }
}

TEST_F(Frames, RefusesAFrameThatWasChangedBehindItsKind) {
  const Bytes frame = test::hex(push_["frame"]);
  for (std::size_t i = 1; i < frame.size(); ++i) {
    Bytes changed = frame;
    changed[i] ^= 0x40;
    EXPECT_EQ(open_push_frame(cipher_, changed).error(), base::Error{Errc::gateway_bad_frame}) << i;
  }
}

TEST_F(Frames, NamesAnUnknownKind) {
  Bytes frame = test::hex(push_["frame"]);
  for (const std::uint8_t kind : Bytes{0, 2, 9, 255}) {
    frame[0] = kind;
    EXPECT_EQ(open_push_frame(cipher_, frame).error(),
              (base::Error{Errc::gateway_bad_frame, kind}));
  }
  frame[0] = 9;
  EXPECT_EQ(open_packet_frame(cipher_, frame).error(), (base::Error{Errc::gateway_bad_frame, 9}));
  // The kind is looked at before the seal.
  frame.back() ^= 1;
  EXPECT_EQ(open_packet_frame(cipher_, frame).error(), (base::Error{Errc::gateway_bad_frame, 9}));
}

TEST_F(Frames, RefusesPlainFrames) {
  Bytes frame = {1, 0};
  frame.resize(14 + 21, 0x55);
  EXPECT_EQ(open_push_frame(cipher_, frame).error().code, Errc::gateway_bad_frame);
  EXPECT_EQ(open_packet_frame(cipher_, frame).error().code, Errc::gateway_bad_frame);
}

TEST_F(Frames, RefusesAFrameAboveTheLimitUnread) {
  const Bytes sealed = seal_push_frame(cipher_, {}, Bytes(kMaxFrameSize - kFrameOverhead));
  EXPECT_TRUE(open_push_frame(cipher_, sealed).has_value());
  const Bytes larger = seal_push_frame(cipher_, {}, Bytes(kMaxFrameSize - kFrameOverhead + 1));
  EXPECT_EQ(open_push_frame(cipher_, larger).error().code, Errc::gateway_bad_frame);
}

}  // namespace
}  // namespace mix::gateway
