// Assembler: frames of the server in, messages and control frames out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "deflate.h"
#include "frame.h"
#include "mix/websocket/connection.h"
#include "utf8.h"

namespace mix::websocket {

struct PingReceived {
  base::Bytes payload;
};
struct CloseReceived {
  std::optional<std::uint16_t> code;
  std::string reason;
};
using Incoming = std::variant<Message, PingReceived, PongReceived, CloseReceived>;

class Assembler {
 public:
  /// `deflate`: what was agreed, if anything. `max_message_size` bounds bytes before and after
  /// inflating.
  Assembler(const std::optional<DeflateTerms>& deflate, std::size_t max_message_size);

  /// Takes bytes from the front until something is whole. Errors: `ws_protocol`, `ws_bad_utf8`,
  /// `ws_message_too_big`; not to be called again after one.
  [[nodiscard]] base::Result<std::optional<Incoming>> feed(base::ByteView& bytes);

 private:
  [[nodiscard]] base::Result<void> begin(const FrameHeader& header);
  [[nodiscard]] base::Result<void> take_data(base::ByteView piece);
  [[nodiscard]] base::Result<std::optional<Incoming>> end_of_frame();
  [[nodiscard]] base::Result<Incoming> control_message(Opcode opcode);
  [[nodiscard]] base::Result<void> check_text();

  const std::size_t max_size_;
  std::unique_ptr<Inflater> inflater_;  // null: not agreed
  HeaderReader header_reader_;
  std::optional<FrameHeader> frame_;  // the one whose payload is being read
  std::uint64_t frame_left_ = 0;      // bytes of it to come
  base::Bytes control_;               // payload of a control frame

  // The message in progress: control frames may come between its frames.
  bool is_in_message_ = false;
  bool is_compressed_ = false;
  MessageKind kind_ = MessageKind::kText;
  base::Bytes message_;
  std::uint64_t wire_size_ = 0;  // of the message so far, before inflating
  std::size_t checked_ = 0;      // bytes of text that were looked at
  Utf8Checker utf8_;
};

}  // namespace mix::websocket
