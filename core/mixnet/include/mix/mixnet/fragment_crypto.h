// Encryption of single fragments: with an ephemeral key for a recipient, or with the key that the
// creator of a reply SURB chose. There is no authentication beyond the Sphinx layer.
// spec: messages §6.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/crypto/fixed_base.h"
#include "mix/crypto/keys.h"
#include "mix/mixnet/constants.h"

namespace mix::mixnet {

/// AES-128-CTR key of one fragment, or of the reply that a SURB carries.
using FragmentKey = crypto::Secret<kReplyKeySize>;

/// Names a reply key without telling it: BLAKE3 of its 16 bytes.
using ReplyKeyDigest = std::array<std::uint8_t, kKeyPartSize>;
[[nodiscard]] ReplyKeyDigest reply_key_digest(const FragmentKey& key);

/// HKDF-BLAKE3 over the result of the Diffie-Hellman exchange.
[[nodiscard]] FragmentKey derive_fragment_key(const crypto::SharedSecret& dh);

/// Encrypts or decrypts in place (zero initial counter block).
void apply_fragment_key(const FragmentKey& key, base::MutByteView fragment);

/// What encrypts one fragment for a recipient; it does not depend on the fragment.
struct FragmentSeal {
  crypto::X25519PublicKey public_key;  // ephemeral
  FragmentKey key;

  /// With a fresh pair. `tables` speed up the base point and the recipient's key.
  [[nodiscard]] static FragmentSeal generate(const crypto::X25519PublicKey& recipient,
                                             base::Rng& rng, crypto::PointTables& tables);
};

/// ephemeral public key || ciphertext. A seal is used once.
[[nodiscard]] base::Bytes seal_fragment(base::ByteView fragment, const FragmentSeal& seal);
/// digest of the key || ciphertext.
[[nodiscard]] base::Bytes seal_reply_fragment(base::ByteView fragment, const FragmentKey& key);

/// Undoes `seal_fragment`. Errors: `base_truncated`.
[[nodiscard]] base::Result<base::Bytes> open_fragment(base::ByteView body,
                                                      const crypto::X25519SecretKey& own);

}  // namespace mix::mixnet
