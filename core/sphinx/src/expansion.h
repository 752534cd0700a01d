// What a hop derives from its shared secret. spec: sphinx §4.2, §4.3.
#pragma once

#include <array>

#include "mix/crypto/cipher.h"
#include "mix/crypto/keys.h"
#include "mix/sphinx/constants.h"
#include "mix/sphinx/packet.h"

namespace mix::sphinx::detail {

/// The expanded shared secret of one hop; wiped when it goes.
class Expansion {
 public:
  explicit Expansion(const crypto::SharedSecret& shared_secret);

  [[nodiscard]] base::ByteView stream_key() const { return part(0, kStreamKeySize); }
  [[nodiscard]] base::ByteView mac_key() const { return part(kStreamKeySize, kMacKeySize); }
  [[nodiscard]] base::ByteView blinding() const {
    return part(kPayloadKeyAt + kPayloadKeySize, kBlindingSize);
  }
  [[nodiscard]] ReplayTag replay_tag() const;
  /// The first bytes of the long key.
  [[nodiscard]] base::ByteView payload_key_seed() const {
    return part(kPayloadKeyAt, kPayloadKeySeedSize);
  }
  /// Taken as it is or stretched from the seed, as the version says.
  [[nodiscard]] crypto::LionessKey payload_key(Version version) const;

 private:
  static constexpr std::size_t kPayloadKeyAt = kStreamKeySize + kMacKeySize;

  [[nodiscard]] base::ByteView part(std::size_t at, std::size_t size) const {
    return base::ByteView{bytes_.reveal()}.subspan(at, size);
  }

  crypto::Secret<kExpandedSize> bytes_;
};

/// True for the versions that multiply scalars without clamping (1 and 257).
[[nodiscard]] bool is_unclamped(Version version);
/// True for the versions whose payload keys come from seeds: all but 1, 257 and 258.
[[nodiscard]] bool is_seeded(Version version);

[[nodiscard]] crypto::LionessKey stretch_payload_key(base::ByteView seed);

/// The stream under which a hop's routing information is hidden.
using Keystream = std::array<std::uint8_t, kKeystreamSize>;
[[nodiscard]] Keystream header_keystream(const Expansion& keys);

using HeaderMac = std::array<std::uint8_t, kMacSize>;
[[nodiscard]] HeaderMac header_mac(const Expansion& keys, base::ByteView routing_info);

}  // namespace mix::sphinx::detail
