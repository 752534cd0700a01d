// A net::Stream over a loopback TCP socket of the operating system.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>

#include "mix/net/stream.h"

namespace mix::test {

class SocketStream final : public net::Stream {
 public:
  explicit SocketStream(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // The socket interface takes every family behind one pointer type.
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      error_ = base::Error{base::Errc::net_connect_refused};
    }
    ::fcntl(socket_, F_SETFL, O_NONBLOCK);
  }
  /// The server's end; owns the descriptor.
  struct Accepted {
    int socket;
  };
  explicit SocketStream(Accepted accepted) : socket_(accepted.socket) {
    ::fcntl(socket_, F_SETFL, O_NONBLOCK);
  }
  ~SocketStream() override { ::close(socket_); }
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  /// For poll(): something can be read, or written after a write that was cut short.
  [[nodiscard]] pollfd interest() const {
    return {socket_, static_cast<short>(is_full_ ? POLLIN | POLLOUT : POLLIN), 0};
  }
  /// Waits for that; at most `milliseconds`.
  void wait(int milliseconds) const {
    pollfd entry = interest();
    ::poll(&entry, 1, milliseconds);
  }

  [[nodiscard]] net::StreamState state() const override {
    if (error()) return net::StreamState::kFailed;
    if (!ended_) return net::StreamState::kOpen;
    return shut_ ? net::StreamState::kClosed : net::StreamState::kPeerClosed;
  }
  [[nodiscard]] std::optional<base::Error> error() const override {
    return received_.empty() ? error_ : std::nullopt;
  }
  std::size_t read(base::MutByteView out) override {
    pull();
    const std::size_t n = std::min(out.size(), received_.size());
    std::copy_n(received_.begin(), n, out.begin());
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }
  [[nodiscard]] std::size_t readable() const override { return received_.size(); }
  [[nodiscard]] bool at_end() const override { return ended_ && received_.empty(); }
  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override {
    if (error_) return *error_;
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    is_full_ = n < static_cast<ssize_t>(bytes.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN) return std::size_t{0};
    error_ = base::Error{base::Errc::net_connection_reset};
    return *error_;
  }
  [[nodiscard]] std::size_t writable() const override {
    pollfd entry{socket_, POLLOUT, 0};
    return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0 ? 65536 : 0;
  }
  [[nodiscard]] std::size_t unacknowledged() const override { return 0; }
  void shutdown() override {
    shut_ = true;
    ::shutdown(socket_, SHUT_WR);
  }
  void abort() override { ::shutdown(socket_, SHUT_RDWR); }
  void advance(base::TimePoint) override { pull(); }
  [[nodiscard]] base::Deadline next_deadline() const override { return std::nullopt; }

 private:
  void pull() {
    std::array<std::uint8_t, 16384> buffer{};
    if (error_ || ended_ || received_.size() > 4 * buffer.size()) return;
    const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (n > 0) {
      base::append(received_, base::ByteView{buffer}.first(static_cast<std::size_t>(n)));
    } else if (n == 0) {
      ended_ = true;
    } else if (errno != EAGAIN) {
      error_ = base::Error{base::Errc::net_connection_reset};
    }
  }

  int socket_;
  base::Bytes received_;
  std::optional<base::Error> error_;
  bool is_full_ = false;  // the last write was cut short
  bool ended_ = false;
  bool shut_ = false;
};

}  // namespace mix::test
