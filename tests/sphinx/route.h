// Routes for the tests of this rung: random ones, and those of the vectors.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "mix/crypto/hash.h"
#include "mix/sphinx/packet.h"
#include "support/vectors.h"

namespace mix::test {

/// Random nodes that the test holds the keys of.
struct Nodes {
  Nodes(base::Rng& rng, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      crypto::X25519KeyPair pair = crypto::X25519KeyPair::generate(rng);
      sphinx::NodeAddress address{.ip = sphinx::Ipv4Octets{rng.bytes<4>()},
                                  .port = static_cast<std::uint16_t>(rng.uniform(0x10000))};
      if (rng.uniform(2) == 0) address.ip = sphinx::Ipv6Octets{rng.bytes<16>()};
      route.push_back({.address = address,
                       .key = pair.public_key,
                       .delay = rng.exponential(std::chrono::milliseconds{50})});
      keys.push_back(std::move(pair.secret));
    }
  }

  std::vector<sphinx::Hop> route;
  std::vector<crypto::X25519SecretKey> keys;
};

inline sphinx::NodeAddress read_address(const Json& field) {
  const auto address = sphinx::NodeAddress::decode_padded(hex(field));
  if (!address.has_value()) bad_vector("not an address");
  return *address;
}

inline std::vector<sphinx::Hop> read_route(
    const Json& nodes, sphinx::Derivation derivation = sphinx::Derivation::kMerged) {
  std::vector<sphinx::Hop> out;
  for (const Json& node : nodes) {
    out.push_back({.address = read_address(node["address"]),
                   .key = {hex_array<32>(node["public_key"])},
                   .delay = base::Duration{node["delay_ns"].get<std::int64_t>()},
                   .derivation = derivation});
  }
  return out;
}

inline sphinx::HeaderSecrets read_secrets(const Json& vector) {
  sphinx::HeaderSecrets out;
  out.initial_secret = crypto::Secret<32>{hex_array<32>(vector["initial_secret"])};
  std::ranges::copy(hex(vector["header_padding"]), out.padding.begin());
  return out;
}

/// Unwraps `packet` and compares with the vector's hop object. A forward hop puts the next packet
/// into `next`, the final one its content into `last`.
inline void expect_hop(const Json& hop, base::ByteView packet, const crypto::X25519SecretKey& key,
                       base::Bytes& next, std::optional<sphinx::FinalHop>& last) {
  auto unwrapped = sphinx::unwrap(packet, key);
  ASSERT_TRUE(unwrapped.has_value());
  EXPECT_EQ(static_cast<int>(unwrapped->version), hop["version"].get<int>());
  EXPECT_EQ(unwrapped->replay_tag, hex_array<32>(hop["replay_tag"]));
  if (hop["kind"] == "forward") {
    auto* forward = std::get_if<sphinx::ForwardHop>(&unwrapped->hop);
    ASSERT_NE(forward, nullptr);
    base::Writer address;
    forward->next.encode_padded(address, sphinx::kAddressSize);
    EXPECT_EQ(address.take(), hex(hop["next_address"]));
    EXPECT_EQ(forward->delay.count(), hop["delay_ns"].get<std::int64_t>());
    EXPECT_EQ(base::hex_encode(crypto::sha256(forward->packet)),
              hop["packet_out_sha256"].get<std::string>());
    if (hop.contains("packet_out_header")) {
      EXPECT_TRUE(base::equal(base::ByteView{forward->packet}.first(sphinx::kHeaderSize),
                              hex(hop["packet_out_header"])));
    }
    next = std::move(forward->packet);
  } else {
    auto* final_hop = std::get_if<sphinx::FinalHop>(&unwrapped->hop);
    ASSERT_NE(final_hop, nullptr);
    EXPECT_EQ(final_hop->destination, hex_array<32>(hop["destination"]));
    EXPECT_EQ(final_hop->identifier, hex_array<16>(hop["identifier"]));
    last = std::move(*final_hop);
  }
}

}  // namespace mix::test
