#include "expansion.h"

#include <algorithm>

#include "mix/crypto/hash.h"

namespace mix::sphinx::detail {

namespace {

constexpr std::string_view kExpansionInfo =  // spec: sphinx §4.2, INFO1
    "Dwste mou enan moxlo arketa makru kai ena upomoxlio gia na ton topothetisw kai tha kinisw thn "
    "gh.";
constexpr std::string_view kSeedSalt = "sphinx-payload-key-V01-CS01-HKDF:SHA256-SALT";  // §4.3
constexpr std::string_view kSeedInfo = "sphinx-payload-key-V01-CS01-HKDF:SHA256-INFO";
static_assert(kExpansionInfo.size() == 97 && kSeedSalt.size() == 44 && kSeedInfo.size() == 44);

}  // namespace

Expansion::Expansion(const crypto::SharedSecret& shared_secret) {
  crypto::hkdf_sha256({}, shared_secret.reveal(), base::as_bytes(kExpansionInfo),
                      bytes_.reveal_mut());
}

ReplayTag Expansion::replay_tag() const {
  ReplayTag tag;
  std::ranges::copy(part(kExpandedSize - kReplayTagSize, kReplayTagSize), tag.begin());
  return tag;
}

crypto::LionessKey Expansion::payload_key(Version version) const {
  if (is_seeded(version)) return stretch_payload_key(payload_key_seed());
  return crypto::LionessKey::from(part(kPayloadKeyAt, kPayloadKeySize));
}

bool is_unclamped(Version version) {
  return version == Version::kUnclamped1 || version == Version::kUnclamped257;
}

bool is_seeded(Version version) { return !is_unclamped(version) && version != Version::kLongKeys; }

crypto::LionessKey stretch_payload_key(base::ByteView seed) {
  crypto::LionessKey key;
  crypto::hkdf_sha256(base::as_bytes(kSeedSalt), seed, base::as_bytes(kSeedInfo), key.reveal_mut());
  return key;
}

Keystream header_keystream(const Expansion& keys) {
  Keystream stream{};
  crypto::aes128_ctr_xor(keys.stream_key(), stream);
  return stream;
}

HeaderMac header_mac(const Expansion& keys, base::ByteView routing_info) {
  const crypto::Digest digest = crypto::hmac_sha256(keys.mac_key(), routing_info);
  HeaderMac mac;
  std::ranges::copy(base::ByteView{digest}.first(kMacSize), mac.begin());
  return mac;
}

}  // namespace mix::sphinx::detail
