// Registration handshake: the four payloads of both sides and the key that comes out.
// spec: gateway §3, §4. Pure functions; ephemeral keys, salt and nonces are arguments.
//
//   client                                      gateway
//   encode_handshake_init         --1-->        decode_handshake_init, derive_shared_key
//   open_handshake_answer         <--2--        build_handshake_answer
//   build_handshake_proof         --3-->        verify_handshake_proof
//   decode_handshake_confirmation <--4--        encode_handshake_confirmation
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/crypto/cipher.h"
#include "mix/crypto/keys.h"
#include "mix/gateway/constants.h"

namespace mix::gateway {

/// Shared by one client and one gateway after registration; seals every frame between them.
using SharedKey = crypto::AesKey256;
using Salt = std::array<std::uint8_t, kSaltSize>;

/// Payload 1, client to gateway.
struct HandshakeInit {
  crypto::Ed25519PublicKey client_identity;
  crypto::X25519PublicKey client_ephemeral;
  Salt salt{};
  friend bool operator==(const HandshakeInit&, const HandshakeInit&) = default;
};

[[nodiscard]] base::Bytes encode_handshake_init(const HandshakeInit& init);
/// Errors: `gateway_bad_handshake` (wrong length).
[[nodiscard]] base::Result<HandshakeInit> decode_handshake_init(base::ByteView payload);

/// HKDF over HMAC-BLAKE3 of the Diffie-Hellman result; the same on both sides.
/// Errors: `gateway_bad_handshake` (the peer's key is of low order: all-zero result).
[[nodiscard]] base::Result<SharedKey> derive_shared_key(
    const crypto::X25519SecretKey& own_ephemeral, const crypto::X25519PublicKey& peer_ephemeral,
    const Salt& salt);

/// Payload 2, gateway to client: its ephemeral key and its sealed signature over both ephemerals.
[[nodiscard]] base::Bytes build_handshake_answer(const crypto::Ed25519KeyPair& gateway_identity,
                                                 const crypto::X25519PublicKey& gateway_ephemeral,
                                                 const crypto::X25519PublicKey& client_ephemeral,
                                                 const SharedKey& key,
                                                 const crypto::GcmSivNonce& nonce);

/// What the client learns from payload 2, proven to come from the expected gateway.
struct HandshakeAnswer {
  crypto::X25519PublicKey gateway_ephemeral;
  SharedKey key;
};

/// Derives the key and checks the signature against the identity that the directory tells.
/// Errors: `gateway_bad_handshake` (length, low-order key, tag, or signature).
[[nodiscard]] base::Result<HandshakeAnswer> open_handshake_answer(
    base::ByteView payload, const crypto::Ed25519PublicKey& gateway_identity,
    const crypto::X25519KeyPair& client_ephemeral, const Salt& salt);

/// Payload 3, client to gateway: the client's sealed signature over both ephemerals.
[[nodiscard]] base::Bytes build_handshake_proof(const crypto::Ed25519KeyPair& client_identity,
                                                const crypto::X25519PublicKey& client_ephemeral,
                                                const crypto::X25519PublicKey& gateway_ephemeral,
                                                const SharedKey& key,
                                                const crypto::GcmSivNonce& nonce);
/// Errors: `gateway_bad_handshake` (length, tag, or signature).
[[nodiscard]] base::Result<void> verify_handshake_proof(
    base::ByteView payload, const HandshakeInit& init,
    const crypto::X25519PublicKey& gateway_ephemeral, const SharedKey& key);

/// Payload 4, gateway to client: the client is registered.
[[nodiscard]] base::Bytes encode_handshake_confirmation();
/// Errors: `gateway_bad_handshake` (anything but success).
[[nodiscard]] base::Result<void> decode_handshake_confirmation(base::ByteView payload);

}  // namespace mix::gateway
