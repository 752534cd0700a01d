// Hashes and key derivation. Sphinx uses SHA-256, the messaging and gateway layers BLAKE3.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/crypto/secret.h"

namespace mix::crypto {

using Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Digest sha256(base::ByteView data);
[[nodiscard]] Digest blake3(base::ByteView data);
/// HMAC-SHA-256 (RFC 2104).
[[nodiscard]] Digest hmac_sha256(base::ByteView key, base::ByteView data);
/// HMAC around BLAKE3's plain hash with a block of 64 bytes; not BLAKE3's keyed mode.
/// spec: gateway §3, messages §6.
[[nodiscard]] Digest hmac_blake3(base::ByteView key, base::ByteView data);
/// HKDF (RFC 5869), at most 255 * 32 bytes of output. An empty salt equals 32 zero bytes.
void hkdf_sha256(base::ByteView salt, base::ByteView ikm, base::ByteView info,
                 base::MutByteView out);
void hkdf_blake3(base::ByteView salt, base::ByteView ikm, base::ByteView info,
                 base::MutByteView out);

}  // namespace mix::crypto
