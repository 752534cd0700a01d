// What an exit lets through: non-global destinations are refused unless local ones are allowed,
// then ordered accept/reject rules decide, the first match wins. spec: ipr §9.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mix/localnet/ip.h"

namespace mix::localnet {

enum class Verdict : std::uint8_t { kAccept, kReject };
enum class LocalDestinations : std::uint8_t { kRefused, kAllowed };

/// An ordered list of `accept|reject pattern:ports` lines.
///
/// Patterns: `*` (both families), `*4`, `*6`, `a.b.c.d[/bits]`, `[v6][/bits]` or `[v6/bits]`;
/// ports: `*`, `n` or `n-m`. `#` starts a comment. ICMP is checked with port 0, which only `*`
/// and ranges that hold 0 match. No match refuses.
class ExitPolicy {
 public:
  /// Refuses everything.
  ExitPolicy() = default;
  /// Throws std::invalid_argument that names the line.
  [[nodiscard]] static ExitPolicy parse(std::string_view text);
  /// `accept *:*`.
  [[nodiscard]] static ExitPolicy open();
  /// The shipped example: refuses mail and file-sharing ports, accepts the rest.
  [[nodiscard]] static std::string_view sample_text();

  [[nodiscard]] Verdict check(const IpEndpoint& destination) const;

 private:
  struct Rule {
    Verdict verdict = Verdict::kReject;
    AddressPattern addresses;
    PortRange ports;
  };
  std::vector<Rule> rules_;
};

/// False for the ranges of spec: ipr §9 item 1.
[[nodiscard]] bool is_global(const IpAddress& address);

}  // namespace mix::localnet
