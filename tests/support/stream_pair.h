// Two ends of an in-memory byte stream, for tests of everything that runs over net::Stream.
//
// Each direction is a Pipe: a bounded buffer whose capacity, piece sizes and delivery the test
// controls, and whose bytes it can watch or alter. Nothing moves by itself and no time passes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "mix/base/bytes.h"
#include "mix/net/stream.h"

namespace mix::test {

inline constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

/// One direction of a StreamPair. Plain data that the test may change at any moment.
struct Pipe {
  std::size_t capacity = 64 * 1024;    // bytes that may wait for the reader
  std::size_t max_write = kUnlimited;  // bytes that one write takes at most
  std::size_t max_read = kUnlimited;   // bytes that one read gives at most
  /// Bytes that the reader may still get in total; the rest stays "in flight". The end of the
  /// stream is seen only after all bytes before it.
  std::size_t deliverable = kUnlimited;
  /// Called with each piece that was written; may change, drop or lengthen it.
  std::function<void(base::Bytes&)> filter;
  /// Everything that was written so far, after the filter, when `keep_history` is set.
  bool keep_history = false;
  base::Bytes history;

  std::deque<std::uint8_t> buffer;
  std::uint64_t total_written = 0;
  bool ended = false;        // the writer shut its direction down
  bool reader_gone = false;  // the reader was destroyed or aborted

  [[nodiscard]] std::size_t visible() const { return std::min(buffer.size(), deliverable); }
  [[nodiscard]] std::size_t space() const {
    return capacity > buffer.size() ? capacity - buffer.size() : 0;
  }
  /// Puts bytes in front of the reader as if the writer had sent them.
  void inject(base::ByteView bytes) { buffer.insert(buffer.end(), bytes.begin(), bytes.end()); }
};

namespace detail {

struct PairState {
  Pipe client_to_server;
  Pipe server_to_client;
  bool connected = true;
  std::optional<base::Error> client_error;
  std::optional<base::Error> server_error;
};

class PairEnd final : public net::Stream {
 public:
  PairEnd(std::shared_ptr<PairState> pair, bool is_client)
      : pair_(std::move(pair)),
        in_(is_client ? pair_->server_to_client : pair_->client_to_server),
        out_(is_client ? pair_->client_to_server : pair_->server_to_client),
        own_error_(is_client ? pair_->client_error : pair_->server_error),
        peer_error_(is_client ? pair_->server_error : pair_->client_error) {}
  PairEnd(const PairEnd&) = delete;
  PairEnd& operator=(const PairEnd&) = delete;
  ~PairEnd() override {
    in_.reader_gone = true;
    if (!out_.ended) drop();
  }

  [[nodiscard]] net::StreamState state() const override {
    if (own_error_) return net::StreamState::kFailed;
    if (aborted_) return net::StreamState::kClosed;
    if (!pair_->connected) return net::StreamState::kConnecting;
    if (peer_ended()) {
      return out_.ended && in_.buffer.empty() ? net::StreamState::kClosed
                                              : net::StreamState::kPeerClosed;
    }
    return net::StreamState::kOpen;
  }
  [[nodiscard]] std::optional<base::Error> error() const override { return own_error_; }

  std::size_t read(base::MutByteView out) override {
    if (!pair_->connected || aborted_) return 0;
    const std::size_t n = std::min({out.size(), in_.visible(), in_.max_read});
    std::copy_n(in_.buffer.begin(), n, out.begin());
    in_.buffer.erase(in_.buffer.begin(), in_.buffer.begin() + static_cast<std::ptrdiff_t>(n));
    if (in_.deliverable != kUnlimited) in_.deliverable -= n;
    return n;
  }
  [[nodiscard]] std::size_t readable() const override {
    return pair_->connected && !aborted_ ? in_.visible() : 0;
  }
  [[nodiscard]] bool at_end() const override {
    return !own_error_ && !aborted_ && pair_->connected && peer_ended() && in_.buffer.empty();
  }

  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override {
    if (own_error_) return *own_error_;
    if (aborted_ || out_.ended) return base::Errc::net_closed;
    if (!pair_->connected) return std::size_t{0};
    if (out_.reader_gone) {
      own_error_ = base::Error{base::Errc::net_connection_reset};
      return *own_error_;
    }
    const std::size_t n = std::min({bytes.size(), out_.space(), out_.max_write});
    base::Bytes piece = base::to_bytes(bytes.first(n));
    if (out_.filter) out_.filter(piece);
    if (out_.keep_history) base::append(out_.history, piece);
    out_.inject(piece);
    out_.total_written += n;
    return n;
  }
  [[nodiscard]] std::size_t writable() const override {
    if (own_error_ || aborted_ || out_.ended || !pair_->connected) return 0;
    return std::min(out_.space(), out_.max_write);
  }
  [[nodiscard]] std::size_t unacknowledged() const override { return out_.buffer.size(); }
  void shutdown() override { out_.ended = true; }
  void abort() override {
    if (aborted_) return;
    drop();
    aborted_ = true;
    in_.reader_gone = true;
  }

  void advance(base::TimePoint) override {}
  [[nodiscard]] base::Deadline next_deadline() const override { return std::nullopt; }

 private:
  [[nodiscard]] bool peer_ended() const { return in_.ended && in_.buffer.size() == in_.visible(); }
  void drop() {
    if (!peer_error_) peer_error_ = base::Error{base::Errc::net_connection_reset};
  }

  std::shared_ptr<PairState> pair_;
  Pipe& in_;
  Pipe& out_;
  std::optional<base::Error>& own_error_;
  std::optional<base::Error>& peer_error_;
  bool aborted_ = false;
};

}  // namespace detail

/// The pair as the test holds it. The ends may outlive it.
///
/// An end that is destroyed or aborted before it shut down resets the other one; bytes that were
/// already delivered stay readable there.
class StreamPair {
 public:
  StreamPair()
      : state_(std::make_shared<detail::PairState>()),
        client_(std::make_unique<detail::PairEnd>(state_, true)),
        server_(std::make_unique<detail::PairEnd>(state_, false)) {}

  /// Hands an end over, once each. Until then client() and server() reach it.
  [[nodiscard]] std::unique_ptr<net::Stream> take_client() { return std::move(client_); }
  [[nodiscard]] std::unique_ptr<net::Stream> take_server() { return std::move(server_); }
  [[nodiscard]] net::Stream& client() { return *client_; }
  [[nodiscard]] net::Stream& server() { return *server_; }

  [[nodiscard]] Pipe& to_server() { return state_->client_to_server; }
  [[nodiscard]] Pipe& to_client() { return state_->server_to_client; }
  /// Both directions at once.
  template <class F>
  void each(F&& change) {
    change(to_server());
    change(to_client());
  }

  /// Both ends are kConnecting while false.
  void set_connected(bool connected) { state_->connected = connected; }
  /// Fails the client's end, as a reset or a time-out of the network would.
  void fail_client(base::Error error) { state_->client_error = std::move(error); }
  void fail_server(base::Error error) { state_->server_error = std::move(error); }

 private:
  std::shared_ptr<detail::PairState> state_;
  std::unique_ptr<net::Stream> client_;
  std::unique_ptr<net::Stream> server_;
};

}  // namespace mix::test
