// Who can be reached: recipients (Nym addresses) and the pseudonyms of anonymous senders.
// spec: messages §2.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/crypto/cipher.h"
#include "mix/crypto/keys.h"
#include "mix/mixnet/constants.h"

namespace mix::mixnet {

/// Keys of one client. The identity public key is its Sphinx destination.
struct ClientKeys {
  crypto::Ed25519KeyPair identity;
  crypto::X25519KeyPair encryption;
  crypto::AesKey128 ack_key;

  [[nodiscard]] static ClientKeys generate(base::Rng& rng);
  [[nodiscard]] ClientKeys clone() const;
};

inline constexpr std::size_t kRecipientSize = 96;

/// `identity.encryption@gateway`. 96 bytes in binary form.
struct Recipient {
  crypto::Ed25519PublicKey identity;
  crypto::X25519PublicKey encryption;
  crypto::Ed25519PublicKey gateway;

  friend bool operator==(const Recipient&, const Recipient&) = default;
  friend bool operator<(const Recipient& a, const Recipient& b);

  /// Errors: `mixnet_bad_recipient`.
  [[nodiscard]] static base::Result<Recipient> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  void encode(base::Writer& out) const;
  /// Errors: `mixnet_bad_recipient`, `base_truncated`.
  [[nodiscard]] static base::Result<Recipient> decode(base::Reader& in);
};

/// Groups the reply SURBs of one anonymous sender. Not an address.
struct SenderTag {
  std::array<std::uint8_t, kSenderTagSize> bytes{};

  friend bool operator==(const SenderTag&, const SenderTag&) = default;
  friend bool operator<(const SenderTag& a, const SenderTag& b) { return a.bytes < b.bytes; }

  [[nodiscard]] static SenderTag generate(base::Rng& rng);
  /// Errors: `mixnet_bad_recipient`.
  [[nodiscard]] static base::Result<SenderTag> parse(std::string_view base58);
  [[nodiscard]] std::string to_string() const;
};

}  // namespace mix::mixnet
