// Symmetric ciphers: AES-128-CTR (64-bit counter), AES-256-GCM-SIV (RFC 8452), LIONESS.
// AES is constant time: no table is indexed by secret data.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/crypto/secret.h"

namespace mix::crypto {

using AesKey128 = Secret<16>;
using AesKey256 = Secret<32>;
using AesBlock = std::array<std::uint8_t, 16>;

/// XORs `data` with the AES-128-CTR keystream that starts at `initial_counter`. Only the low
/// 64 bits count, big-endian, wrapping (spec: sphinx §4, toolchain §4).
void aes128_ctr_xor(base::ByteView key, const AesBlock& initial_counter, base::MutByteView data);
/// The same from an all-zero counter block.
void aes128_ctr_xor(base::ByteView key, base::MutByteView data);

inline constexpr std::size_t kGcmSivNonceSize = 12;
inline constexpr std::size_t kGcmSivTagSize = 16;
using GcmSivNonce = std::array<std::uint8_t, kGcmSivNonceSize>;

/// AES-256-GCM-SIV with empty associated data: ciphertext || tag, 16 bytes longer than the input.
class GcmSiv {
 public:
  explicit GcmSiv(const AesKey256& key);
  [[nodiscard]] base::Bytes seal(const GcmSivNonce& nonce, base::ByteView plaintext) const;
  /// Errors: `crypto_bad_ciphertext`.
  [[nodiscard]] base::Result<base::Bytes> open(const GcmSivNonce& nonce,
                                               base::ByteView ciphertext) const;

 private:
  AesKey256 key_;
};

/// LIONESS wide-block cipher of Sphinx over a block longer than 32 bytes, in place, with a
/// 192-byte key. spec: sphinx §4.1.
inline constexpr std::size_t kLionessKeySize = 192;
using LionessKey = Secret<kLionessKeySize>;
void lioness_encrypt(const LionessKey& key, base::MutByteView block);
void lioness_decrypt(const LionessKey& key, base::MutByteView block);

}  // namespace mix::crypto
