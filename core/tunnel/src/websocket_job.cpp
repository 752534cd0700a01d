#include "websocket_job.h"

#include <utility>

namespace mix::tunnel {
namespace {

using base::Errc;
using base::Error;
using base::TimePoint;

DialTarget target_of(const http::Url& url, base::Duration timeout) {
  DialTarget target;
  target.host = url.host;
  target.port = url.port;
  target.timeout = timeout;
  target.security = url.secure() ? Security::kTls : Security::kPlain;
  target.alpn = {"http/1.1"};  // spec: reference-behaviour §5
  return target;
}

}  // namespace

base::Result<std::unique_ptr<WebSocketJob>> WebSocketJob::start(JobId id, WebSocketRequest request,
                                                                const ChannelServices& services,
                                                                TimePoint now) {
  MIX_TRY(const http::Url url, http::Url::parse(request.url));
  if (url.scheme != "ws" && url.scheme != "wss") {
    return Error{Errc::usage_bad_url, 0, url.scheme + ": expected ws or wss"};
  }
  websocket::HandshakeRequest handshake;
  handshake.authority = url.authority();
  handshake.path = url.path;
  handshake.protocols = request.protocols;
  handshake.headers = request.headers;
  handshake.origin = request.origin;
  handshake.compression = request.compression;
  MIX_CHECK(websocket::validate(handshake));
  return std::unique_ptr<WebSocketJob>(
      new WebSocketJob(id, std::move(request), url, std::move(handshake), services, now));
}

WebSocketJob::WebSocketJob(JobId id, WebSocketRequest request, const http::Url& url,
                           websocket::HandshakeRequest handshake, const ChannelServices& services,
                           TimePoint now)
    : ChannelJob(id, services),
      request_(std::move(request)),
      handshake_(std::move(handshake)),
      deadline_(now + request_.config.handshake_timeout),
      state_(std::make_unique<Dialer>(target_of(url, request_.config.handshake_timeout),
                                      services_.net, now)) {}

bool WebSocketJob::advance(TimePoint now) {
  if (std::holds_alternative<std::unique_ptr<Dialer>>(state_)) return advance_dial(now);
  if (std::holds_alternative<Talking>(state_)) return advance_talk(now);
  return false;
}

bool WebSocketJob::advance_dial(TimePoint now) {
  Dialer& dialer = *std::get<std::unique_ptr<Dialer>>(state_);
  const bool moved = dialer.advance(now);
  dialer.secure(now);
  if (dialer.step() == Dialer::Step::kFailed) {
    fail(Error{*dialer.error()});
    return true;
  }
  if (dialer.step() != Dialer::Step::kOpen) return moved;
  Talking talking;
  talking.stream = dialer.take();
  websocket::Config config = request_.config;
  config.handshake_timeout = deadline_ - now;
  talking.connection = std::make_unique<websocket::Connection>(
      *talking.stream, std::move(handshake_), config, services_.net.rng, now);
  state_ = std::move(talking);
  return true;
}

bool WebSocketJob::advance_talk(TimePoint now) {
  auto& talking = std::get<Talking>(state_);
  talking.stream->advance(now);
  const bool moved = talking.connection->advance(now);
  while (auto event = talking.connection->poll_event()) {
    has_opened_ |= std::holds_alternative<websocket::Opened>(*event);
    std::visit([&](auto& value) { tell(std::move(value)); }, *event);
  }
  if (talking.connection->done()) state_ = Done{};
  return moved;
}

base::Result<void> WebSocketJob::command(ChannelCommand command, TimePoint /*now*/) {
  auto* talking = std::get_if<Talking>(&state_);
  if (std::holds_alternative<CloseWebSocket>(command) && talking == nullptr) {
    fail(Error{Errc::ws_connection_lost, 0, "closed before the connection was open"});
    return {};
  }
  if (talking == nullptr) return Errc::usage_stale_handle;
  websocket::Connection& connection = *talking->connection;
  if (const auto* message = std::get_if<SendMessage>(&command)) {
    return connection.send(message->kind, message->bytes);
  }
  if (const auto* ping = std::get_if<SendPing>(&command)) return connection.ping(ping->payload);
  if (const auto* close = std::get_if<CloseWebSocket>(&command)) {
    return connection.close(close->code, close->reason);
  }
  if (const auto* consumed = std::get_if<ChannelConsumed>(&command)) {
    connection.consumed(consumed->bytes);
    return {};
  }
  return Errc::usage_stale_handle;
}

void WebSocketJob::lookup_finished(const dns::LookupDone& done, TimePoint now) {
  if (auto* dial = std::get_if<std::unique_ptr<Dialer>>(&state_)) {
    (*dial)->lookup_finished(done, now);
  }
}

void WebSocketJob::fail(const Error& error) {
  // RFC 6455 §7.1.5: no TLS, no close frame.
  const bool is_tls = base::error_class(error.code) == base::ErrorClass::tls;
  const bool is_dialling = std::holds_alternative<std::unique_ptr<Dialer>>(state_);
  websocket::Closed closed;
  if (is_tls && is_dialling) closed.code = websocket::kTlsFailure;
  closed.error = error;
  tell(std::move(closed));
  state_ = Done{};
}

base::Deadline WebSocketJob::next_deadline() const {
  if (const auto* dial = std::get_if<std::unique_ptr<Dialer>>(&state_)) {
    return (*dial)->next_deadline();
  }
  if (const auto* talking = std::get_if<Talking>(&state_)) {
    return talking->connection->next_deadline();
  }
  return std::nullopt;
}

}  // namespace mix::tunnel
