// Address of a node's mixnet listener as it stands in headers and mix packets.
// spec: sphinx §5.1, messages §8.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>

#include "mix/base/bytes.h"
#include "mix/sphinx/constants.h"

namespace mix::sphinx {

struct Ipv4Octets {
  std::array<std::uint8_t, 4> octets{};
  friend bool operator==(const Ipv4Octets&, const Ipv4Octets&) = default;
};

struct Ipv6Octets {
  std::array<std::uint8_t, 16> octets{};
  friend bool operator==(const Ipv6Octets&, const Ipv6Octets&) = default;
};

/// IP address and TCP port. Unpadded length: 7 (IPv4) or 19 (IPv6) bytes.
struct NodeAddress {
  std::variant<Ipv4Octets, Ipv6Octets> ip;
  std::uint16_t port = 0;

  friend bool operator==(const NodeAddress&, const NodeAddress&) = default;

  [[nodiscard]] std::size_t encoded_size() const;
  /// Kind, port, octets; unpadded.
  void encode(base::Writer& out) const;
  /// Padded with zeros to `size` (19 in SURB-ACKs, 32 in headers and SURBs).
  void encode_padded(base::Writer& out, std::size_t size) const;
  /// Takes just the bytes it needs. Errors: `sphinx_bad_address`.
  [[nodiscard]] static base::Result<NodeAddress> decode(base::Reader& in);
  /// Reads a padded field, ignoring what follows the address. Errors: `sphinx_bad_address`.
  [[nodiscard]] static base::Result<NodeAddress> decode_padded(base::ByteView field);
  /// Parses an IPv4 or IPv6 literal (no brackets). Errors: `sphinx_bad_address`.
  [[nodiscard]] static base::Result<NodeAddress> parse(std::string_view ip, std::uint16_t port);
  /// "203.0.113.7:1789" or "[2001:db8::7]:1789".
  [[nodiscard]] std::string to_string() const;
};

}  // namespace mix::sphinx
