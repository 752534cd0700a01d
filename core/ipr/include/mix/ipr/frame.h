// Stream frames: the head in front of v9 and v10 messages. spec: ipr §6.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/ipr/constants.h"

namespace mix::ipr {

enum class FrameKind : std::uint16_t {
  kOpaque = 0,
  kRegistration = 1,
  kForward = 2,
  kSphinxStream = 3,
};

/// Any frame; the attributes' meaning depends on the kind.
struct Frame {
  FrameKind kind = FrameKind::kOpaque;
  std::array<std::uint8_t, kFrameAttributesSize> attributes{};
  base::ByteView payload;  // points into the input of decode_frame
};

enum class StreamMessage : std::uint8_t { kOpen = 0, kData = 1 };
using StreamId = std::uint64_t;

/// A frame of kind SphinxStream.
struct StreamFrame {
  StreamId stream_id = 0;
  StreamMessage message = StreamMessage::kOpen;
  std::uint32_t sequence = 0;
  base::ByteView payload;  // points into the input of decode_stream_frame
};

/// Errors: `ipr_malformed` (unknown kind), `base_truncated`.
[[nodiscard]] base::Result<Frame> decode_frame(base::ByteView bytes);

/// Head and payload. The reserved byte is written as 0 and ignored on receipt.
[[nodiscard]] base::Bytes encode_stream_frame(const StreamFrame& frame);
/// Errors: `ipr_malformed` (another kind, unknown message type), `base_truncated`.
[[nodiscard]] base::Result<StreamFrame> decode_stream_frame(base::ByteView bytes);

}  // namespace mix::ipr
