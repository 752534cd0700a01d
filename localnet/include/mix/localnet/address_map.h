// Where the exit sends packets instead of their written destination, so that a client's default
// options (public resolvers, documentation addresses) work with nothing leaving the machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "mix/localnet/ip.h"

namespace mix::localnet {

/// Ordered rules `pattern:ports=address:port`, the first match wins.
///
/// Examples: `8.8.8.8:53=127.0.0.1:5353`, `203.0.113.0/24:*=127.0.0.1:*`,
/// `[2001:db8::1]:443=[::1]:8443`, `*:80-89=127.0.0.1:8080`. A target port `*` keeps the port.
/// A rule maps within one family, that of its target; `*` patterns match that family only.
class AddressMap {
 public:
  /// Throws std::invalid_argument.
  void add(std::string_view rule);
  /// The other destination, or nothing when no rule matches. ICMP has port 0 and
  /// keeps it.
  [[nodiscard]] std::optional<IpEndpoint> find(const IpEndpoint& destination) const;
  [[nodiscard]] bool empty() const { return rules_.empty(); }

 private:
  struct Rule {
    AddressPattern addresses;
    PortRange ports;
    IpAddress target;
    std::optional<std::uint16_t> target_port;  // none: kept
  };
  std::vector<Rule> rules_;
};

}  // namespace mix::localnet
