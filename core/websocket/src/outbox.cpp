#include "outbox.h"

#include <algorithm>
#include <utility>

namespace mix::websocket {

using base::ByteView;
using base::Errc;

void Outbox::agree(const std::optional<DeflateTerms>& deflate) {
  if (!deflate) return;
  deflater_ = std::make_unique<Deflater>(*deflate);
  if (!deflater_->is_usable()) deflater_.reset();
}

void Outbox::push_raw(ByteView bytes) { push_data({base::to_bytes(bytes), 0, std::nullopt}); }

base::Result<void> Outbox::push_message(MessageKind kind, ByteView message) {
  if (message.size() > kMaxQueued - std::min(data_size_, kMaxQueued)) return Errc::usage_queue_full;
  FrameHeader header;
  header.opcode = kind == MessageKind::kText ? Opcode::kText : Opcode::kBinary;
  header.is_compressed = deflater_ != nullptr && message.size() >= kMinCompressedSize;
  base::Bytes compressed;
  ByteView rest = message;
  if (header.is_compressed) rest = compressed = deflater_->compress(message);
  do {
    const ByteView piece = rest.first(std::min(rest.size(), kFragmentSize));
    rest = rest.subspan(piece.size());
    header.is_final = rest.empty();
    const auto size = header.is_final ? std::optional{message.size()} : std::nullopt;
    push_data({encode_frame(header, piece, rng_), 0, size});
    header.opcode = Opcode::kContinuation;
    header.is_compressed = false;
  } while (!rest.empty());
  return {};
}

void Outbox::push_control(Opcode opcode, ByteView payload) {
  FrameHeader header;
  header.opcode = opcode;
  control_.push_back({encode_frame(header, payload, rng_), 0, std::nullopt});
  control_size_ += control_.back().bytes.size();
}

void Outbox::push_close(std::optional<std::uint16_t> code, std::string_view reason) {
  base::Writer payload;
  if (code) payload.u16be(*code).bytes(base::as_bytes(reason.substr(0, kMaxCloseReason)));
  FrameHeader header;
  header.opcode = Opcode::kClose;
  push_data({encode_frame(header, payload.view(), rng_), 0, std::nullopt});
}

void Outbox::drop_messages() {
  data_.clear();
  data_size_ = 0;
}

void Outbox::push_data(Entry entry) {
  data_size_ += entry.bytes.size();
  data_.push_back(std::move(entry));
}

bool Outbox::take_next() {
  const bool is_control = !control_.empty();
  auto& queue = is_control ? control_ : data_;
  if (queue.empty()) return false;
  current_ = std::move(queue.front());
  queue.pop_front();
  (is_control ? control_size_ : data_size_) -= current_.bytes.size();
  return true;
}

base::Result<bool> Outbox::write(net::Stream& stream) {
  bool moved = false;
  while (!current_.bytes.empty() || take_next()) {
    const ByteView rest = ByteView{current_.bytes}.subspan(current_.written);
    MIX_TRY(const std::size_t taken, stream.write(rest));
    moved |= taken > 0;
    current_.written += taken;
    if (taken < rest.size()) return moved;
    if (current_.message_size) sent_.push_back(*current_.message_size);
    current_ = {};
  }
  return moved;
}

std::optional<std::size_t> Outbox::poll_sent() {
  if (sent_.empty()) return std::nullopt;
  const std::size_t size = sent_.front();
  sent_.pop_front();
  return size;
}

}  // namespace mix::websocket
