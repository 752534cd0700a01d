// Resolution: one question asked until it is settled: both resolvers, CNAME chains, the time limit.
//
// The primary resolver is asked first; the fallback joins when the primary fails or its first
// time-out passes, and then the first good answer counts.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "mix/dns/resolver.h"
#include "outcome.h"
#include "query.h"

namespace mix::dns {

class Resolution {
 public:
  /// `servers`: one or two, the second joins when the first is late or fails. What `services`
  /// refers to outlives the resolution.
  Resolution(const QueryServices& services, std::vector<Server> servers, Question question,
             base::Duration retransmit, base::TimePoint deadline, base::TimePoint now);

  /// Errors inside: `dns_timeout`, `dns_server_failure`, `dns_malformed`, `dns_chain_too_long`.
  /// Not to be called again once there is an outcome.
  [[nodiscard]] std::optional<Outcome> advance(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline(base::TimePoint now) const;
  /// The path is back after an outage.
  void repeat(base::TimePoint now) {
    for (const Attempt& attempt : attempts_) {
      if (attempt.query) attempt.query->repeat(now);
    }
  }
  /// Somebody else waits for the same, perhaps for longer.
  void extend(base::TimePoint deadline) { deadline_ = std::max(deadline_, deadline); }

 private:
  struct Attempt {
    std::unique_ptr<Query> query;  // null: not asked, or failed
    std::optional<base::Error> failure;
  };
  /// The name that a chain of CNAMEs leads to, to be asked next.
  struct Follow {
    Name target;
  };
  using Reading = std::variant<Found, Nothing, base::Error, Follow>;

  void ask(std::size_t server, base::TimePoint now);
  void start_over(Name target, base::TimePoint now);
  [[nodiscard]] Reading interpret(const Message& message, std::size_t server);
  [[nodiscard]] base::Error failure() const;

  const QueryServices services_;
  const std::vector<Server> servers_;
  const base::Duration retransmit_;
  Question question_;  // with the name that the chain has led to
  base::TimePoint deadline_;
  base::Duration chain_ttl_;  // least of the CNAMEs so far
  int hops_ = 0;
  std::array<Attempt, 2> attempts_;
};

}  // namespace mix::dns
