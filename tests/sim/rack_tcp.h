// TCP of the simulated servers as today's kernels have it: losses are told from reordering by time
// (RFC 8985). The other Internet of the tests is lwIP, which takes three duplicates for a loss. The
// connections are those of the local exit, which needs such a TCP for the same reason.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "mix/base/rng.h"
#include "mix/net/address.h"
#include "mix/net/stream.h"
#include "tcp_endpoint.h"

namespace mix::sim {

/// Every address, on the ports that the test opens.
class RackTcp {
 public:
  struct Accepted {
    net::Endpoint remote;  // the client
    std::unique_ptr<net::Stream> stream;
  };

  explicit RackTcp(base::Rng& rng) : rng_(rng) {}

  void listen(std::uint16_t port) { ports_.insert(port); }
  [[nodiscard]] std::optional<Accepted> accept(std::uint16_t port);

  /// Takes an IP packet if it is a TCP segment for an open port; false leaves it to others.
  bool receive(base::ByteView packet, base::TimePoint now);
  [[nodiscard]] std::optional<base::Bytes> poll_output(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now);

 private:
  using Key = std::tuple<localnet::IpEndpoint, localnet::IpEndpoint>;  // client, server

  base::Rng& rng_;
  std::set<std::uint16_t> ports_;
  // Shared with the stream, whose owner may drop it before the last bytes have gone out.
  std::map<Key, std::shared_ptr<localnet::TcpEndpoint>> endpoints_;
  std::map<std::uint16_t, std::deque<Accepted>> accepted_;  // by port
};

}  // namespace mix::sim
