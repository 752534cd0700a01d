// One stream of an HTTP/2 connection as an Exchange. The connection (http2.cpp) reports what
// nghttp2 tells of the stream; the exchange holds what its reader has not taken yet.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "outgoing_body.h"

namespace mix::http::detail {

class Http2Exchange;

/// What an exchange asks of its connection.
class Http2Streams {
 public:
  virtual void body_waits(std::int32_t stream) = 0;
  virtual void body_taken(std::int32_t stream, std::size_t bytes) = 0;
  virtual void abandon(Http2Exchange& exchange) = 0;
  /// Bytes of the whole connection that the server's TCP took.
  [[nodiscard]] virtual std::uint64_t confirmed() const = 0;

 protected:
  Http2Streams() = default;
  ~Http2Streams() = default;
};

class Http2Exchange final : public Exchange {
 public:
  Http2Exchange(Request request, const Limits& limits);
  ~Http2Exchange() override;

  // --- Exchange ---
  [[nodiscard]] base::Result<void> advance(std::size_t max_body) override;
  [[nodiscard]] std::optional<ExchangeEvent> poll_event() override;
  [[nodiscard]] std::size_t body_room() const override;
  [[nodiscard]] base::Result<void> send_body(base::ByteView piece) override;
  [[nodiscard]] base::Result<void> end_body() override;
  [[nodiscard]] std::uint64_t bytes_sent() const override { return bytes_sent_; }
  [[nodiscard]] std::uint64_t body_sent() const override { return body_sent_; }
  [[nodiscard]] RequestProgress request_progress() const override;
  [[nodiscard]] bool response_started() const override { return response_started_; }

  // --- for the connection ---
  void attach(Http2Streams& streams, std::int32_t id) {
    streams_ = &streams;
    id_ = id;
  }
  /// The connection is gone; it will not be called any more.
  void detach() { streams_ = nullptr; }
  [[nodiscard]] std::int32_t id() const { return id_; }
  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] bool complete() const { return complete_; }

  /// A field of the head, or of trailers. False: too much, the stream must go.
  [[nodiscard]] bool field(std::string_view name, std::string_view value);
  void fields_end();
  void data(base::ByteView bytes);
  void response_end() { complete_ = true; }
  void fail(base::Error error);
  /// The stream ended with this code of RFC 9113 §7, sent by the peer or by us.
  void closed(std::uint32_t code);

  /// Body for the wire: how much was written into `out`.
  [[nodiscard]] std::size_t take_body(base::MutByteView out);
  [[nodiscard]] bool body_ended() const { return out_.empty() && !meter_.open(); }
  void head_sent(std::size_t bytes) { bytes_sent_ += bytes; }
  void body_sent(std::size_t bytes) {
    bytes_sent_ += bytes;
    body_sent_ += bytes;
  }
  /// The last frame of the request is among the connection's first `bytes`.
  void all_sent(std::uint64_t bytes) { request_end_ = bytes; }

 private:
  [[nodiscard]] bool shorter_than_stated() const;

  Http2Streams* streams_ = nullptr;
  std::int32_t id_ = 0;
  Request request_;
  const Limits limits_;
  BodyMeter meter_;
  OutgoingBody out_;
  std::uint64_t bytes_sent_ = 0, body_sent_ = 0;
  std::optional<std::uint64_t> request_end_;  // place in what the connection sends

  ResponseHead head_;
  std::size_t field_bytes_ = 0;
  bool head_done_ = false;
  bool response_started_ = false;
  bool complete_ = false;
  bool ended_ = false;
  std::uint64_t received_ = 0;  // bytes of body
  base::Bytes body_in_;         // not yet taken by the reader
  std::optional<base::Error> failure_;
  std::deque<ExchangeEvent> events_;
};

}  // namespace mix::http::detail
