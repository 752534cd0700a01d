// Outgoing TCP connections of one node to others: one per peer, opened when there is something to
// send, with a bounded queue and a back-off. Nothing ever comes back on them.
// spec: gateway §10.1, §10.3.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "mix/base/bytes.h"
#include "mix/base/time.h"
#include "mix/sphinx/address.h"

namespace mix::localnet {

class PeerLink;

class PeerLinks {
 public:
  /// `lost` is told how many frames a failed connection cost. The n-th retry waits
  /// min(backoff * 2^n, 300 s).
  PeerLinks(boost::asio::io_context& io, base::Duration backoff,
            std::function<void(std::size_t)> lost);
  ~PeerLinks();
  PeerLinks(const PeerLinks&) = delete;
  PeerLinks& operator=(const PeerLinks&) = delete;

  /// Queues a frame; one that finds the queue full or the peer in back-off is lost.
  void send(const sphinx::NodeAddress& to, base::Bytes frame);
  /// Frames that wait, over all peers.
  [[nodiscard]] std::size_t backlog() const;
  /// Drops every connection and what is queued.
  void close();

 private:
  boost::asio::io_context& io_;
  base::Duration backoff_;
  std::function<void(std::size_t)> lost_;
  std::map<std::string, std::shared_ptr<PeerLink>> links_;
};

/// Throws std::system_error-like exceptions of Asio for what is no address.
[[nodiscard]] boost::asio::ip::tcp::endpoint endpoint_of(const sphinx::NodeAddress& address);

}  // namespace mix::localnet
