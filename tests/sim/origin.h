// The servers of the simulated Internet: HTTP/1.1 over TCP or TLS, and DNS over UDP. They answer
// at every address, as the Internet of the tests does, and count what they see.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/net/stream.h"
#include "support/internet.h"
#include "support/tls/tls_server.h"

namespace mix::sim {

/// `size` bytes that look random and depend on nothing but their place.
[[nodiscard]] base::Bytes pattern(std::size_t size);

/// Answers `GET /bytes/<n>` with pattern(n), `POST /echo` with the request's body, all else with
/// 404. Connections are kept alive.
class Origin {
 public:
  struct Served {
    std::string method;
    std::string target;
    net::Endpoint client;  // as the server sees it
  };

  /// HTTPS on 443 with this identity, plain HTTP on 80. References outlive the origin.
  Origin(test::Internet& internet, test::Identity identity, const base::Clock& clock,
         base::Rng& rng);

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
    bool ended = false;
  };

  bool accept(std::uint16_t port);
  bool serve(Connection& connection, base::TimePoint now);
  /// Takes one whole request from the front of `in`; false when there is none yet.
  bool answer_one(Connection& connection);

  test::Internet& internet_;
  test::Identity identity_;
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
