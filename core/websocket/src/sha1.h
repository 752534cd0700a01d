// SHA-1 (FIPS 180-4), which the opening handshake uses as a checksum (RFC 6455 §1.3). Nothing here
// relies on it for security, and no other rung may use it.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"

namespace mix::websocket {

[[nodiscard]] std::array<std::uint8_t, 20> sha1(base::ByteView message);

}  // namespace mix::websocket
