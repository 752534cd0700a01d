// The request's bytes on their way out: head, then the body as it is at hand. Bounded, because a
// streamed body is asked for only while there is room.
#pragma once

#include <deque>
#include <optional>

#include "mix/http/exchange.h"

namespace mix::http {

/// Counts a streamed body against its stated length.
class BodyMeter {
 public:
  explicit BodyMeter(const std::optional<StreamedBody>& streamed)
      : expected_(streamed ? streamed->length : std::nullopt), open_(streamed.has_value()) {}

  /// Errors: `usage_bad_body`.
  [[nodiscard]] base::Result<void> add(std::size_t size) {
    if (!open_) return base::Error{base::Errc::usage_bad_body, 0, "the body has ended"};
    given_ += size;
    if (expected_ && given_ > *expected_) return mismatch();
    return {};
  }
  /// Errors: `usage_bad_body`.
  [[nodiscard]] base::Result<void> end() {
    if (expected_ && given_ != *expected_) return mismatch();
    open_ = false;
    return {};
  }
  /// More is to come.
  [[nodiscard]] bool open() const { return open_; }

 private:
  static base::Error mismatch() {
    return {base::Errc::usage_bad_body, 0, "the streamed body differs from its stated length"};
  }
  std::optional<std::uint64_t> expected_;
  std::uint64_t given_ = 0;
  bool open_;
};

class OutgoingBody {
 public:
  struct Piece {
    base::Bytes bytes;
    std::size_t payload;  // bytes of body thereof
  };

  void push(base::Bytes bytes, std::size_t payload) {
    queued_ += bytes.size();
    pieces_.push_back({std::move(bytes), payload});
  }
  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  [[nodiscard]] std::size_t queued() const { return queued_; }
  /// What goes out next; empty when nothing waits.
  [[nodiscard]] base::ByteView front() const {
    if (pieces_.empty()) return {};
    return base::ByteView{pieces_.front().bytes}.subspan(offset_);
  }
  void pop(std::size_t size) {
    sent_ += size;
    queued_ -= size;
    offset_ += size;
    // A piece ends with its payload and a little framing: near enough for progress.
    const Piece& piece = pieces_.front();
    const std::size_t framing = piece.bytes.size() - piece.payload;
    const std::size_t counted = offset_ > framing ? offset_ - framing : 0;
    body_sent_ = body_done_ + counted;
    if (offset_ < piece.bytes.size()) return;
    body_done_ += piece.payload;
    pieces_.pop_front();
    offset_ = 0;
  }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t body_sent() const { return body_sent_; }

 private:
  std::deque<Piece> pieces_;
  std::size_t offset_ = 0;  // into the first
  std::size_t queued_ = 0;
  std::uint64_t sent_ = 0, body_sent_ = 0, body_done_ = 0;
};

}  // namespace mix::http
