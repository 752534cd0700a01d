#include "header.h"

#include <algorithm>

namespace mix::sphinx::detail {

namespace {

using crypto::Scalar;
using crypto::SharedSecret;
using crypto::X25519PublicKey;

X25519PublicKey as_point(const SharedSecret& u) {
  X25519PublicKey out;
  std::ranges::copy(u.reveal(), out.bytes.begin());
  return out;
}

Scalar as_scalar(base::ByteView secret, Version version) {
  return is_unclamped(version) ? Scalar::reduced(secret) : Scalar::clamped(secret);
}

/// One step of the chain: the secret times the point, clamped as the version has it.
SharedSecret multiply(const crypto::Secret<32>& secret, const X25519PublicKey& point,
                      Version version) {
  if (is_unclamped(version)) return Scalar::reduced(secret.reveal()).multiply(point);
  return crypto::x25519(secret, point);
}

void derive_merged(RouteKeys& out, const crypto::Secret<32>& initial_secret,
                   std::span<const Hop> route, Version version, crypto::PointTables* tables) {
  Scalar product = as_scalar(initial_secret.reveal(), version);
  for (const Hop& hop : route) {
    if (!out.hops.empty()) {
      product = product.times(as_scalar(out.hops.back().blinding(), version));
    }
    out.hops.emplace_back(tables != nullptr ? tables->multiply(product, hop.key)
                                            : product.multiply(hop.key));
  }
}

void derive_chained(RouteKeys& out, const crypto::Secret<32>& initial_secret,
                    std::span<const Hop> route, Version version) {
  for (const Hop& hop : route) {
    SharedSecret shared = multiply(initial_secret, hop.key, version);
    for (const Expansion& earlier : out.hops) {
      const auto blinding = crypto::Secret<kBlindingSize>::from(earlier.blinding());
      shared = multiply(blinding, as_point(shared), version);
    }
    out.hops.emplace_back(shared);
  }
}

void xor_into(base::MutByteView target, base::ByteView mask) {
  for (std::size_t i = 0; i < target.size(); ++i) target[i] ^= mask[i];
}

void write_version(base::Writer& out, Version version) {
  // A zero byte stands where a semantic version once began. spec: sphinx §3
  out.u8(0).u16be(static_cast<std::uint16_t>(version));
}

}  // namespace

base::Result<RouteKeys> derive_route_keys(const crypto::Secret<32>& initial_secret,
                                          std::span<const Hop> route, Version version,
                                          crypto::PointTables* tables) {
  if (route.empty() || route.size() > kMaxHops) return base::Errc::sphinx_bad_route;
  const bool chained = std::ranges::any_of(
      route, [](const Hop& hop) { return hop.derivation == Derivation::kChained; });
  RouteKeys out;
  out.hops.reserve(route.size());
  const Scalar initial = as_scalar(initial_secret.reveal(), version);
  out.shared_element = tables != nullptr ? tables->multiply_base(initial) : initial.multiply_base();
  if (chained) {
    derive_chained(out, initial_secret, route, version);
  } else {
    derive_merged(out, initial_secret, route, version, tables);
  }
  return out;
}

base::Bytes filler(std::span<const Keystream> forward_streams) {
  base::Bytes out;
  out.reserve(forward_streams.size() * kHopStep);
  for (const Keystream& stream : forward_streams) {
    out.resize(out.size() + kHopStep);
    xor_into(out, base::ByteView{stream}.last(out.size()));
  }
  return out;
}

std::array<std::uint8_t, kHeaderSize> encode_header(const RouteKeys& keys,
                                                    std::span<const Hop> route,
                                                    const Destination& destination,
                                                    const Identifier& identifier, Version version,
                                                    base::ByteView padding) {
  const std::size_t num_forward = route.size() - 1;
  std::array<Keystream, kMaxHops> streams;
  for (std::size_t i = 0; i < route.size(); ++i) streams[i] = header_keystream(keys.hops[i]);

  // Last hop.
  const base::Bytes phi = filler(std::span{streams}.first(num_forward));
  base::Writer last{kRoutingInfoSize};
  last.u8(kFlagFinal);
  write_version(last, version);
  last.bytes(destination).bytes(identifier);
  last.bytes(padding.first(kRoutingInfoSize - phi.size() - last.size()));
  base::Bytes routing_info = last.take();
  xor_into(routing_info, streams[num_forward]);
  base::append(routing_info, phi);
  HeaderMac mac = header_mac(keys.hops[num_forward], routing_info);

  // Forward hops, from the last one to the first: each block holds the rest of the header.
  for (std::size_t i = num_forward; i-- > 0;) {
    base::Writer block{kRoutingInfoSize};
    block.u8(kFlagForward);
    write_version(block, version);
    route[i + 1].address.encode_padded(block, kAddressSize);
    block.u64be(
        static_cast<std::uint64_t>(std::max(route[i].delay, base::Duration::zero()).count()));
    block.bytes(mac).bytes(base::ByteView{routing_info}.first(kRoutingInfoSize - kHopStep));
    routing_info = block.take();
    xor_into(routing_info, streams[i]);
    mac = header_mac(keys.hops[i], routing_info);
  }

  std::array<std::uint8_t, kHeaderSize> out;
  auto at = std::ranges::copy(keys.shared_element.bytes, out.begin()).out;
  at = std::ranges::copy(mac, at).out;
  std::ranges::copy(routing_info, at);
  for (Keystream& stream : streams) crypto::wipe(stream);
  return out;
}

base::Result<base::Bytes> wrap_payload(base::ByteView header,
                                       std::span<const crypto::LionessKey> keys,
                                       base::ByteView message, std::size_t payload_size) {
  if (payload_size < kMinPayloadSize || message.size() > payload_size - kPayloadOverhead) {
    return base::Errc::sphinx_message_too_long;
  }
  base::Writer out{header.size() + payload_size};
  out.bytes(header).fill(kPayloadZeros, 0).bytes(message).u8(kPayloadMarker);
  out.fill(payload_size - kPayloadOverhead - message.size(), 0);
  base::Bytes packet = out.take();
  const base::MutByteView payload = base::MutByteView{packet}.subspan(header.size());
  for (std::size_t i = keys.size(); i-- > 0;) crypto::lioness_encrypt(keys[i], payload);
  return packet;
}

}  // namespace mix::sphinx::detail
