#include "assembler.h"

#include <algorithm>
#include <utility>

namespace mix::websocket {
namespace {

using base::ByteView;
using base::Errc;
using base::Error;

Error broken(const char* how) { return {Errc::ws_protocol, 0, how}; }

// Codes that may come over the wire (RFC 6455 §7.4, IANA registry).
bool may_be_received(std::uint16_t code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != kNoStatus &&
          code != kAbnormalClosure) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace

Assembler::Assembler(const std::optional<DeflateTerms>& deflate, std::size_t max_message_size)
    : max_size_(max_message_size),
      inflater_(deflate ? std::make_unique<Inflater>(*deflate) : nullptr) {}

base::Result<std::optional<Incoming>> Assembler::feed(ByteView& bytes) {
  while (true) {
    if (!frame_) {
      MIX_TRY(const auto header, header_reader_.feed(bytes));
      if (!header) return std::optional<Incoming>{};
      MIX_CHECK(begin(*header));
    }
    const auto n = static_cast<std::size_t>(
        std::min<std::uint64_t>(frame_left_, static_cast<std::uint64_t>(bytes.size())));
    const ByteView piece = bytes.first(n);
    bytes = bytes.subspan(n);
    frame_left_ -= n;
    if (is_control(frame_->opcode)) {
      base::append(control_, piece);
    } else {
      MIX_CHECK(take_data(piece));
    }
    if (frame_left_ > 0) return std::optional<Incoming>{};
    MIX_TRY(auto incoming, end_of_frame());
    if (incoming) return incoming;
  }
}

base::Result<void> Assembler::begin(const FrameHeader& header) {
  if (is_control(header.opcode)) {
    if (header.is_compressed) return broken("a compressed control frame");
  } else if (header.opcode == Opcode::kContinuation) {
    if (!is_in_message_) return broken("a continuation of nothing");
    if (header.is_compressed) return broken("a continuation marked as compressed");
  } else {
    if (is_in_message_) return broken("a message within a message");
    if (header.is_compressed && inflater_ == nullptr) return broken("a reserved bit is set");
    is_in_message_ = true;
    is_compressed_ = header.is_compressed;
    kind_ = header.opcode == Opcode::kText ? MessageKind::kText : MessageKind::kBinary;
    message_.clear();
    wire_size_ = 0;
    checked_ = 0;
    utf8_ = {};
  }
  if (!is_control(header.opcode)) {
    // Judged before a byte of it is kept.
    if (header.size > max_size_ - wire_size_) return Errc::ws_message_too_big;
    wire_size_ += header.size;
  }
  frame_ = header;
  frame_left_ = header.size;
  control_.clear();
  return {};
}

base::Result<void> Assembler::take_data(ByteView piece) {
  if (is_compressed_) {
    if (!piece.empty()) MIX_CHECK(inflater_->feed(piece, message_, max_size_));
  } else {
    base::append(message_, piece);
  }
  return check_text();
}

base::Result<void> Assembler::check_text() {
  if (kind_ != MessageKind::kText) return {};
  const bool is_sound = utf8_.feed(ByteView{message_}.subspan(checked_));
  checked_ = message_.size();
  if (!is_sound) return Errc::ws_bad_utf8;
  return {};
}

base::Result<std::optional<Incoming>> Assembler::end_of_frame() {
  const FrameHeader header = *std::exchange(frame_, std::nullopt);
  if (is_control(header.opcode)) {
    MIX_TRY(Incoming control, control_message(header.opcode));
    return std::optional{std::move(control)};
  }
  if (!header.is_final) return std::optional<Incoming>{};
  if (is_compressed_) {
    MIX_CHECK(inflater_->finish(message_, max_size_));
    MIX_CHECK(check_text());
  }
  if (kind_ == MessageKind::kText && !utf8_.is_complete()) return Errc::ws_bad_utf8;
  is_in_message_ = false;
  return std::optional<Incoming>{Message{kind_, std::exchange(message_, {})}};
}

base::Result<Incoming> Assembler::control_message(Opcode opcode) {
  base::Bytes payload = std::exchange(control_, {});
  if (opcode == Opcode::kPing) return Incoming{PingReceived{std::move(payload)}};
  if (opcode == Opcode::kPong) return Incoming{PongReceived{std::move(payload)}};
  CloseReceived close;
  if (payload.empty()) return Incoming{std::move(close)};
  base::Reader reader(payload);
  const auto code = reader.u16be();
  if (!code || !may_be_received(*code)) return broken("a bad close code");
  close.code = *code;
  close.reason = base::to_string(reader.rest());
  if (!base::is_utf8(base::as_bytes(close.reason))) return Errc::ws_bad_utf8;
  return Incoming{std::move(close)};
}

}  // namespace mix::websocket
