// Frames between nodes (TCP). Used by the localnet. spec: sphinx §12, gateway §10.1.
#pragma once

#include <optional>

#include "mix/sphinx/packet.h"

namespace mix::sphinx {

enum class KeyRotation : std::uint8_t { kUnknown = 0, kOdd = 1, kEven = 2 };

/// The byte that travels for a rotation id: 0 and 2^32-1 are unknown. spec: sphinx §9.1.
[[nodiscard]] KeyRotation key_rotation_of(std::uint32_t rotation_id);
/// Errors: `sphinx_bad_frame`.
[[nodiscard]] base::Result<KeyRotation> key_rotation_from_byte(std::uint8_t byte);

enum class FrameVersion : std::uint8_t { kLegacy = 7, kWithRotation = 8 };
inline constexpr std::uint8_t kPacketTypeSphinx = 0;
inline constexpr std::size_t kMaxFrameHeaderSize = 4;  // version, size tag, type, rotation

struct Frame {
  FrameVersion version = FrameVersion::kLegacy;
  KeyRotation rotation = KeyRotation::kUnknown;  // always unknown in a legacy frame
  PacketSize size = PacketSize::kRegular;
  base::Bytes packet;
};

/// The rotation is not sent in a legacy frame. Errors: `sphinx_bad_length` (packet of unknown
/// size).
[[nodiscard]] base::Result<base::Bytes> encode_frame(FrameVersion version, KeyRotation rotation,
                                                     base::ByteView packet);

/// Cuts a byte stream into frames. After an error the connection must be dropped.
class FrameDecoder {
 public:
  void receive(base::ByteView bytes);
  /// The next whole frame, nothing when more bytes are needed. Errors: `sphinx_bad_frame`.
  [[nodiscard]] base::Result<std::optional<Frame>> next();

 private:
  base::Bytes buffer_;
  std::size_t consumed_ = 0;
};

}  // namespace mix::sphinx
