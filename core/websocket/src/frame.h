// Frames (RFC 6455 §5.2): headers are read as they trickle in, whole frames are written.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/websocket/constants.h"

namespace mix::websocket {

enum class Opcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xa,
};

[[nodiscard]] constexpr bool is_control(Opcode opcode) {
  return opcode == Opcode::kClose || opcode == Opcode::kPing || opcode == Opcode::kPong;
}

struct FrameHeader {
  Opcode opcode = Opcode::kContinuation;
  bool is_final = true;
  bool is_compressed = false;  // RSV1
  std::uint64_t size = 0;
};

/// Collects the bytes of one header after the other.
class HeaderReader {
 public:
  /// Takes what it needs from the front of `bytes`; a header once it is whole.
  /// Errors: `ws_protocol`: reserved bits or opcodes, a mask (servers must not), an impossible
  /// size, a control frame in pieces or too long.
  [[nodiscard]] base::Result<std::optional<FrameHeader>> feed(base::ByteView& bytes);

 private:
  base::Bytes seen_;
};

/// A frame with a fresh mask, as clients must send it (RFC 6455 §5.3).
[[nodiscard]] base::Bytes encode_frame(const FrameHeader& header, base::ByteView payload,
                                       base::Rng& rng);

}  // namespace mix::websocket
