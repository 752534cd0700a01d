// An HTTP/2 connection (RFC 9113): many exchanges at once over one Stream. Framing and header
// compression are nghttp2's; what a response must look like is checked here and there.
//
// Flow control: a stream's window follows its reader, so that a slow reader stops its own server
// side only; the window of the connection is wide and refilled at once, so that readers do not
// hinder one another. What an unread stream may hold is thereby bounded.
#pragma once

#include <memory>

#include "mix/http/exchange.h"
#include "mix/net/stream.h"

namespace mix::http {

class Http2Connection {
 public:
  /// Takes over an open stream on which "h2" was agreed.
  Http2Connection(std::unique_ptr<net::Stream> stream, const Limits& limits);
  ~Http2Connection();
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;

  /// Starts an exchange; it is sent by the next `advance` of either. Destroying an unfinished one
  /// resets its stream. Exchanges may outlive the connection, and then fail.
  ///
  /// Errors of the exchange: `http2_refused` (it can be sent again), `http2_stream_reset` (detail:
  /// RFC 9113 §7), `http2_wants_http1`, `http2_protocol`, `http_bad_response`,
  /// `http_head_too_large`, `http_truncated`, and the stream's own.
  [[nodiscard]] std::unique_ptr<Exchange> open(Request request);

  /// Sends and receives what can be; true when something moved.
  bool advance(base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline() const;

  /// New exchanges may be opened: no failure, no GOAWAY, and the peer allows one more at a time.
  [[nodiscard]] bool accepts() const;
  /// Neither this side nor the peer has anything to say any more.
  [[nodiscard]] bool finished() const;
  /// Exchanges in progress.
  [[nodiscard]] std::size_t active() const;
  /// Says goodbye; exchanges in progress go on.
  void close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::http
