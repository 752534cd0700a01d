#include "mix/sphinx/surb.h"

#include <utility>

#include "header.h"

namespace mix::sphinx {

base::Result<Surb> Surb::build(const HeaderSecrets& secrets, std::span<const Hop> route,
                               const Destination& destination, Version version,
                               crypto::PointTables* tables) {
  MIX_TRY(const detail::RouteKeys keys,
          detail::derive_route_keys(secrets.initial_secret, route, version, tables));
  Surb out;
  out.header_ =
      detail::encode_header(keys, route, destination, Identifier{}, version, secrets.padding);
  out.first_hop_ = route.front().address;
  for (const detail::Expansion& hop : keys.hops) {
    if (detail::is_seeded(version)) {
      out.seeds_.push_back(PayloadKeySeed::from(hop.payload_key_seed()));
    } else {
      out.keys_.push_back(hop.payload_key(version));
    }
  }
  return out;
}

base::Result<Surb> Surb::decode(base::ByteView bytes) {
  base::Reader reader{bytes};
  const auto header = reader.fixed<kHeaderSize>();
  const auto address = reader.bytes(kAddressSize);
  if (!header.has_value() || !address.has_value()) return base::Errc::sphinx_bad_surb;
  const auto first_hop = NodeAddress::decode_padded(*address);
  if (!first_hop.has_value()) return base::Errc::sphinx_bad_surb;
  Surb out;
  out.header_ = *header;
  out.first_hop_ = *first_hop;

  const base::ByteView material = reader.rest();
  const bool seeded = material.size() < kPayloadKeySize;
  const std::size_t key_size = seeded ? kPayloadKeySeedSize : kPayloadKeySize;
  if (material.empty() || material.size() % key_size != 0 ||
      material.size() / key_size > kMaxHops) {
    return base::Errc::sphinx_bad_surb;
  }
  for (std::size_t at = 0; at < material.size(); at += key_size) {
    const base::ByteView key = material.subspan(at, key_size);
    if (seeded) {
      out.seeds_.push_back(PayloadKeySeed::from(key));
    } else {
      out.keys_.push_back(crypto::LionessKey::from(key));
    }
  }
  return out;
}

base::Bytes Surb::encode() const {
  base::Writer out{encoded_size()};
  encode(out);
  return out.take();
}

void Surb::encode(base::Writer& out) const {
  out.bytes(header_);
  first_hop_.encode_padded(out, kAddressSize);
  for (const crypto::LionessKey& key : keys_) out.bytes(key.reveal());
  for (const PayloadKeySeed& seed : seeds_) out.bytes(seed.reveal());
}

std::size_t Surb::encoded_size() const {
  return kSurbPrefixSize + keys_.size() * kPayloadKeySize + seeds_.size() * kPayloadKeySeedSize;
}

std::size_t Surb::encoded_size(Version version, std::size_t hops) {
  return kSurbPrefixSize +
         hops * (detail::is_seeded(version) ? kPayloadKeySeedSize : kPayloadKeySize);
}

base::Result<RoutedPacket> Surb::use(base::ByteView message, std::size_t payload_size) && {
  // Without keys the message would leave in the clear.
  if (keys_.empty() && seeds_.empty()) base::panic("Surb: used twice");
  std::vector<crypto::LionessKey> keys = std::exchange(keys_, {});
  keys.reserve(keys.size() + seeds_.size());
  for (const PayloadKeySeed& seed : seeds_)
    keys.push_back(detail::stretch_payload_key(seed.reveal()));
  seeds_.clear();
  MIX_TRY(base::Bytes packet, detail::wrap_payload(header_, keys, message, payload_size));
  return RoutedPacket{first_hop_, std::move(packet)};
}

base::Result<RoutedPacket> Surb::use(base::ByteView message, PacketSize size) && {
  return std::move(*this).use(message, payload_bytes(size));
}

}  // namespace mix::sphinx
