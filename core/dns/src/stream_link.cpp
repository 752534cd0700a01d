// DNS messages over a byte stream: each with its length before it, questions and answers in any
// order.
#include <algorithm>
#include <array>
#include <utility>

#include "mix/dns/constants.h"
#include "mix/dns/link.h"

namespace mix::dns {
namespace {

using base::Errc;
using base::Error;

constexpr std::size_t kReadPiece = 4096;

class StreamLink final : public Link {
 public:
  explicit StreamLink(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}

  [[nodiscard]] bool accepts() const override {
    return !end_ && !is_closed_ && to_send_.size() < kMaxMessageSize &&
           stream_->state() != net::StreamState::kPeerClosed;
  }
  void ask(base::ByteView message, base::TimePoint /*now*/) override {
    base::Writer frame(kLengthSize + message.size());
    frame.u16be(static_cast<std::uint16_t>(message.size())).bytes(message);
    base::append(to_send_, frame.view());
    send();
  }
  [[nodiscard]] bool forget(std::uint16_t /*id*/) override { return true; }

  [[nodiscard]] std::optional<Reply> poll_reply() override {
    base::Reader reader(received_);
    const auto size = reader.u16be();
    if (!size || reader.remaining() < *size) return std::nullopt;
    base::Bytes message = base::to_bytes(reader.bytes(*size).value());
    received_.erase(received_.begin(),
                    received_.begin() + static_cast<std::ptrdiff_t>(kLengthSize + *size));
    base::Reader head(message);
    const auto id = head.u16be();
    if (!id) {
      received_.clear();
      end_ = Error{Errc::dns_malformed};
      return std::nullopt;
    }
    return Reply{*id, std::move(message)};
  }
  [[nodiscard]] std::optional<Error> end() const override { return end_; }
  void close() override {
    is_closed_ = true;
    stream_->shutdown();
  }

  void advance(base::TimePoint now) override {
    stream_->advance(now);
    send();
    std::array<std::uint8_t, kReadPiece> piece{};
    while (received_.size() < kLengthSize + kMaxMessageSize) {
      const std::size_t got = stream_->read(piece);
      if (got == 0) break;
      base::append(received_, base::ByteView(piece).first(got));
    }
    if (end_) return;
    if (const auto error = stream_->error()) {
      end_ = error;
    } else if (stream_->at_end()) {
      end_ = Error{Errc::dns_malformed};
    }
  }
  [[nodiscard]] base::Deadline next_deadline() const override { return stream_->next_deadline(); }

 private:
  void send() {
    if (to_send_.empty() || stream_->state() == net::StreamState::kConnecting) return;
    const std::size_t taken = stream_->write(to_send_).value_or(0);
    to_send_.erase(to_send_.begin(), to_send_.begin() + static_cast<std::ptrdiff_t>(taken));
  }

  std::unique_ptr<net::Stream> stream_;
  base::Bytes to_send_;
  base::Bytes received_;
  bool is_closed_ = false;
  std::optional<Error> end_;
};

}  // namespace

std::unique_ptr<Link> link_over(std::unique_ptr<net::Stream> stream) {
  return std::make_unique<StreamLink>(std::move(stream));
}

}  // namespace mix::dns
