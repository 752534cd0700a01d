#include "mix/sphinx/frame.h"

#include <limits>

namespace mix::sphinx {

KeyRotation key_rotation_of(std::uint32_t rotation_id) {
  if (rotation_id == 0 || rotation_id == std::numeric_limits<std::uint32_t>::max()) {
    return KeyRotation::kUnknown;
  }
  return rotation_id % 2 == 1 ? KeyRotation::kOdd : KeyRotation::kEven;
}

base::Result<KeyRotation> key_rotation_from_byte(std::uint8_t byte) {
  if (byte > static_cast<std::uint8_t>(KeyRotation::kEven)) return base::Errc::sphinx_bad_frame;
  return KeyRotation{byte};
}

base::Result<base::Bytes> encode_frame(FrameVersion version, KeyRotation rotation,
                                       base::ByteView packet) {
  MIX_TRY(const PacketSize size, packet_size_of(packet.size()));
  base::Writer out{kMaxFrameHeaderSize + packet.size()};
  out.u8(static_cast<std::uint8_t>(version)).u8(static_cast<std::uint8_t>(size));
  out.u8(kPacketTypeSphinx);
  if (version == FrameVersion::kWithRotation) out.u8(static_cast<std::uint8_t>(rotation));
  out.bytes(packet);
  return out.take();
}

namespace {

/// A frame without its packet. Errors: `base_truncated`, `sphinx_bad_frame`.
base::Result<Frame> decode_frame_header(base::Reader& reader) {
  Frame out;
  MIX_TRY(const std::uint8_t version, reader.u8());
  out.version = FrameVersion{version};
  if (out.version != FrameVersion::kLegacy && out.version != FrameVersion::kWithRotation) {
    return base::Errc::sphinx_bad_frame;
  }
  MIX_TRY(const std::uint8_t tag, reader.u8());
  MIX_TRY(out.size, packet_size_from_tag(tag));
  MIX_TRY(const std::uint8_t type, reader.u8());
  if (type != kPacketTypeSphinx) return base::Errc::sphinx_bad_frame;
  if (out.version == FrameVersion::kWithRotation) {
    MIX_TRY(const std::uint8_t rotation, reader.u8());
    MIX_TRY(out.rotation, key_rotation_from_byte(rotation));
  }
  return out;
}

}  // namespace

void FrameDecoder::receive(base::ByteView bytes) {
  // What was handed out goes first, so that the buffer holds one unfinished frame at most, next to
  // what the caller has not asked for yet.
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_));
  consumed_ = 0;
  base::append(buffer_, bytes);
}

base::Result<std::optional<Frame>> FrameDecoder::next() {
  base::Reader reader{base::ByteView{buffer_}.subspan(consumed_)};
  base::Result<Frame> frame = decode_frame_header(reader);
  if (!frame.has_value()) {
    if (frame.error().code == base::Errc::base_truncated) return std::optional<Frame>{};
    return frame.error();
  }
  const auto packet = reader.bytes(packet_bytes(frame->size));
  if (!packet.has_value()) return std::optional<Frame>{};
  frame->packet = base::to_bytes(*packet);
  consumed_ = buffer_.size() - reader.remaining();
  return std::optional<Frame>{*std::move(frame)};
}

}  // namespace mix::sphinx
