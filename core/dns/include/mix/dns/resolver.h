// Stub resolver over the tunnel's own stack (RFC 1035). No clear-net fallback.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/dns/link.h"
#include "mix/dns/record.h"
#include "mix/dns/server.h"
#include "mix/net/stack.h"

namespace mix::dns {

struct ResolverConfig {
  net::Endpoint primary{net::Ipv4{{8, 8, 8, 8}}, 53};
  net::Endpoint fallback{net::Ipv4{{1, 1, 1, 1}}, 53};
  base::Duration timeout = std::chrono::seconds{30};    // per lookup
  base::Duration retransmit = std::chrono::seconds{3};  // first; doubles
  std::size_t max_cache_entries = 1024;
};

enum class CacheUse : bool { kRead, kIgnore };  // what was asked anew is remembered in any case
enum class Families : std::uint8_t { kBoth, kIpv4, kIpv6 };

/// How one question is asked, where that differs from the configuration.
struct AskOptions {
  std::vector<Server> servers = {};  // one or two; empty: those of the configuration, over UDP
  std::optional<base::Duration> timeout = std::nullopt;
  CacheUse cache = CacheUse::kRead;
  /// Callers with other keys share neither answers nor questions: what one of them knows already
  /// tells a server nothing about the others.
  std::string isolation = {};
};

using LookupId = std::uint64_t;

struct LookupDone {
  LookupId id;
  base::Result<std::vector<net::IpAddress>> addresses;  // A first, then AAAA; never empty
  std::vector<base::Duration> ttls = {};                // one an address; empty for literals
};

struct Answer {
  std::vector<RecordData> records;  // never empty
  Name canonical_name;
  base::Duration ttl{};
  net::Endpoint server;
  bool is_authenticated = false;  // the resolver says so
  bool is_from_cache = false;
};

struct AnswerDone {
  LookupId id;
  base::Result<Answer> answer;
};

/// Questions, A and AAAA apart, that a kept answer settled, and others.
struct CacheStats {
  std::uint64_t hits = 0, misses = 0;
};

class Resolver {
 public:
  /// `stack`, `rng` and `opener` outlive the resolver. Without an opener, questions over TLS and
  /// HTTPS fail with `net_unreachable`.
  Resolver(const ResolverConfig& config, net::Stack& stack, base::Rng& rng,
           LinkOpener* opener = nullptr);
  ~Resolver();

  /// Starts a lookup of A and AAAA; IP literals and cached names finish in the same turn.
  /// The result comes by poll_event. Errors inside, each with the host as context (time-outs have
  /// none): `dns_bad_name` (also .onion, .local and single labels, which are never asked for),
  /// `dns_not_found`, `dns_timeout`, `dns_server_failure`, `dns_malformed`, `dns_chain_too_long`,
  /// and `net_*`, `tls_*`, `http_*` where a stream was asked for.
  [[nodiscard]] LookupId lookup(std::string_view host, base::TimePoint now);
  [[nodiscard]] LookupId lookup(std::string_view host, Families families, const AskOptions& options,
                                base::TimePoint now);
  /// Asks for records of one type; the result comes by poll_answer. Errors inside: as of `lookup`.
  [[nodiscard]] LookupId ask(std::string_view name, RecordType type, const AskOptions& options,
                             base::TimePoint now);
  [[nodiscard]] LookupId ask(const Name& name, RecordType type, const AskOptions& options,
                             base::TimePoint now);
  void cancel(LookupId id);
  /// The path below is back after an outage, perhaps with other addresses: questions that nobody
  /// has answered yet are asked again at once.
  void resume(base::TimePoint now);
  /// Reads sockets and timers. Called once per turn.
  void advance(base::TimePoint now);
  [[nodiscard]] std::optional<LookupDone> poll_event();
  [[nodiscard]] std::optional<AnswerDone> poll_answer();
  [[nodiscard]] base::Deadline next_deadline() const;
  /// Forgets all answers; running lookups go on.
  void clear_cache();
  [[nodiscard]] CacheStats cache_stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::dns
