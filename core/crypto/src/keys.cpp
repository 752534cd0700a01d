#include "mix/crypto/keys.h"

#include <sodium.h>

#include <algorithm>

#include "mix/base/encoding.h"

namespace mix::crypto {

namespace {

template <class Key>
base::Result<Key> parse_key(std::string_view base58) {
  const base::Result<base::Bytes> bytes = base::base58_decode(base58, Key::kSize);
  if (!bytes.has_value() || bytes->size() != Key::kSize) return base::Errc::crypto_bad_key;
  Key key;
  std::ranges::copy(*bytes, key.bytes.begin());
  return key;
}

/// libsodium's 64-byte secret key: seed, then public key.
Secret<crypto_sign_SECRETKEYBYTES> expanded_key(const Ed25519KeyPair& key) {
  Secret<crypto_sign_SECRETKEYBYTES> out;
  std::ranges::copy(key.seed.reveal(), out.reveal_mut().begin());
  std::ranges::copy(key.public_key.bytes, out.reveal_mut().begin() + crypto_sign_SEEDBYTES);
  return out;
}

}  // namespace

base::Result<X25519PublicKey> parse_x25519(std::string_view base58) {
  return parse_key<X25519PublicKey>(base58);
}

base::Result<Ed25519PublicKey> parse_ed25519(std::string_view base58) {
  MIX_TRY(const Ed25519PublicKey key, parse_key<Ed25519PublicKey>(base58));
  if (!is_ed25519_point(key)) return base::Errc::crypto_bad_key;
  return key;
}

bool is_ed25519_point(const Ed25519PublicKey& key) {
  // Adding is the public function that decompresses without asking for the
  // order of the point.
  std::array<std::uint8_t, crypto_core_ed25519_BYTES> sum;
  return crypto_core_ed25519_add(sum.data(), key.bytes.data(), key.bytes.data()) == 0;
}

X25519KeyPair X25519KeyPair::generate(base::Rng& rng) {
  X25519SecretKey secret;
  rng.fill(secret.reveal_mut());
  return from_secret(std::move(secret));
}

X25519KeyPair X25519KeyPair::from_secret(X25519SecretKey secret) {
  X25519PublicKey public_key;
  // Cannot fail: the base point times a clamped scalar is never zero.
  static_cast<void>(crypto_scalarmult_base(public_key.bytes.data(), secret.reveal().data()));
  return {std::move(secret), public_key};
}

SharedSecret x25519(const X25519SecretKey& secret, const X25519PublicKey& peer) {
  SharedSecret out;
  const int status =
      crypto_scalarmult(out.reveal_mut().data(), secret.reveal().data(), peer.bytes.data());
  // A refused point is one of low order, whose clamped multiples are all zero. Points are public.
  if (declassify(status != 0)) wipe(out.reveal_mut());
  return out;
}

bool is_zero(const SharedSecret& secret) {
  // Zero only for points of small order, and those are public.
  return declassify(sodium_is_zero(secret.reveal().data(), secret.reveal().size()) == 1);
}

Ed25519KeyPair Ed25519KeyPair::generate(base::Rng& rng) {
  Secret<32> seed;
  rng.fill(seed.reveal_mut());
  return from_seed(std::move(seed));
}

Ed25519KeyPair Ed25519KeyPair::from_seed(Secret<32> seed) {
  Ed25519PublicKey public_key;
  Secret<crypto_sign_SECRETKEYBYTES> expanded;
  static_cast<void>(crypto_sign_seed_keypair(public_key.bytes.data(), expanded.reveal_mut().data(),
                                             seed.reveal().data()));
  return {std::move(seed), public_key};
}

Signature ed25519_sign(const Ed25519KeyPair& key, base::ByteView message) {
  Signature signature{};
  const auto expanded = expanded_key(key);
  static_cast<void>(crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                                         expanded.reveal().data()));
  return signature;
}

base::Result<void> ed25519_verify(const Ed25519PublicKey& key, base::ByteView message,
                                  base::ByteView signature) {
  if (signature.size() != crypto_sign_BYTES ||
      crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                  key.bytes.data()) != 0) {
    return base::Errc::crypto_bad_signature;
  }
  return {};
}

}  // namespace mix::crypto
