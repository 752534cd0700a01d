// Outbox: frames on their way into the stream. Control frames pass between the pieces of messages;
// a close frame comes after everything.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "deflate.h"
#include "frame.h"
#include "mix/net/stream.h"
#include "mix/websocket/connection.h"

namespace mix::websocket {

class Outbox {
 public:
  explicit Outbox(base::Rng& rng) : rng_(rng) {}

  void agree(const std::optional<DeflateTerms>& deflate);
  /// Bytes that are no frame: the opening handshake.
  void push_raw(base::ByteView bytes);
  /// Errors: `usage_queue_full`.
  [[nodiscard]] base::Result<void> push_message(MessageKind kind, base::ByteView message);
  /// A ping or a pong.
  void push_control(Opcode opcode, base::ByteView payload);
  void push_close(std::optional<std::uint16_t> code, std::string_view reason);
  /// Drops everything that has not begun to go out, so that a close frame can follow at once.
  void drop_messages();

  /// Writes as much as the stream takes; true when it took something. Errors: the stream's.
  [[nodiscard]] base::Result<bool> write(net::Stream& stream);
  /// Sizes of messages that were written whole since the last call.
  [[nodiscard]] std::optional<std::size_t> poll_sent();
  [[nodiscard]] bool empty() const {
    return current_.bytes.empty() && control_.empty() && data_.empty();
  }
  [[nodiscard]] std::size_t control_size() const { return control_size_; }

 private:
  struct Entry {
    base::Bytes bytes;
    std::size_t written = 0;
    std::optional<std::size_t> message_size;  // last frame of a message
  };
  bool take_next();
  void push_data(Entry entry);

  base::Rng& rng_;
  std::unique_ptr<Deflater> deflater_;
  Entry current_;
  std::deque<Entry> control_, data_;
  std::size_t control_size_ = 0, data_size_ = 0;
  std::deque<std::size_t> sent_;
};

}  // namespace mix::websocket
