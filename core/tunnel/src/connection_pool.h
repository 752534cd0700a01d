// Idle keep-alive connections, kept for the next request to the same place.
// spec: api part 2 §3 (pool).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "mix/base/time.h"
#include "mix/net/stream.h"

namespace mix::tunnel {

/// What requests must share to share a connection.
struct PoolKey {
  std::string isolation;
  std::string origin;  // scheme, host and port
  friend bool operator==(const PoolKey&, const PoolKey&) = default;
};

class ConnectionPool {
 public:
  /// Keeps an idle stream, dropping the oldest when the origin (6) or the pool (64) is full.
  void put(const PoolKey& key, std::unique_ptr<net::Stream> stream, base::TimePoint now);
  /// The most recently used live stream, or null.
  [[nodiscard]] std::unique_ptr<net::Stream> take(const PoolKey& key);
  /// Drops streams that the peer closed, sent bytes on, or that idled for 60 s.
  void advance(base::TimePoint now);
  void clear() { idle_.clear(); }
  [[nodiscard]] base::Deadline next_deadline() const;
  [[nodiscard]] std::size_t size() const { return idle_.size(); }

 private:
  struct Idle {
    PoolKey key;
    std::unique_ptr<net::Stream> stream;
    base::TimePoint expires;
  };
  std::deque<Idle> idle_;  // oldest first
};

}  // namespace mix::tunnel
