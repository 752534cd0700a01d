// One HTTP request and its response, sans-I/O (RFC 9110): what HTTP/1.1 (http1.h), HTTP/2 (http2.h)
// and the removal of content codings (decoding.h) have in common.
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

namespace mix::http {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// A body that is handed over piece by piece while the request is under way.
struct StreamedBody {
  std::optional<std::uint64_t> length;  // bytes; none: known only at its end
  friend bool operator==(const StreamedBody&, const StreamedBody&) = default;
};

/// A request of which `validate` approved.
struct Request {
  std::string method = "GET";
  Url url;
  HeaderList headers;  // as the caller gave them, order and repetition kept; values in wire bytes
  base::Bytes body;    // empty when `streamed`
  std::optional<StreamedBody> streamed = std::nullopt;

  [[nodiscard]] bool has_body() const { return streamed.has_value() || !body.empty(); }
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

/// The reference's default headers, added where the caller gave none (reference-behaviour §4), with
/// this Accept-Encoding; parts of a resource are asked for without coding.
void add_default_headers(HeaderList& headers, std::string_view accept_encoding = "identity");

/// Request line, Host, Connection, headers, Content-Length: everything before the body.
[[nodiscard]] base::Bytes encode_head(const Request& request);

/// Values of a header, name compared without case.
[[nodiscard]] std::optional<std::string> find_header(const HeaderList& headers,
                                                     std::string_view name);
/// The Content-Length field, if it is a number.
[[nodiscard]] std::optional<std::uint64_t> content_length(const HeaderList& headers);

/// Every field of this name gives way to one, or to none.
void replace_header(HeaderList& headers, std::string_view name, std::optional<std::string> value);
[[nodiscard]] bool is_set_cookie(std::string_view name);

struct BodyChunk {
  base::Bytes bytes;
};
struct ResponseEnd {
  bool reusable = false;  // the connection may carry another exchange
};
using ExchangeEvent = std::variant<ResponseHead, BodyChunk, ResponseEnd>;

/// How far a request is on its way to the server.
struct RequestProgress {
  std::uint64_t confirmed = 0;  // bytes that the server's TCP took, of which framing is a part
  bool handed_over = false;     // the connection has all of it
  friend bool operator==(const RequestProgress&, const RequestProgress&) = default;
};

/// An exchange in progress. 1xx heads and trailers are dropped. Events come in the order head,
/// chunks, end; after an error there are no more, but those before it count.
class Exchange {
 public:
  Exchange() = default;
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Sends and receives what can be. At most `max_body` bytes of body become events, and little is
  /// read beyond them, so that a slow reader holds the server back. An error is reported after all
  /// body before it was delivered.
  [[nodiscard]] virtual base::Result<void> advance(std::size_t max_body) = 0;
  [[nodiscard]] virtual std::optional<ExchangeEvent> poll_event() = 0;

  /// How many bytes of a streamed body are wanted now.
  [[nodiscard]] virtual std::size_t body_room() const = 0;
  /// The next piece of a streamed body. Errors: `usage_bad_body` (more than its stated length).
  [[nodiscard]] virtual base::Result<void> send_body(base::ByteView piece) = 0;
  /// The streamed body is whole. Errors: `usage_bad_body` (less than its stated length).
  [[nodiscard]] virtual base::Result<void> end_body() = 0;

  /// Bytes of the request (head and body) handed to the connection so far.
  [[nodiscard]] virtual std::uint64_t bytes_sent() const = 0;
  /// Bytes of its body thereof.
  [[nodiscard]] virtual std::uint64_t body_sent() const = 0;
  /// Changes whenever the request gets on.
  [[nodiscard]] virtual RequestProgress request_progress() const = 0;
  [[nodiscard]] virtual bool response_started() const = 0;
};

}  // namespace mix::http
