// Building the header of a packet or a SURB. spec: sphinx §6.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "expansion.h"
#include "mix/sphinx/packet.h"

namespace mix::sphinx::detail {

/// What the secrets of a route come to.
struct RouteKeys {
  crypto::X25519PublicKey shared_element;  // alpha for the first hop
  std::vector<Expansion> hops;             // first hop first
};

/// With the tables of the nodes' keys, or by ladders when `tables` is null.
/// Errors: `sphinx_bad_route`.
[[nodiscard]] base::Result<RouteKeys> derive_route_keys(const crypto::Secret<32>& initial_secret,
                                                        std::span<const Hop> route, Version version,
                                                        crypto::PointTables* tables);

/// What the forward hops will have shifted in behind the last hop's block: 60 bytes for each.
[[nodiscard]] base::Bytes filler(std::span<const Keystream> forward_streams);

/// alpha, gamma and beta for the first hop.
[[nodiscard]] std::array<std::uint8_t, kHeaderSize> encode_header(
    const RouteKeys& keys, std::span<const Hop> route, const Destination& destination,
    const Identifier& identifier, Version version, base::ByteView padding);

/// header || payload around `message`, encrypted with the last hop's key first.
/// Errors: `sphinx_message_too_long`.
[[nodiscard]] base::Result<base::Bytes> wrap_payload(base::ByteView header,
                                                     std::span<const crypto::LionessKey> keys,
                                                     base::ByteView message,
                                                     std::size_t payload_size);

}  // namespace mix::sphinx::detail
