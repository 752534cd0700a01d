// Key types and the public-key operations: X25519 (RFC 7748) and Ed25519 (RFC 8032).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/crypto/secret.h"

namespace mix::crypto {

/// 32 public bytes of a given kind. Ordered and comparable, printed as base58.
template <class Tag>
struct PublicBytes {
  static constexpr std::size_t kSize = 32;
  std::array<std::uint8_t, kSize> bytes{};

  [[nodiscard]] base::ByteView view() const { return bytes; }
  friend bool operator==(const PublicBytes&, const PublicBytes&) = default;
  friend bool operator<(const PublicBytes& a, const PublicBytes& b) { return a.bytes < b.bytes; }
};

struct X25519Tag;
struct Ed25519Tag;
using X25519PublicKey = PublicBytes<X25519Tag>;
using Ed25519PublicKey = PublicBytes<Ed25519Tag>;
using X25519SecretKey = Secret<32>;
using SharedSecret = Secret<32>;
using Signature = std::array<std::uint8_t, 64>;

/// Errors: `crypto_bad_key` (not base58 of 32 bytes).
[[nodiscard]] base::Result<X25519PublicKey> parse_x25519(std::string_view base58);
/// Errors: `crypto_bad_key` (not base58 of 32 bytes, or not a curve point).
[[nodiscard]] base::Result<Ed25519PublicKey> parse_ed25519(std::string_view base58);
/// True when the 32 bytes decompress to a point of the Ed25519 curve (any order).
[[nodiscard]] bool is_ed25519_point(const Ed25519PublicKey& key);

struct X25519KeyPair {
  X25519SecretKey secret;
  X25519PublicKey public_key;

  [[nodiscard]] static X25519KeyPair generate(base::Rng& rng);
  [[nodiscard]] static X25519KeyPair from_secret(X25519SecretKey secret);
};

/// X25519 with clamping. An all-zero result is returned as such: the Sphinx reference accepts it;
/// callers of handshakes check with `is_zero`. Shape: 32-byte scalar, 32-byte u coordinate.
[[nodiscard]] SharedSecret x25519(const X25519SecretKey& secret, const X25519PublicKey& peer);
[[nodiscard]] bool is_zero(const SharedSecret& secret);

struct Ed25519KeyPair {
  Secret<32> seed;
  Ed25519PublicKey public_key;

  [[nodiscard]] static Ed25519KeyPair generate(base::Rng& rng);
  [[nodiscard]] static Ed25519KeyPair from_seed(Secret<32> seed);
};

[[nodiscard]] Signature ed25519_sign(const Ed25519KeyPair& key, base::ByteView message);
/// Errors: `crypto_bad_signature`.
[[nodiscard]] base::Result<void> ed25519_verify(const Ed25519PublicKey& key, base::ByteView message,
                                                base::ByteView signature);

}  // namespace mix::crypto
