// The keys and messages of tests/vectors/gateway.json.
#pragma once

#include <string>

#include "mix/crypto/keys.h"
#include "mix/gateway/handshake.h"
#include "support/vectors.h"

namespace mix::gateway {

struct GatewayVectors {
  test::Json json = test::load_vector_file("gateway.json");

  [[nodiscard]] crypto::Ed25519KeyPair client() const { return identity("client_identity_seed"); }
  [[nodiscard]] crypto::Ed25519KeyPair gateway() const { return identity("gateway_identity_seed"); }
  [[nodiscard]] crypto::X25519KeyPair client_ephemeral() const {
    return ephemeral("client_ephemeral_secret");
  }
  [[nodiscard]] crypto::X25519KeyPair gateway_ephemeral() const {
    return ephemeral("gateway_ephemeral_secret");
  }
  [[nodiscard]] Salt salt() const { return test::hex_array<kSaltSize>(json["salt"]); }
  [[nodiscard]] SharedKey shared_key() const {
    return SharedKey{test::hex_array<kKeySize>(json["shared_key"])};
  }
  [[nodiscard]] crypto::GcmSivNonce nonce(const test::Json& text) const {
    return test::hex_array<kNonceSize>(text);
  }

 private:
  [[nodiscard]] crypto::Ed25519KeyPair identity(const char* name) const {
    return crypto::Ed25519KeyPair::from_seed(crypto::Secret<32>{test::hex_array<32>(json[name])});
  }
  [[nodiscard]] crypto::X25519KeyPair ephemeral(const char* name) const {
    return crypto::X25519KeyPair::from_secret(
        crypto::X25519SecretKey{test::hex_array<32>(json[name])});
  }
};

}  // namespace mix::gateway
