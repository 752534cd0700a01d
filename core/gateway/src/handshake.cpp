#include "mix/gateway/handshake.h"

#include "mix/crypto/hash.h"

namespace mix::gateway {
namespace {

using base::Errc;
using base::Result;

/// What each side signs: its own ephemeral key first, then the peer's. spec: gateway §4.
base::Bytes signed_keys(const crypto::X25519PublicKey& own, const crypto::X25519PublicKey& peer) {
  base::Writer out(2 * kKeySize);
  out.bytes(own.view()).bytes(peer.view());
  return out.take();
}

/// Ciphertext first, nonce last: the reverse of a binary frame.
void append_sealed_signature(base::Writer& out, const crypto::Ed25519KeyPair& identity,
                             const crypto::X25519PublicKey& own,
                             const crypto::X25519PublicKey& peer, const SharedKey& key,
                             const crypto::GcmSivNonce& nonce) {
  const crypto::Signature signature = crypto::ed25519_sign(identity, signed_keys(own, peer));
  out.bytes(crypto::GcmSiv(key).seal(nonce, signature)).bytes(nonce);
}

/// Takes the sealed signature off `in` and checks it; `own` and `peer` as the signer sees them.
Result<void> verify_sealed_signature(base::Reader& in, const crypto::Ed25519PublicKey& identity,
                                     const crypto::X25519PublicKey& own,
                                     const crypto::X25519PublicKey& peer, const SharedKey& key) {
  MIX_TRY(const base::ByteView ciphertext, in.bytes(kSignatureSize + kTagSize));
  MIX_TRY(const auto nonce, in.fixed<kNonceSize>());
  const auto signature = crypto::GcmSiv(key).open(nonce, ciphertext);
  if (!signature) return Errc::gateway_bad_handshake;
  if (!crypto::ed25519_verify(identity, signed_keys(own, peer), *signature)) {
    return Errc::gateway_bad_handshake;
  }
  return {};
}

}  // namespace

base::Bytes encode_handshake_init(const HandshakeInit& init) {
  base::Writer out(kHandshakeInitSize);
  out.bytes(init.client_identity.view()).bytes(init.client_ephemeral.view()).bytes(init.salt);
  return out.take();
}

Result<HandshakeInit> decode_handshake_init(base::ByteView payload) {
  if (payload.size() != kHandshakeInitSize) return Errc::gateway_bad_handshake;
  base::Reader in(payload);
  HandshakeInit out;
  MIX_TRY(out.client_identity.bytes, in.fixed<kKeySize>());
  MIX_TRY(out.client_ephemeral.bytes, in.fixed<kKeySize>());
  MIX_TRY(out.salt, in.fixed<kSaltSize>());
  return out;
}

Result<SharedKey> derive_shared_key(const crypto::X25519SecretKey& own_ephemeral,
                                    const crypto::X25519PublicKey& peer_ephemeral,
                                    const Salt& salt) {
  const crypto::SharedSecret secret = crypto::x25519(own_ephemeral, peer_ephemeral);
  if (crypto::is_zero(secret)) return Errc::gateway_bad_handshake;
  SharedKey key;
  crypto::hkdf_blake3(salt, secret.reveal(), /*info=*/{}, key.reveal_mut());
  return key;
}

base::Bytes build_handshake_answer(const crypto::Ed25519KeyPair& gateway_identity,
                                   const crypto::X25519PublicKey& gateway_ephemeral,
                                   const crypto::X25519PublicKey& client_ephemeral,
                                   const SharedKey& key, const crypto::GcmSivNonce& nonce) {
  base::Writer out(kHandshakeAnswerSize);
  out.bytes(gateway_ephemeral.view());
  append_sealed_signature(out, gateway_identity, gateway_ephemeral, client_ephemeral, key, nonce);
  return out.take();
}

Result<HandshakeAnswer> open_handshake_answer(base::ByteView payload,
                                              const crypto::Ed25519PublicKey& gateway_identity,
                                              const crypto::X25519KeyPair& client_ephemeral,
                                              const Salt& salt) {
  if (payload.size() != kHandshakeAnswerSize) return Errc::gateway_bad_handshake;
  base::Reader in(payload);
  HandshakeAnswer out;
  MIX_TRY(out.gateway_ephemeral.bytes, in.fixed<kKeySize>());
  MIX_TRY(out.key, derive_shared_key(client_ephemeral.secret, out.gateway_ephemeral, salt));
  MIX_CHECK(verify_sealed_signature(in, gateway_identity, out.gateway_ephemeral,
                                    client_ephemeral.public_key, out.key));
  return out;
}

base::Bytes build_handshake_proof(const crypto::Ed25519KeyPair& client_identity,
                                  const crypto::X25519PublicKey& client_ephemeral,
                                  const crypto::X25519PublicKey& gateway_ephemeral,
                                  const SharedKey& key, const crypto::GcmSivNonce& nonce) {
  base::Writer out(kHandshakeProofSize);
  append_sealed_signature(out, client_identity, client_ephemeral, gateway_ephemeral, key, nonce);
  return out.take();
}

Result<void> verify_handshake_proof(base::ByteView payload, const HandshakeInit& init,
                                    const crypto::X25519PublicKey& gateway_ephemeral,
                                    const SharedKey& key) {
  if (payload.size() != kHandshakeProofSize) return Errc::gateway_bad_handshake;
  base::Reader in(payload);
  return verify_sealed_signature(in, init.client_identity, init.client_ephemeral, gateway_ephemeral,
                                 key);
}

base::Bytes encode_handshake_confirmation() { return {kHandshakeAccepted}; }

Result<void> decode_handshake_confirmation(base::ByteView payload) {
  if (payload.size() != kHandshakeConfirmationSize || payload[0] != kHandshakeAccepted) {
    return Errc::gateway_bad_handshake;
  }
  return {};
}

}  // namespace mix::gateway
