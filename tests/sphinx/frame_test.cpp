#include "mix/sphinx/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "mix/crypto/hash.h"
#include "support/vectors.h"

namespace mix::sphinx {
namespace {

using base::Errc;
using test::hex;

struct SampleFrame {
  FrameVersion version;
  KeyRotation rotation;
  base::Bytes packet;
  base::Bytes encoded;
};

/// The network's frames, in both versions.
std::vector<SampleFrame> network_frames() {
  std::vector<SampleFrame> out;
  for (const test::Json& vector : test::load_vectors("frames.json")) {
    if (!vector.contains("packet")) continue;  // the table of sizes
    const base::Bytes packet = hex(vector["packet"]);
    for (const FrameVersion version : {FrameVersion::kLegacy, FrameVersion::kWithRotation}) {
      const bool legacy = version == FrameVersion::kLegacy;
      base::Bytes encoded = hex(vector[legacy ? "frame_v7_header" : "frame_v8_header"]);
      base::append(encoded, packet);
      EXPECT_EQ(base::hex_encode(crypto::sha256(encoded)),
                vector[legacy ? "frame_v7_sha256" : "frame_v8_sha256"].get<std::string>());
      out.push_back({version, *key_rotation_from_byte(vector["key_rotation"].get<std::uint8_t>()),
                     packet, encoded});
    }
  }
  EXPECT_GE(out.size(), 10U);
  return out;
}

void expect_frame(const std::optional<Frame>& frame, const SampleFrame& sample) {
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->version, sample.version);
  EXPECT_EQ(frame->packet, sample.packet);
  EXPECT_EQ(packet_bytes(frame->size), sample.packet.size());
  EXPECT_EQ(frame->rotation,
            sample.version == FrameVersion::kLegacy ? KeyRotation::kUnknown : sample.rotation);
}

TEST(Frame, IsByteForByteThatOfTheNetwork) {
  for (const SampleFrame& sample : network_frames()) {
    const auto encoded = encode_frame(sample.version, sample.rotation, sample.packet);
    ASSERT_TRUE(encoded.has_value());
    EXPECT_EQ(*encoded, sample.encoded);
    FrameDecoder decoder;
    decoder.receive(sample.encoded);
    const auto frame = decoder.next();
    ASSERT_TRUE(frame.has_value());
    expect_frame(*frame, sample);
    EXPECT_FALSE(decoder.next()->has_value());
  }
}

TEST(Frame, PacketsOfUnknownSizeAreRefused) {
  for (const std::size_t size : {0U, 385U, 387U, 2412U}) {
    const auto refused =
        encode_frame(FrameVersion::kLegacy, KeyRotation::kUnknown, base::Bytes(size));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::sphinx_bad_length);
  }
}

TEST(Frame, StreamsAreCutRightInPiecesOfEverySize) {
  const std::vector<SampleFrame> samples = network_frames();
  base::Bytes stream;
  for (const SampleFrame& sample : samples) base::append(stream, sample.encoded);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 389U, 390U, 2000U, 5000U, 1000000U}) {
    FrameDecoder decoder;
    std::size_t got = 0;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      decoder.receive(base::ByteView{stream}.subspan(at, std::min(piece, stream.size() - at)));
      for (;;) {
        const auto frame = decoder.next();
        ASSERT_TRUE(frame.has_value());
        if (!frame->has_value()) break;
        ASSERT_LT(got, samples.size());
        expect_frame(*frame, samples[got++]);
      }
    }
    EXPECT_EQ(got, samples.size()) << piece;
  }
}

TEST(Frame, WaitsForTheRestOfEveryTruncatedFrame) {
  const SampleFrame sample = network_frames().front();
  for (std::size_t size = 0; size < sample.encoded.size(); ++size) {
    FrameDecoder decoder;
    decoder.receive(base::ByteView{sample.encoded}.first(size));
    const auto nothing = decoder.next();
    ASSERT_TRUE(nothing.has_value()) << size;
    EXPECT_FALSE(nothing->has_value()) << size;
    decoder.receive(base::ByteView{sample.encoded}.subspan(size));
    const auto frame = decoder.next();
    ASSERT_TRUE(frame.has_value()) << size;
    expect_frame(*frame, sample);
  }
}

TEST(Frame, EveryWrongHeaderByteIsRefusedAsSoonAsItIsSeen) {
  // What may stand in each place, by position: version, size tag, type, rotation.
  const base::Bytes good = {8, 2, 0, 1};
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      base::Bytes header = good;
      header[at] = static_cast<std::uint8_t>(value);
      header.resize(at + 1);
      const bool valid = (at == 0 && (value == 7 || value == 8)) ||
                         (at == 1 && value >= 1 && value <= 5) || (at == 2 && value == 0) ||
                         (at == 3 && value <= 2);
      FrameDecoder decoder;
      decoder.receive(header);
      const auto result = decoder.next();
      ASSERT_EQ(result.has_value(), valid) << at << " " << value;
      if (!valid) {
        EXPECT_EQ(result.error().code, Errc::sphinx_bad_frame);
        // The stream cannot be followed any more.
        decoder.receive(base::Bytes(5000));
        EXPECT_FALSE(decoder.next().has_value());
      }
    }
  }
}

TEST(KeyRotation, IsTheParityOfTheRotationId) {
  EXPECT_EQ(key_rotation_of(0), KeyRotation::kUnknown);
  EXPECT_EQ(key_rotation_of(0xffffffff), KeyRotation::kUnknown);
  EXPECT_EQ(key_rotation_of(1), KeyRotation::kOdd);
  EXPECT_EQ(key_rotation_of(2), KeyRotation::kEven);
  EXPECT_EQ(key_rotation_of(4711), KeyRotation::kOdd);
  EXPECT_EQ(key_rotation_of(0xfffffffe), KeyRotation::kEven);
}

TEST(KeyRotation, OnlyThreeBytesAreKnown) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto rotation = key_rotation_from_byte(static_cast<std::uint8_t>(byte));
    EXPECT_EQ(rotation.has_value(), byte <= 2) << byte;
    if (!rotation.has_value()) EXPECT_EQ(rotation.error().code, Errc::sphinx_bad_frame);
  }
}

}  // namespace
}  // namespace mix::sphinx
