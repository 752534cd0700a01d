#include "frame.h"

namespace mix::websocket {
namespace {

using base::Errc;
using base::Error;

// RFC 6455 §5.2
constexpr std::uint8_t kFinal = 0x80, kCompressed = 0x40, kReserved = 0x30, kOpcodeMask = 0x0f;
constexpr std::uint8_t kMasked = 0x80, kSizeMask = 0x7f;
constexpr std::uint8_t kSizeIs16Bit = 126, kSizeIs64Bit = 127;
constexpr std::size_t kShortHeader = 2;
constexpr std::uint64_t kMaxSize = 0x7fffffffffffffff;

Error broken(const char* how) { return {Errc::ws_protocol, 0, how}; }

bool is_known(std::uint8_t opcode) {
  return opcode <= static_cast<std::uint8_t>(Opcode::kBinary) ||
         (opcode >= static_cast<std::uint8_t>(Opcode::kClose) &&
          opcode <= static_cast<std::uint8_t>(Opcode::kPong));
}

// How many bytes the header takes whose first two are known.
std::size_t header_size(std::uint8_t second) {
  switch (second & kSizeMask) {
    case kSizeIs16Bit:
      return kShortHeader + sizeof(std::uint16_t);
    case kSizeIs64Bit:
      return kShortHeader + sizeof(std::uint64_t);
    default:
      return kShortHeader;
  }
}

}  // namespace

base::Result<std::optional<FrameHeader>> HeaderReader::feed(base::ByteView& bytes) {
  const auto collect = [&](std::size_t up_to) {
    const std::size_t n = std::min(up_to - seen_.size(), bytes.size());
    base::append(seen_, bytes.first(n));
    bytes = bytes.subspan(n);
    return seen_.size() == up_to;
  };
  if (seen_.size() < kShortHeader && !collect(kShortHeader)) {
    // The first byte alone may already be wrong, but the second follows soon.
    return std::optional<FrameHeader>{};
  }
  const std::uint8_t first = seen_[0];
  const std::uint8_t second = seen_[1];
  if ((first & kReserved) != 0) return broken("a reserved bit is set");
  if (!is_known(first & kOpcodeMask)) return broken("a reserved opcode");
  if ((second & kMasked) != 0) return broken("a masked frame");
  FrameHeader header;
  header.opcode = static_cast<Opcode>(first & kOpcodeMask);
  header.is_final = (first & kFinal) != 0;
  header.is_compressed = (first & kCompressed) != 0;
  if (is_control(header.opcode) &&
      (!header.is_final || (second & kSizeMask) > kMaxControlPayload)) {
    return broken("a control frame in pieces or too long");
  }
  if (!collect(header_size(second))) return std::optional<FrameHeader>{};
  base::Reader reader(base::ByteView{seen_}.subspan(kShortHeader));
  // Tolerated: sizes in more bytes than they need.
  switch (second & kSizeMask) {
    case kSizeIs16Bit:
      header.size = reader.u16be().value();
      break;
    case kSizeIs64Bit:
      header.size = reader.u64be().value();
      break;
    default:
      header.size = second & kSizeMask;
  }
  if (header.size > kMaxSize) return broken("an impossible frame size");
  seen_.clear();
  return std::optional{header};
}

base::Bytes encode_frame(const FrameHeader& header, base::ByteView payload, base::Rng& rng) {
  base::Writer out(kShortHeader + sizeof(std::uint64_t) + kMaskSize + payload.size());
  out.u8(static_cast<std::uint8_t>((header.is_final ? kFinal : 0) |
                                   (header.is_compressed ? kCompressed : 0) |
                                   static_cast<std::uint8_t>(header.opcode)));
  if (payload.size() < kSizeIs16Bit) {
    out.u8(static_cast<std::uint8_t>(kMasked | payload.size()));
  } else if (payload.size() <= 0xffff) {
    out.u8(kMasked | kSizeIs16Bit).u16be(static_cast<std::uint16_t>(payload.size()));
  } else {
    out.u8(kMasked | kSizeIs64Bit).u64be(payload.size());
  }
  const auto mask = rng.bytes<kMaskSize>();
  out.bytes(mask);
  const std::size_t begin = out.size();
  out.bytes(payload);
  base::Bytes frame = out.take();
  for (std::size_t i = begin; i < frame.size(); ++i) frame[i] ^= mask[(i - begin) % kMaskSize];
  return frame;
}

}  // namespace mix::websocket
