// permessage-deflate (RFC 7692): what was agreed, and messages through zlib.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "mix/base/bytes.h"

namespace mix::websocket {

enum class Takeover : bool { kNo, kYes };  // of the compression window from message to message

/// RFC 7692 §7.1. A window is given as the base-2 logarithm of its size.
struct DeflateTerms {
  Takeover client_takeover = Takeover::kYes;
  Takeover server_takeover = Takeover::kYes;
  int client_window = 15;
  int server_window = 15;
};

/// What clients offer: any window and takeover of ours that the server likes.
[[nodiscard]] std::string_view deflate_offer();
/// Reads the server's Sec-WebSocket-Extensions, which may accept our one offer.
/// Errors: `ws_bad_handshake`: anything that was not offered.
[[nodiscard]] base::Result<DeflateTerms> read_deflate_terms(std::string_view text);

/// Compresses our messages.
class Deflater {
 public:
  explicit Deflater(const DeflateTerms& terms);
  ~Deflater();
  /// False when zlib cannot do what was agreed (its smallest window is 9): messages then go out as
  /// they are, which is always allowed.
  [[nodiscard]] bool is_usable() const;
  [[nodiscard]] base::Bytes compress(base::ByteView message);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Decompresses the server's messages piece by piece.
class Inflater {
 public:
  explicit Inflater(const DeflateTerms& terms);
  ~Inflater();
  /// Appends to `out`, which may not grow beyond `limit`. Errors:
  /// `ws_message_too_big`, `ws_protocol` (not deflate data).
  [[nodiscard]] base::Result<void> feed(base::ByteView piece, base::Bytes& out, std::size_t limit);
  /// Ends a message.
  [[nodiscard]] base::Result<void> finish(base::Bytes& out, std::size_t limit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::websocket
