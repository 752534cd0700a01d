// IP addresses, patterns and port ranges as the exit's rules use them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mix/base/bytes.h"

namespace mix::localnet {

enum class Family : std::uint8_t { kV4, kV6 };

/// An IPv4 or IPv6 address; of IPv4 the first four bytes count, the rest is zero.
struct IpAddress {
  Family family = Family::kV4;
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] static IpAddress v4(base::ByteView four);
  [[nodiscard]] static IpAddress v6(base::ByteView sixteen);
  /// Nothing when the text is neither.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  /// The 4 or 16 bytes of the family.
  [[nodiscard]] base::ByteView view() const;
  [[nodiscard]] bool is_loopback() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend bool operator<(const IpAddress& a, const IpAddress& b) {
    return a.family != b.family ? a.family < b.family : a.bytes < b.bytes;
  }
};

/// Port 0 where the transport has none.
struct IpEndpoint {
  IpAddress address;
  std::uint16_t port = 0;

  /// "a.b.c.d:port" or "[v6]:port".
  [[nodiscard]] static std::optional<IpEndpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const IpEndpoint&, const IpEndpoint&) = default;
  friend bool operator<(const IpEndpoint& a, const IpEndpoint& b) {
    return a.address == b.address ? a.port < b.port : a.address < b.address;
  }
};

/// Inclusive on both ends.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 65535;

  /// `*`, `n` or `n-m`; nothing when malformed.
  [[nodiscard]] static std::optional<PortRange> parse(std::string_view text);
  [[nodiscard]] bool contains(std::uint16_t port) const { return port >= first && port <= last; }
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

/// A prefix of one family, or anything.
struct AddressPattern {
  std::optional<IpAddress> network;  // none: every address (of `family`, when given)
  std::optional<Family> family;
  unsigned prefix_bits = 0;

  /// `*`, `*4`, `*6`, `a.b.c.d[/bits]`, `[v6][/bits]`, `[v6/bits]`; nothing when malformed.
  [[nodiscard]] static std::optional<AddressPattern> parse(std::string_view text);
  [[nodiscard]] bool matches(const IpAddress& address) const;
};

/// Splits "pattern:ports" at the last colon outside brackets; nothing when there is none.
struct PatternAndPorts {
  std::string_view pattern;
  std::string_view ports;
};
[[nodiscard]] std::optional<PatternAndPorts> split_ports(std::string_view text);

}  // namespace mix::localnet
