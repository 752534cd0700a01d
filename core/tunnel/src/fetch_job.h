// One fetch on its way: resolve -> connect -> secure -> exchange -> (redirect: again).
// Every wait has a deadline; the body flows only as fast as the reader consumes it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connection_pool.h"
#include "mix/dns/resolver.h"
#include "mix/http/exchange.h"
#include "mix/net/stack.h"
#include "mix/tls/client.h"
#include "mix/tunnel/engine.h"

namespace mix::tunnel {

/// What jobs use of the engine. References outlive every job.
struct JobServices {
  const Options& options;
  const base::Clock& clock;
  base::Rng& rng;
  net::Stack& stack;
  dns::Resolver& resolver;
  ConnectionPool& pool;
  std::shared_ptr<tls::TrustStore> trust;
  std::deque<Action>& actions;
};

class FetchJob {
 public:
  /// `request` and `url` have been validated.
  FetchJob(JobId id, FetchRequest request, http::Request first, const JobServices& services,
           base::TimePoint now);
  ~FetchJob();

  /// Moves as far as possible; true when something moved.
  bool advance(base::TimePoint now);
  void lookup_finished(const dns::LookupDone& done, base::TimePoint now);
  void consumed(std::size_t bytes);
  void fail(const base::Error& error);
  [[nodiscard]] bool done() const { return std::holds_alternative<Done>(state_); }
  [[nodiscard]] base::Deadline next_deadline() const;

 private:
  struct Resolving {
    dns::LookupId lookup;
  };
  struct Connecting {
    std::unique_ptr<net::Stream> stream;
  };
  struct Securing {
    std::unique_ptr<tls::ClientStream> stream;
  };
  struct Exchanging {
    std::unique_ptr<net::Stream> stream;
    std::unique_ptr<http::Exchange> exchange;
    bool reused = false;
    bool head_seen = false;
    bool delivering = false;  // false while the body of a redirect is skipped
    base::Deadline deadline;  // head, then each chunk
    std::optional<http::Request> redirect;
  };
  struct Done {};

  void begin(base::TimePoint now);
  void resolve(base::TimePoint now);
  void connect_next(base::TimePoint now);
  void exchange_on(std::unique_ptr<net::Stream> stream, bool reused, base::TimePoint now);
  bool advance_connecting(base::TimePoint now);
  bool advance_securing(base::TimePoint now);
  bool advance_exchanging(base::TimePoint now);
  void head_arrived(Exchanging& exchanging, http::ResponseHead head, base::TimePoint now);
  void ended(Exchanging& exchanging, bool reusable, base::TimePoint now);
  void exchange_failed(Exchanging& exchanging, const base::Error& error, base::TimePoint now);
  [[nodiscard]] Phase phase() const;
  [[nodiscard]] double elapsed_ms(base::TimePoint now) const;
  [[nodiscard]] PoolKey pool_key() const;

  const JobId id_;
  const FetchRequest options_;  // the body and headers have moved into request_
  http::Request request_;       // the current one, after redirects
  JobServices services_;
  const base::TimePoint started_;
  base::Deadline total_deadline_;
  base::Deadline connect_deadline_;
  std::vector<net::IpAddress> addresses_;
  std::size_t next_address_ = 0;
  std::optional<base::Error> connect_error_;
  std::vector<std::string> visited_;  // for loops
  bool request_bytes_left_ = false;   // some byte may have reached a server
  bool redirected_ = false;
  std::size_t unconsumed_ = 0;  // body bytes given out and not yet read by the page
  FetchTiming timing_;
  std::variant<Resolving, Connecting, Securing, Exchanging, Done> state_ = Done{};
};

}  // namespace mix::tunnel
