// One WebSocket: dial -> websocket::Connection -> end.
#pragma once

#include <memory>
#include <variant>

#include "channel_job.h"
#include "mix/http/url.h"
#include "mix/websocket/connection.h"

namespace mix::tunnel {

class WebSocketJob final : public ChannelJob {
 public:
  /// Errors: `usage_bad_url`, `ws_bad_option`, `usage_bad_header`.
  [[nodiscard]] static base::Result<std::unique_ptr<WebSocketJob>> start(
      JobId id, WebSocketRequest request, const ChannelServices& services, base::TimePoint now);

  bool advance(base::TimePoint now) override;
  [[nodiscard]] base::Result<void> command(ChannelCommand command, base::TimePoint now) override;
  void lookup_finished(const dns::LookupDone& done, base::TimePoint now) override;
  void fail(const base::Error& error) override;
  [[nodiscard]] bool done() const override { return std::holds_alternative<Done>(state_); }
  [[nodiscard]] base::Deadline next_deadline() const override;
  [[nodiscard]] bool is_open_websocket() const override { return has_opened_ && !has_told_last(); }

 private:
  struct Talking {
    std::unique_ptr<net::Stream> stream;
    std::unique_ptr<websocket::Connection> connection;
  };
  struct Done {};

  WebSocketJob(JobId id, WebSocketRequest request, const http::Url& url,
               websocket::HandshakeRequest handshake, const ChannelServices& services,
               base::TimePoint now);
  bool advance_dial(base::TimePoint now);
  bool advance_talk(base::TimePoint now);

  const WebSocketRequest request_;
  websocket::HandshakeRequest handshake_;
  const base::TimePoint deadline_;  // of everything until the handshake is done
  std::variant<std::unique_ptr<Dialer>, Talking, Done> state_;
  bool has_opened_ = false;
};

}  // namespace mix::tunnel
