#include "mix/ipr/frame.h"

namespace mix::ipr {

using base::ByteView;
using base::Errc;
using base::Error;
using base::Reader;
using base::Result;

Result<Frame> decode_frame(ByteView bytes) {
  Reader in{bytes};
  MIX_TRY(const std::uint16_t kind, in.u16le());
  MIX_TRY(const auto attributes, in.fixed<kFrameAttributesSize>());
  if (kind > static_cast<std::uint16_t>(FrameKind::kSphinxStream)) {
    return Error{Errc::ipr_malformed};
  }
  return Frame{static_cast<FrameKind>(kind), attributes, in.rest()};
}

base::Bytes encode_stream_frame(const StreamFrame& frame) {
  base::Writer out{kFrameHeadSize + frame.payload.size()};
  out.u16le(static_cast<std::uint16_t>(FrameKind::kSphinxStream))
      .u64be(frame.stream_id)
      .u8(static_cast<std::uint8_t>(frame.message))
      .u32be(frame.sequence)
      .fill(kFrameReservedSize, 0)
      .bytes(frame.payload);
  return out.take();
}

Result<StreamFrame> decode_stream_frame(ByteView bytes) {
  MIX_TRY(const Frame frame, decode_frame(bytes));
  if (frame.kind != FrameKind::kSphinxStream) return Error{Errc::ipr_malformed};
  Reader in{frame.attributes};
  StreamFrame out;
  MIX_TRY(out.stream_id, in.u64be());
  MIX_TRY(const std::uint8_t message, in.u8());
  if (message > static_cast<std::uint8_t>(StreamMessage::kData)) {
    return Error{Errc::ipr_malformed};
  }
  out.message = static_cast<StreamMessage>(message);
  MIX_TRY(out.sequence, in.u32be());
  out.payload = frame.payload;
  return out;
}

}  // namespace mix::ipr
