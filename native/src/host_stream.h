// A net::Stream over a TCP socket of the operating system, for what leaves this machine outside of
// the tunnel: the directory and the gateway. Never blocks: names are resolved in a thread apart.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "mix/base/time.h"
#include "mix/net/stream.h"

namespace mix::native {

/// Ends a poll() from another thread.
class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  void wake() const;
  /// Takes back what wake() did.
  void reset() const;
  [[nodiscard]] int descriptor() const { return read_end_; }

 private:
  int read_end_ = -1, write_end_ = -1;
};

class HostStream final : public net::Stream {
 public:
  /// Starts to resolve and connect. `waker` is woken when the name is resolved.
  HostStream(const std::string& host, std::uint16_t port, std::shared_ptr<Waker> waker,
             base::TimePoint now);
  ~HostStream() override;
  HostStream(const HostStream&) = delete;
  HostStream& operator=(const HostStream&) = delete;

  /// What to wait for; its descriptor is -1 while there is no socket.
  [[nodiscard]] pollfd interest() const;

  [[nodiscard]] net::StreamState state() const override;
  [[nodiscard]] std::optional<base::Error> error() const override;
  std::size_t read(base::MutByteView out) override;
  [[nodiscard]] std::size_t readable() const override { return received_.size(); }
  [[nodiscard]] bool at_end() const override { return ended_ && received_.empty(); }
  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override;
  [[nodiscard]] std::size_t writable() const override;
  [[nodiscard]] std::size_t unacknowledged() const override { return 0; }
  void shutdown() override;
  void abort() override;
  void advance(base::TimePoint now) override;
  [[nodiscard]] base::Deadline next_deadline() const override;

 private:
  struct Lookup;

  void connect_next();
  void look_at_connect();
  void pull();
  void fail(base::Errc code);
  void drop_socket();

  std::string host_;
  std::shared_ptr<Lookup> lookup_;  // null once connected or failed
  base::Deadline connect_deadline_;
  int socket_ = -1;
  bool connecting_ = false;
  base::Bytes received_;
  std::optional<base::Error> error_;
  bool is_full_ = false;  // the last write was cut short
  bool ended_ = false, shut_ = false;
};

}  // namespace mix::native
