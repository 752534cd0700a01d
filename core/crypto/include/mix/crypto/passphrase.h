// Small secrets under a passphrase: Argon2id (RFC 9106) makes the key, XSalsa20-Poly1305
// (libsodium's secretbox) seals.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/crypto/secret.h"

namespace mix::crypto {

using BoxKey = Secret<32>;
using BoxNonce = std::array<std::uint8_t, 24>;
using PassphraseSalt = std::array<std::uint8_t, 16>;
inline constexpr std::size_t kBoxTagSize = 16;

/// What one guess costs.
struct PassphraseCost {
  // The second choice of RFC 9106 §4, for 64 MiB, with one lane instead of four.
  std::uint32_t passes = 3;
  std::uint32_t memory_kib = 64 * 1024;
  friend bool operator==(const PassphraseCost&, const PassphraseCost&) = default;
};
/// Bounds on what a foreign record may ask of us.
inline constexpr PassphraseCost kMaxPassphraseCost{.passes = 16, .memory_kib = 256 * 1024};

/// Argon2id v1.3 with one lane. Errors: `crypto_bad_key` (cost below Argon2's minimum or above
/// the bounds, or no memory for it).
[[nodiscard]] base::Result<BoxKey> derive_box_key(base::ByteView passphrase,
                                                  const PassphraseSalt& salt,
                                                  const PassphraseCost& cost);

/// Tag, then ciphertext: 16 bytes longer than the input. Never two messages with one nonce.
[[nodiscard]] base::Bytes seal_box(const BoxKey& key, const BoxNonce& nonce,
                                   base::ByteView plaintext);
/// Errors: `crypto_bad_ciphertext`.
[[nodiscard]] base::Result<base::Bytes> open_box(const BoxKey& key, const BoxNonce& nonce,
                                                 base::ByteView box);

}  // namespace mix::crypto
