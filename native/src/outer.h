// What the host does outside of the tunnel: the WebSocket to the entry gateway and the calls of the
// directory, with the project's own TLS, WebSocket and HTTP over sockets of the operating system.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "host_stream.h"
#include "mix/base/rng.h"
#include "mix/gateway/session.h"
#include "mix/http/exchange.h"
#include "mix/tls/client.h"
#include "mix/websocket/connection.h"

namespace mix::native {

/// What connections need from the tunnel; outlives them.
struct OuterWorld {
  const base::Clock& clock;
  base::Rng& rng;
  std::shared_ptr<tls::TrustStore> trust;
  std::shared_ptr<Waker> waker;
};

/// A socket, with TLS over it for https and wss.
class OuterStream {
 public:
  OuterStream(const http::Url& url, const OuterWorld& world);

  [[nodiscard]] net::Stream& stream() { return *stream_; }
  [[nodiscard]] pollfd interest() const { return socket_->interest(); }

 private:
  std::unique_ptr<net::Stream> stream_;
  HostStream* socket_;  // the lowest part of stream_
};

class OuterLink {
 public:
  struct Opened {};
  struct Received {
    gateway::LinkFrame frame;
  };
  struct Ended {};
  using Event = std::variant<Opened, Received, Ended>;

  OuterLink(const http::Url& url, const OuterWorld& world);

  void send(const gateway::LinkFrame& frame);
  void close();
  /// True when something moved.
  bool advance(base::TimePoint now);
  /// Oldest first; nothing after Ended.
  [[nodiscard]] std::optional<Event> poll_event();
  /// Bytes that wait to leave this machine.
  [[nodiscard]] std::size_t buffered() const { return buffered_; }
  [[nodiscard]] pollfd interest() const { return outer_.interest(); }
  [[nodiscard]] base::Deadline next_deadline();

 private:
  OuterStream outer_;
  websocket::Connection connection_;  // refers to outer_
  std::size_t buffered_ = 0;
};

class DirectoryCall {
 public:
  struct Answer {
    int status = 0;
    base::Bytes body;
  };

  DirectoryCall(const http::Url& url, const OuterWorld& world);

  bool advance(base::TimePoint now);
  [[nodiscard]] bool done() const { return done_; }
  /// Once done; nothing: the call failed.
  [[nodiscard]] const std::optional<Answer>& answer() const { return answer_; }
  [[nodiscard]] pollfd interest() const { return outer_.interest(); }
  [[nodiscard]] base::Deadline next_deadline();

 private:
  void finish(std::optional<Answer> answer);

  OuterStream outer_;
  std::unique_ptr<http::Exchange> exchange_;  // refers to outer_
  base::TimePoint deadline_;
  Answer so_far_;
  std::optional<Answer> answer_;
  bool done_ = false;
};

}  // namespace mix::native
