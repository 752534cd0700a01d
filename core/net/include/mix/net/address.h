// IP addresses and endpoints as values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "mix/base/bytes.h"

namespace mix::net {

struct Ipv4 {
  std::array<std::uint8_t, 4> octets{};
  friend bool operator==(const Ipv4&, const Ipv4&) = default;
  friend bool operator<(const Ipv4& a, const Ipv4& b) { return a.octets < b.octets; }
};

struct Ipv6 {
  std::array<std::uint8_t, 16> octets{};
  friend bool operator==(const Ipv6&, const Ipv6&) = default;
  friend bool operator<(const Ipv6& a, const Ipv6& b) { return a.octets < b.octets; }
};

using IpAddress = std::variant<Ipv4, Ipv6>;

/// Accepts dotted IPv4 and RFC 4291 IPv6 text, without brackets or zone.
/// Errors: `net_bad_address`.
[[nodiscard]] base::Result<IpAddress> parse_ip(std::string_view text);
/// Canonical text (RFC 5952 for IPv6).
[[nodiscard]] std::string to_string(const IpAddress& address);

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// "1.2.3.4:53", "[::1]:53"; a bare address gets `default_port` when that is not 0.
/// Errors: `net_bad_address`.
[[nodiscard]] base::Result<Endpoint> parse_endpoint(std::string_view text,
                                                    std::uint16_t default_port);
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

}  // namespace mix::net
