// One fetch on its way: wait for a connection -> exchange -> (redirect: again). Connections are the
// pool's. Every wait has a deadline; bodies flow only as fast as they are consumed at their end.
//
//   Waiting ──granted──> Exchanging ──head, body──> Done
//      ^                     │  └─redirect─> Asking ──go_on──┐
//      └─────────────────────┴───────────────────────────────┘
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connection_pool.h"
#include "mix/http/exchange.h"
#include "mix/tunnel/engine.h"

namespace mix::tunnel {

/// What jobs use of the engine. References outlive every job.
struct JobServices {
  const Options& options;
  ConnectionPool& pool;
  std::deque<Action>& actions;
  const http::UrlResolver* urls;  // may be null
};

class FetchJob {
 public:
  /// `first` has been validated.
  FetchJob(JobId id, FetchRequest request, http::Request first, const JobServices& services,
           base::TimePoint now);
  ~FetchJob();
  FetchJob(const FetchJob&) = delete;
  FetchJob& operator=(const FetchJob&) = delete;

  /// Moves as far as possible; true when something moved.
  bool advance(base::TimePoint now);
  void consumed(std::size_t bytes);
  /// A piece of a streamed body, as asked for in `attempt`; of earlier attempts it is ignored.
  void body_piece(std::uint32_t attempt, base::ByteView piece, base::TimePoint now);
  void body_end(std::uint32_t attempt, base::TimePoint now);
  /// The answer to FetchRedirected.
  void go_on(std::optional<std::string> cookie, base::TimePoint now);
  void fail(const base::Error& error);
  [[nodiscard]] bool done() const { return std::holds_alternative<Done>(state_); }
  [[nodiscard]] base::Deadline next_deadline() const;

 private:
  struct Waiting {
    ConnectionPool::Ticket ticket;
    base::TimePoint deadline;
  };
  struct Exchanging {
    std::optional<Lease> lease;  // HTTP/1.1; outlives the exchange
    std::unique_ptr<http::Exchange> exchange;
    bool reused = false;
    bool head_seen = false;
    bool delivering = false;                      // false while the body of a redirect is skipped
    base::Duration idle = base::Duration::max();  // how long the server keeps the connection
    base::Deadline deadline;                      // each step of the request, head, each chunk
    http::RequestProgress sending;
    std::optional<http::Request> redirect;
    std::uint64_t skipped = 0;  // bytes of a redirect's body
    bool body_given = false;    // bytes of a streamed body went in
    std::uint64_t progress = 0;
  };
  /// The page looks at a redirect and says with which cookies to go on.
  struct Asking {
    base::TimePoint deadline;
  };
  struct Done {};

  void begin(Freshness freshness, base::TimePoint now);
  void granted(Granted granted, base::TimePoint now);
  bool advance_waiting(base::TimePoint now);
  bool advance_exchanging(base::TimePoint now);
  void head_arrived(Exchanging& exchanging, http::ResponseHead head, base::TimePoint now);
  /// False: the body is over its limit, and the job has failed.
  bool chunk_arrived(Exchanging& exchanging, base::Bytes bytes, base::TimePoint now);
  void ended(Exchanging& exchanging, bool reusable, base::TimePoint now);
  void redirect(http::Request next, base::TimePoint now);
  void exchange_failed(Exchanging& exchanging, const base::Error& error, base::TimePoint now);
  [[nodiscard]] std::optional<Freshness> retry_after(const Exchanging& exchanging,
                                                     const base::Error& error);
  void ask_for_body(Exchanging& exchanging);
  void watch_request(Exchanging& exchanging, base::TimePoint now);
  void tell_progress(Exchanging& exchanging);
  [[nodiscard]] Phase phase() const;
  [[nodiscard]] double elapsed_ms(base::TimePoint now) const;

  const JobId id_;
  const FetchRequest options_;  // the body and headers have moved into request_
  http::Request request_;       // the current one, after redirects
  std::vector<std::pair<std::string, std::string>> set_cookies_;
  JobServices services_;
  const base::TimePoint started_;
  base::Deadline total_deadline_;
  std::vector<std::string> visited_;  // for the limit
  std::uint32_t attempt_ = 0;         // exchanges so far; tells pieces of a streamed body apart
  std::uint32_t retries_ = 0;
  std::size_t body_credit_ = 0;      // bytes of a streamed body asked for and not yet here
  bool request_bytes_left_ = false;  // some byte may have reached a server
  bool redirected_ = false;
  std::size_t unconsumed_ = 0;  // body bytes given out and not yet read by the page
  std::uint64_t received_ = 0;  // body bytes given out
  FetchTiming timing_;
  std::variant<Done, Waiting, Exchanging, Asking> state_;
};

}  // namespace mix::tunnel
