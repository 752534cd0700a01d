#include "mix/ipr/frame.h"

#include <gtest/gtest.h>

#include "support/vectors.h"

namespace mix::ipr {
namespace {

using base::Bytes;
using base::Errc;
using test::Json;

TEST(StreamFrame, AgreesWithTheNetworksCodec) {
  const Json file = test::load_vector_file("ipr.json");
  std::size_t accepted = 0;
  for (const Json& vector : file["lp_frames"]) {
    if (!vector.contains("msg_type")) continue;
    const Bytes bytes = test::hex(vector["hex"]);
    const auto frame = decode_stream_frame(bytes);
    ASSERT_TRUE(frame.has_value()) << vector;
    EXPECT_EQ(frame->stream_id, std::stoull(vector["stream_id"].get<std::string>()));
    EXPECT_EQ(frame->message == StreamMessage::kOpen, vector["msg_type"] == "open");
    EXPECT_EQ(frame->sequence, vector["sequence_num"].get<std::uint32_t>());
    EXPECT_EQ(base::to_bytes(frame->payload), test::hex(vector["payload"]));
    EXPECT_EQ(encode_stream_frame(*frame), bytes);
    ++accepted;
  }
  EXPECT_GT(accepted, 0U);
}

TEST(StreamFrame, RefusesWhatTheNetworksCodecRefuses) {
  const Json file = test::load_vector_file("ipr.json");
  std::size_t seen = 0;
  for (const Json& vector : file["lp_frames"]) {
    if (!vector.contains("header_accepted")) continue;
    const Bytes bytes = test::hex(vector["hex"]);
    const auto frame = decode_frame(bytes);
    EXPECT_EQ(frame.has_value(), vector["header_accepted"].get<bool>()) << vector;
    if (frame) {
      const std::string kind = vector["frame_kind"];
      EXPECT_EQ(frame->kind == FrameKind::kOpaque, kind == "Opaque");
      EXPECT_EQ(frame->kind == FrameKind::kRegistration, kind == "Registration");
      EXPECT_EQ(frame->kind == FrameKind::kForward, kind == "Forward");
      EXPECT_EQ(frame->kind == FrameKind::kSphinxStream, kind == "SphinxStream");
    }
    const Json& attributes = vector["stream_attributes_accepted"];
    EXPECT_EQ(decode_stream_frame(bytes).has_value(),
              attributes.is_boolean() && attributes.get<bool>())
        << vector;
    ++seen;
  }
  EXPECT_GT(seen, 0U);
}

TEST(StreamFrame, IsRefusedWhenItIsShorterThanItsHead) {
  const Bytes whole = encode_stream_frame({1, StreamMessage::kData, 2, {}});
  ASSERT_EQ(whole.size(), kFrameHeadSize);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(decode_stream_frame(base::ByteView{whole}.first(size)).error().code,
              Errc::base_truncated);
  }
}

TEST(StreamFrame, SurvivesAnyFlippedByte) {
  const Bytes payload{1, 2, 3};
  const Bytes whole = encode_stream_frame({7, StreamMessage::kData, 9, payload});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes changed = whole;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1U << bit));
      const auto frame = decode_stream_frame(changed);
      // The kind must be exactly 3 and the message type at most 1; all else is free.
      const bool judged =
          at < kFrameKindSize || (at == kFrameKindSize + kStreamIdSize && changed[at] > 1);
      EXPECT_EQ(frame.has_value(), !judged);
      if (frame && at == whole.size() - 1) EXPECT_NE(base::to_bytes(frame->payload), payload);
    }
  }
}

}  // namespace
}  // namespace mix::ipr
