// A client's keys across set-ups. The host keeps one record for each client id and does not look
// into it: it hands what it loaded to Engine::start and performs SaveKeys.
//
// Record: magic (4) | version (1) | protection (1) | body | checksum (16)
//   body, plain:   keys
//   body, sealed:  passes (4) | memory in KiB (4) | salt (16) | nonce (24) | box of keys
//   keys:          identity seed (32) | encryption secret (32) | ack key (16)
//                  | gateway identity (32) | shared key (32) | login timestamp (8)
// Numbers are big-endian; the checksum is the front of BLAKE3 over what stands before it, so that
// damage and a wrong passphrase are told apart.
#pragma once

#include <cstdint>
#include <optional>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/crypto/passphrase.h"
#include "mix/gateway/handshake.h"
#include "mix/mixnet/address.h"

namespace mix::tunnel {

/// What the host's store holds at a set-up.
struct StoredKeys {
  enum class Use : std::uint8_t { kEphemeral, kPersistent };
  Use use = Use::kEphemeral;
  base::Bytes record;      // empty: nothing stored yet
  base::Bytes passphrase;  // empty: records are not encrypted
};

/// All that a client needs to come back to its gateway under the same address.
struct Identity {
  mixnet::ClientKeys keys;
  crypto::Ed25519PublicKey gateway;
  gateway::SharedKey shared_key;
  std::uint64_t last_login = 0;  // see gateway::SessionConfig::last_login_timestamp
};

/// Turns identities into records and back, under one passphrase.
class KeyVault {
 public:
  /// An empty passphrase leaves new records unencrypted. `cost` is that of new records.
  explicit KeyVault(base::Bytes passphrase, const crypto::PassphraseCost& cost = {});
  ~KeyVault();
  KeyVault(const KeyVault&) = delete;
  KeyVault& operator=(const KeyVault&) = delete;

  /// Reads sealed and plain records; remembers the key of a sealed one for `seal`. Errors:
  /// `storage_corrupt`, `storage_wrong_passphrase` (also when none is given but needed).
  [[nodiscard]] base::Result<Identity> open(base::ByteView record);
  /// Errors: `storage_failed` (no memory to derive the key).
  [[nodiscard]] base::Result<base::Bytes> seal(const Identity& identity, base::Rng& rng);

 private:
  /// The derived key, and from what.
  struct Derived {
    crypto::PassphraseCost cost;
    crypto::PassphraseSalt salt{};
    crypto::BoxKey key;
  };

  [[nodiscard]] base::Result<Identity> open_sealed(base::Reader& in);
  [[nodiscard]] base::Result<void> derive(const crypto::PassphraseSalt& salt,
                                          const crypto::PassphraseCost& cost);

  base::Bytes passphrase_;
  crypto::PassphraseCost cost_;
  std::optional<Derived> derived_;
};

}  // namespace mix::tunnel
