// Stub resolver over UDP sockets of the tunnel's own stack (RFC 1035). No clear-net fallback.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/net/stack.h"

namespace mix::dns {

struct ResolverConfig {
  net::Endpoint primary{net::Ipv4{{8, 8, 8, 8}}, 53};
  net::Endpoint fallback{net::Ipv4{{1, 1, 1, 1}}, 53};
  base::Duration timeout = std::chrono::seconds{30};    // per lookup
  base::Duration retransmit = std::chrono::seconds{3};  // first; doubles
  std::size_t max_cache_entries = 1024;
};

using LookupId = std::uint64_t;

struct LookupDone {
  LookupId id;
  base::Result<std::vector<net::IpAddress>> addresses;  // A first, then AAAA; never empty
};

/// Questions, A and AAAA apart, that a kept answer settled, and others.
struct CacheStats {
  std::uint64_t hits = 0, misses = 0;
};

class Resolver {
 public:
  Resolver(const ResolverConfig& config, net::Stack& stack, base::Rng& rng);
  ~Resolver();

  /// Starts a lookup of A and AAAA; IP literals and cached names finish in the same turn.
  /// The result comes by poll_event. Errors inside, each with the host as context: `dns_bad_name`
  /// (also .onion, .local and single labels, which are never asked for), `dns_not_found`,
  /// `dns_timeout`, `dns_server_failure`, `dns_malformed`, `dns_chain_too_long`.
  [[nodiscard]] LookupId lookup(std::string_view host, base::TimePoint now);
  void cancel(LookupId id);
  /// Reads sockets and timers. Called once per turn.
  void advance(base::TimePoint now);
  [[nodiscard]] std::optional<LookupDone> poll_event();
  [[nodiscard]] base::Deadline next_deadline() const;
  /// Forgets all answers; running lookups go on.
  void clear_cache();
  [[nodiscard]] CacheStats cache_stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::dns
