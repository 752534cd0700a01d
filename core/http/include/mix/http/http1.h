// One HTTP/1.1 request and its response over a Stream (RFC 9112). The response parser is llhttp;
// limits and framing rules are checked here.
#pragma once

#include <memory>

#include "mix/http/exchange.h"
#include "mix/net/stream.h"

namespace mix::http {

/// Drives one exchange on a stream that it borrows. Errors of `advance`: `http_bad_response`
/// (detail: llhttp's number or 0), `http_head_too_large`, `http_truncated`, `http_empty_response`,
/// and the stream's own.
class Http1Exchange final : public Exchange {
 public:
  Http1Exchange(net::Stream& stream, Request request, const Limits& limits);
  ~Http1Exchange() override;

  [[nodiscard]] base::Result<void> advance(std::size_t max_body) override;
  [[nodiscard]] std::optional<ExchangeEvent> poll_event() override;
  [[nodiscard]] std::size_t body_room() const override;
  [[nodiscard]] base::Result<void> send_body(base::ByteView piece) override;
  [[nodiscard]] base::Result<void> end_body() override;
  [[nodiscard]] std::uint64_t bytes_sent() const override;
  [[nodiscard]] std::uint64_t body_sent() const override;
  [[nodiscard]] RequestProgress request_progress() const override;
  [[nodiscard]] bool response_started() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::http
