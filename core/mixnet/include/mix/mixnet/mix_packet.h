// A Sphinx packet on its way to the first hop, as a client hands it to its gateway.
// spec: messages §8, gateway §7.1.
#pragma once

#include <cstdint>

#include "mix/sphinx/frame.h"
#include "mix/sphinx/surb.h"

namespace mix::mixnet {

/// Which header fields the gateway expects: v2 has the key rotation byte.
enum class MixPacketFormat : std::uint8_t { kV1 = 1, kV2 = 2 };

struct MixPacket {
  sphinx::KeyRotation rotation = sphinx::KeyRotation::kUnknown;
  sphinx::NodeAddress first_hop;
  base::Bytes packet;

  [[nodiscard]] base::Bytes encode(MixPacketFormat format) const;
  /// Errors: `sphinx_bad_frame` (type or rotation), `sphinx_bad_address`, `sphinx_bad_length`,
  /// `base_truncated`.
  [[nodiscard]] static base::Result<MixPacket> decode(base::ByteView bytes, MixPacketFormat format);
};

}  // namespace mix::mixnet
