// The HTTP connections of the tunnel: at most six to an origin and 64 in all, kept alive between
// requests, or one HTTP/2 connection that all requests to an origin share. spec: api part 2 §3.
//
// Who wants a connection takes a ticket and asks for it again until it is served. Requests wait in
// the order of their priority, then of their arrival; whichever connection is free first serves the
// first of them. While it is unknown what a TLS origin speaks, one connection only shakes hands,
// others stop after TCP: with HTTP/2 they are not needed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dialer.h"
#include "mix/http/http2.h"
#include "mix/http/url.h"
#include "mix/tunnel/engine.h"
#include "session_cache.h"

namespace mix::tunnel {

/// What requests must share to share a connection.
struct PoolKey {
  std::string isolation;
  std::string origin;  // scheme, host and port
  friend bool operator==(const PoolKey&, const PoolKey&) = default;
  friend bool operator<(const PoolKey& a, const PoolKey& b) {
    return a.isolation != b.isolation ? a.isolation < b.isolation : a.origin < b.origin;
  }
};

/// After a kept connection turned out dead, another kept one may be dead, too.
enum class Freshness : std::uint8_t { kAny, kNew };

struct ConnectionRequest {
  std::string isolation;
  http::Url url;
  Priority priority = Priority::kAuto;
  base::Duration connect_timeout = std::chrono::seconds{60};
  Freshness freshness = Freshness::kAny;
};

class ConnectionPool;

/// A connection in use. Dropped without `give_back`, it is closed.
class Lease {
 public:
  Lease(ConnectionPool& pool, PoolKey key, std::unique_ptr<net::Stream> stream);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  [[nodiscard]] net::Stream& stream() { return *stream_; }
  /// For the next request, if it still lives; for at most `idle` of the usual time.
  void give_back(base::Duration idle, base::TimePoint now);

 private:
  ConnectionPool* pool_;
  PoolKey key_;
  std::unique_ptr<net::Stream> stream_;
};

/// Either `lease`, an HTTP/1.1 connection for one request at a time, or `http2`, on which to open
/// an exchange at once.
struct Granted {
  std::optional<Lease> lease;
  http::Http2Connection* http2 = nullptr;
  bool reused = false;  // it has served before
  DialTiming timing;
};
struct Refused {
  base::Error error;
  Phase phase;
};

class ConnectionPool {
 public:
  using Ticket = std::uint64_t;
  using Answer = std::variant<Granted, Refused>;

  explicit ConnectionPool(const DialServices& services) : services_(services) {}

  [[nodiscard]] Ticket request(ConnectionRequest request, base::TimePoint now);
  /// Once, when the ticket is served.
  [[nodiscard]] std::optional<Answer> poll(Ticket ticket);
  /// How far the ticket's own connection is.
  [[nodiscard]] Phase phase(Ticket ticket) const;
  void cancel(Ticket ticket);
  /// The origin refused a request over HTTP/2.
  void use_http1(const PoolKey& key);

  /// Moves everything; true when something moved.
  bool advance(base::TimePoint now);
  void lookup_finished(const dns::LookupDone& done, base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline() const;
  /// Connections that serve nobody now.
  [[nodiscard]] std::size_t idle() const;
  /// Drops connections that serve nobody now.
  void drop_idle();

  [[nodiscard]] static PoolKey key_of(const std::string& isolation, const http::Url& url) {
    return {isolation, url.origin()};
  }

 private:
  friend class Lease;
  enum class Protocol : std::uint8_t { kUnknown, kHttp1, kHttp2 };

  struct Waiting {
    PoolKey key;
    ConnectionRequest request;
    std::optional<Answer> answer;
  };
  struct Dialing {
    std::unique_ptr<Dialer> dialer;
    Ticket ticket;
  };
  struct Idle {
    std::unique_ptr<net::Stream> stream;
    base::TimePoint expires;
    bool used = false;
    DialTiming timing;
  };
  struct Multiplexed {
    std::unique_ptr<http::Http2Connection> connection;
    base::TimePoint expires;  // when nobody uses it
    bool used = false;
    DialTiming timing;
  };
  struct Origin {
    Protocol protocol = Protocol::kUnknown;
    std::vector<Ticket> queue;  // in the order of serving
    std::vector<Dialing> dialing;
    std::deque<Idle> idle;  // oldest first
    std::vector<Multiplexed> multiplexed;
    std::size_t leased = 0;
    OriginSessions sessions;

    [[nodiscard]] std::size_t connections() const {
      return dialing.size() + idle.size() + multiplexed.size() + leased;
    }
    [[nodiscard]] bool quiet() const { return connections() == 0 && queue.empty(); }
  };

  bool tend(Origin& origin, base::TimePoint now);
  bool tend_multiplexed(Origin& origin, base::TimePoint now);
  bool tend_dialing(Origin& origin, base::TimePoint now);
  void dialled(Origin& origin, Dialing dialing, base::TimePoint now);
  bool serve(Origin& origin, base::TimePoint now);
  bool serve_one(Origin& origin, Ticket ticket, base::TimePoint now);
  bool dial(Origin& origin, base::TimePoint now);
  bool release_handshakes(Origin& origin, base::TimePoint now);
  void refuse(Origin& origin, Ticket ticket, Refused refused);
  [[nodiscard]] bool make_room(base::TimePoint now);
  [[nodiscard]] DialTarget target_for(Origin& origin, const ConnectionRequest& request) const;
  void forget_quiet_origins();

  void put(const PoolKey& key, std::unique_ptr<net::Stream> stream, base::Duration idle,
           base::TimePoint now);
  void released(const PoolKey& key);

  DialServices services_;
  std::map<PoolKey, Origin> origins_;
  std::map<Ticket, Waiting> tickets_;
  Ticket last_ticket_ = 0;
};

}  // namespace mix::tunnel
