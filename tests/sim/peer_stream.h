// A connection of the simulated Internet as a net::Stream, so that a TLS server can sit on it.
#pragma once

#include <algorithm>
#include <optional>

#include "mix/net/stream.h"
#include "support/internet.h"

namespace mix::sim {

class PeerStream final : public net::Stream {
 public:
  /// Owns the connection; `internet` outlives the stream.
  PeerStream(test::Internet& internet, int connection)
      : internet_(internet), connection_(connection) {}
  PeerStream(const PeerStream&) = delete;
  PeerStream& operator=(const PeerStream&) = delete;
  ~PeerStream() override { lwip_peer_close(connection_); }

  [[nodiscard]] net::StreamState state() const override {
    switch (internet_.state(connection_)) {
      case LWIP_PEER_OPEN:
        return net::StreamState::kOpen;
      case LWIP_PEER_ENDED:
        return net::StreamState::kPeerClosed;
      case LWIP_PEER_CLOSED:
        return net::StreamState::kClosed;
      case LWIP_PEER_RESET:
        break;
    }
    return net::StreamState::kFailed;
  }
  [[nodiscard]] std::optional<base::Error> error() const override {
    if (state() != net::StreamState::kFailed) return std::nullopt;
    return base::Error{base::Errc::net_connection_reset};
  }
  std::size_t read(base::MutByteView out) override {
    return lwip_peer_read(connection_, out.data(), out.size());
  }
  [[nodiscard]] std::size_t readable() const override { return lwip_peer_readable(connection_); }
  [[nodiscard]] bool at_end() const override {
    const net::StreamState now = state();
    return readable() == 0 &&
           (now == net::StreamState::kPeerClosed || now == net::StreamState::kClosed);
  }
  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override {
    if (const auto failed = error()) return *failed;
    if (state() == net::StreamState::kClosed) return base::Errc::net_closed;
    return internet_.write(connection_, bytes);
  }
  [[nodiscard]] std::size_t writable() const override { return lwip_peer_writable(connection_); }
  [[nodiscard]] std::size_t unacknowledged() const override {
    return lwip_peer_unacknowledged(connection_);
  }
  void shutdown() override { lwip_peer_shutdown(connection_); }
  void abort() override { lwip_peer_abort(connection_); }
  void advance(base::TimePoint /*now*/) override {}
  [[nodiscard]] base::Deadline next_deadline() const override { return std::nullopt; }

 private:
  test::Internet& internet_;
  int connection_;
};

}  // namespace mix::sim
