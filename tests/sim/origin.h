// The servers of the simulated Internet: HTTP/1.1 over TCP or TLS, and DNS over UDP. They answer
// at every address, as the Internet of the tests does, and count what they see.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/net/stream.h"
#include "rack_tcp.h"
#include "support/internet.h"
#include "support/tls/tls_server.h"

namespace mix::sim {

/// `size` bytes that look random and depend on nothing but their place.
[[nodiscard]] base::Bytes pattern(std::size_t size);

/// What it answers, on connections that are kept alive:
///
/// | request | answer |
/// |---|---|
/// | `GET /bytes/<n>` | pattern(n) |
/// | `POST /echo` | the request's body |
/// | `/redirect/<n>` | 302 to `/bytes/<n>` |
/// | `/redirect-open/<n>` | the same, whose body of 100 bytes never ends |
/// | `/truncated` | the head of 1000 bytes, 100 of them, the end of the connection |
/// | `/closed` | the end of the connection |
/// | `/silent` | nothing |
/// | all else | 404 |
class Origin {
 public:
  struct Served {
    std::string method;
    std::string target;
    net::Endpoint client;  // as the server sees it
  };

  /// HTTPS on 443 with this identity, plain HTTP on 80, by `rack_tcp` when there is one, else by
  /// lwIP. References outlive the origin.
  Origin(test::Internet& internet, RackTcp* rack_tcp, test::Identity identity,
         const base::Clock& clock, base::Rng& rng);

  /// Serves one more port: with an identity by TLS 1.3, else plainly.
  void listen(std::uint16_t port, std::optional<test::Identity> identity);
  /// True when something moved.
  bool advance(base::TimePoint now);

  [[nodiscard]] const std::vector<Served>& served() const { return served_; }
  /// TCP connections accepted so far.
  [[nodiscard]] std::size_t accepted() const { return accepted_; }

 private:
  struct Connection {
    net::Endpoint client;
    std::unique_ptr<net::Stream> stream;
    std::string in;
    base::Bytes out;
    std::size_t written = 0;
    bool ends = false;  // no answers any more; the stream ends after what is in `out`
    bool ended = false;
  };

  [[nodiscard]] std::optional<RackTcp::Accepted> accept_stream(std::uint16_t port);
  bool accept(std::uint16_t port, const std::optional<test::Identity>& identity);
  bool serve(Connection& connection, base::TimePoint now);
  /// Takes one whole request from the front of `in`; false when there is none yet.
  bool answer_one(Connection& connection);

  test::Internet& internet_;
  RackTcp* const rack_tcp_;
  std::map<std::uint16_t, std::optional<test::Identity>> ports_;
  const base::Clock& clock_;
  base::Rng& rng_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Served> served_;
  std::size_t accepted_ = 0;
};

/// Answers A and AAAA queries on port 53 of every address from a table; other names do not exist.
class NameServer {
 public:
  explicit NameServer(test::Internet& internet);

  void add(const std::string& name, const std::string& address);
  bool advance();
  /// Queries seen so far.
  [[nodiscard]] std::size_t asked() const { return asked_; }

 private:
  test::Internet& internet_;
  std::multimap<std::string, std::string> table_;
  std::size_t asked_ = 0;
};

}  // namespace mix::sim
