// One HTTP/1.1 request and its response over a Stream (RFC 9110, RFC 9112), sans-I/O.
// The response parser is llhttp; limits and framing rules are checked here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/time.h"
#include "mix/http/url.h"
#include "mix/net/stream.h"

namespace mix::http {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// A request of which `validate` approved.
struct Request {
  std::string method = "GET";
  Url url;
  HeaderList headers;  // as the caller gave them, order and repetition kept; values in wire bytes
  base::Bytes body;
};

/// Names, values and reason are the server's bytes: ISO-8859-1 to a reader, so a byte above 0x7F is
/// one character (as in fetch), not UTF-8. Repeated fields are kept.
struct ResponseHead {
  std::uint16_t status = 0;
  std::string reason;
  HeaderList headers;
};

struct Limits {
  std::size_t max_head_bytes = 256 * 1024;  // all heads of a response with 1xx, and its trailers
  std::size_t max_headers = 256;
};

/// Refuses header names and values that could split a request, and methods that a page may not
/// send; writes standard methods in upper case. Errors: `usage_bad_header`, `usage_bad_method`,
/// `usage_bad_body` (GET or HEAD with a body).
[[nodiscard]] base::Result<void> validate(Request& request);

/// The reference's default headers, added where the caller gave none (reference-behaviour §4).
void add_default_headers(HeaderList& headers);

/// Request line, Host, Connection, headers, Content-Length: everything before the body.
[[nodiscard]] base::Bytes encode_head(const Request& request);

/// Values of a header, name compared without case.
[[nodiscard]] std::optional<std::string> find_header(const HeaderList& headers,
                                                     std::string_view name);

struct BodyChunk {
  base::Bytes bytes;
};
struct ResponseEnd {
  bool reusable = false;  // the connection may carry another exchange
};
using ExchangeEvent = std::variant<ResponseHead, BodyChunk, ResponseEnd>;

/// Drives one exchange on a stream that it borrows. 1xx heads and trailers are dropped. Events come
/// in the order head, chunks, end; after an error there are no more, but those before it count.
class Exchange {
 public:
  Exchange(net::Stream& stream, Request request, const Limits& limits);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Writes what the stream takes and parses what it holds. At most `max_body` bytes of body become
  /// events, and no more than one read is parsed beyond them, so that a slow reader closes the TCP
  /// window. An error is reported after all body before it was delivered.
  ///
  /// Errors: `http_bad_response` (detail: llhttp's number or 0), `http_head_too_large`,
  /// `http_truncated`, `http_empty_response`, and the stream's own.
  [[nodiscard]] base::Result<void> advance(std::size_t max_body);
  [[nodiscard]] std::optional<ExchangeEvent> poll_event();
  /// Bytes of the request (head and body) handed to the stream so far.
  [[nodiscard]] std::uint64_t bytes_sent() const;
  [[nodiscard]] bool response_started() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::http
