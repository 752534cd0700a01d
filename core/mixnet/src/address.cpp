#include "mix/mixnet/address.h"

#include <algorithm>
#include <tuple>

#include "mix/base/encoding.h"

namespace mix::mixnet {

namespace {

using base::Errc;

template <class Key>
base::Result<Key> parse_key(std::string_view base58) {
  auto bytes = base::base58_decode(base58, Key::kSize);
  if (!bytes || bytes->size() != Key::kSize) return Errc::mixnet_bad_recipient;
  Key key;
  std::ranges::copy(*bytes, key.bytes.begin());
  return key;
}

/// The identities must be curve points; any X25519 value is accepted. spec: messages §2.2.
base::Result<Recipient> checked(const Recipient& recipient) {
  if (!crypto::is_ed25519_point(recipient.identity)) return Errc::mixnet_bad_recipient;
  if (!crypto::is_ed25519_point(recipient.gateway)) return Errc::mixnet_bad_recipient;
  return recipient;
}

}  // namespace

ClientKeys ClientKeys::generate(base::Rng& rng) {
  ClientKeys keys{.identity = crypto::Ed25519KeyPair::generate(rng),
                  .encryption = crypto::X25519KeyPair::generate(rng),
                  .ack_key = {}};
  rng.fill(keys.ack_key.reveal_mut());
  return keys;
}

ClientKeys ClientKeys::clone() const {
  return {.identity = {identity.seed.clone(), identity.public_key},
          .encryption = {encryption.secret.clone(), encryption.public_key},
          .ack_key = ack_key.clone()};
}

bool operator<(const Recipient& a, const Recipient& b) {
  return std::tie(a.identity, a.encryption, a.gateway) <
         std::tie(b.identity, b.encryption, b.gateway);
}

base::Result<Recipient> Recipient::parse(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos || text.find('@', at + 1) != std::string_view::npos) {
    return Errc::mixnet_bad_recipient;
  }
  const std::string_view client = text.substr(0, at);
  const auto dot = client.find('.');
  if (dot == std::string_view::npos || client.find('.', dot + 1) != std::string_view::npos) {
    return Errc::mixnet_bad_recipient;
  }
  Recipient out;
  MIX_TRY(out.identity, parse_key<crypto::Ed25519PublicKey>(client.substr(0, dot)));
  MIX_TRY(out.encryption, parse_key<crypto::X25519PublicKey>(client.substr(dot + 1)));
  MIX_TRY(out.gateway, parse_key<crypto::Ed25519PublicKey>(text.substr(at + 1)));
  return checked(out);
}

std::string Recipient::to_string() const {
  return base::base58_encode(identity.bytes) + '.' + base::base58_encode(encryption.bytes) + '@' +
         base::base58_encode(gateway.bytes);
}

void Recipient::encode(base::Writer& out) const {
  out.bytes(identity.bytes).bytes(encryption.bytes).bytes(gateway.bytes);
}

base::Result<Recipient> Recipient::decode(base::Reader& in) {
  base::Reader ahead = in;
  Recipient out;
  MIX_TRY(out.identity.bytes, ahead.fixed<crypto::Ed25519PublicKey::kSize>());
  MIX_TRY(out.encryption.bytes, ahead.fixed<crypto::X25519PublicKey::kSize>());
  MIX_TRY(out.gateway.bytes, ahead.fixed<crypto::Ed25519PublicKey::kSize>());
  MIX_TRY(out, checked(out));
  in = ahead;
  return out;
}

SenderTag SenderTag::generate(base::Rng& rng) { return SenderTag{rng.bytes<kSenderTagSize>()}; }

base::Result<SenderTag> SenderTag::parse(std::string_view base58) {
  SenderTag tag;
  auto bytes = base::base58_decode(base58, tag.bytes.size());
  if (!bytes || bytes->size() != tag.bytes.size()) return Errc::mixnet_bad_recipient;
  std::ranges::copy(*bytes, tag.bytes.begin());
  return tag;
}

std::string SenderTag::to_string() const { return base::base58_encode(bytes); }

}  // namespace mix::mixnet
