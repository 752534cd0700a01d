#include "mix/websocket/connection.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "assembler.h"
#include "opening.h"
#include "outbox.h"

namespace mix::websocket {
namespace {

using base::ByteView;
using base::Errc;
using base::Error;
using base::TimePoint;

/// Codes that a caller may use (WHATWG WebSockets).
bool may_be_used(std::uint16_t code) {
  return code == kNormalClosure || (code >= 3000 && code <= 4999);
}

/// What the server is told when it is at fault (RFC 6455 §7.4.1).
std::uint16_t code_for(Errc code) {
  if (code == Errc::ws_bad_utf8) return kInvalidPayload;
  if (code == Errc::ws_message_too_big) return kMessageTooBig;
  return kProtocolError;
}

}  // namespace

class Connection::Impl {
 public:
  Impl(net::Stream& stream, HandshakeRequest request, const Config& config, base::Rng& rng,
       TimePoint now)
      : stream_(stream),
        config_(config),
        outbox_(rng),
        state_(OpeningState{std::make_unique<Opening>(std::move(request), rng)}) {
    deadline_ = now + config_.handshake_timeout;
    outbox_.push_raw(std::get<OpeningState>(state_).opening->request());
  }

  bool advance(TimePoint now) {
    if (done()) return false;
    bool moved = heed_fault(now);
    moved |= write(now);
    moved |= read(now);
    moved |= write(now);  // answers to what was read
    while (auto size = outbox_.poll_sent()) {
      if (!has_ended_) events_.push_back(Sent{*size});  // Closed is the last event
    }
    moved |= check_end();
    moved |= check_time(now);
    return moved || !events_.empty();
  }

  std::optional<Event> poll_event() {
    if (events_.empty()) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  base::Result<void> send(MessageKind kind, ByteView message) {
    if (std::holds_alternative<OpeningState>(state_)) return Errc::ws_bad_option;
    if (!is_open()) return {};
    return outbox_.push_message(kind, message);
  }

  base::Result<void> ping(ByteView payload) {
    if (payload.size() > kMaxControlPayload) {
      return Error{Errc::ws_bad_option, 0, "a ping holds 125 bytes at most"};
    }
    if (is_open()) outbox_.push_control(Opcode::kPing, payload);
    return {};
  }

  base::Result<void> close(std::optional<std::uint16_t> code, std::string_view reason) {
    if (code && !may_be_used(*code)) return Error{Errc::ws_bad_option, *code, "close code"};
    if (reason.size() > kMaxCloseReason || !base::is_utf8(base::as_bytes(reason)) ||
        (!code && !reason.empty())) {
      return Error{Errc::ws_bad_option, 0, "close reason"};
    }
    if (std::holds_alternative<OpeningState>(state_)) {
      end(Closed{kAbnormalClosure,
                 {},
                 false,
                 Error{Errc::ws_connection_lost, 0, "closed before the connection was open"}});
      drop();
      return {};
    }
    auto* open = std::get_if<OpenState>(&state_);
    if (open == nullptr || open->is_closing) return {};
    open->is_closing = true;
    outbox_.push_close(code, reason);  // the wait begins when it has gone out
    return {};
  }

  void consumed(std::size_t bytes) {
    unconsumed_ -= std::min(bytes, unconsumed_);
    if (num_unread_ > 0) --num_unread_;
  }

  base::Deadline next_deadline() const {
    if (done()) return std::nullopt;
    base::Deadline out = base::earlier(deadline_, stream_.next_deadline());
    if (fault_) out = base::earlier(out, fault_->at);
    if (std::holds_alternative<OpenState>(state_)) {
      out = base::earlier(out, base::earlier(ping_at_, lost_at_));
    }
    return out;
  }

  bool done() const { return std::holds_alternative<Done>(state_); }

 private:
  struct OpeningState {
    std::unique_ptr<Opening> opening;
  };
  /// Messages flow, at least towards us.
  struct OpenState {
    std::unique_ptr<Assembler> assembler;
    bool is_closing = false;  // our close frame is queued or out
  };
  /// Both close frames have passed, or ours goes out as the last word. The stream is ended in
  /// order.
  struct Lingering {
    bool has_shut_down = false;
  };
  struct Done {};
  struct Fault {
    Error error;
    TimePoint at;
  };

  bool is_open() const {
    const auto* open = std::get_if<OpenState>(&state_);
    return open != nullptr && !open->is_closing;
  }

  /// Tells the end, once.
  void end(Closed closed) {
    if (std::exchange(has_ended_, true)) return;
    events_.push_back(std::move(closed));
  }

  void drop() {
    stream_.abort();
    state_ = Done{};
    deadline_.reset();
  }

  void linger(TimePoint now) {
    state_ = Lingering{};
    deadline_ = now + config_.close_timeout;
  }

  /// The server is at fault: it is told so, and nothing more of it counts.
  void fail(const Error& error, TimePoint now) {
    end(Closed{kAbnormalClosure, {}, false, error});
    if (std::holds_alternative<OpeningState>(state_)) {
      drop();
      return;
    }
    has_failed_ = true;
    if (is_open()) outbox_.push_close(code_for(error.code), {});
    linger(now);
  }

  /// Fails by what was found behind messages that the owner has taken meanwhile.
  bool heed_fault(TimePoint now) {
    if (!fault_ || !events_.empty()) return false;
    const Error error = std::exchange(fault_, std::nullopt)->error;
    if (std::holds_alternative<OpenState>(state_)) fail(error, now);
    return true;
  }

  bool write(TimePoint now) {
    if (done()) return false;
    auto written = outbox_.write(stream_);
    if (!written) return false;  // what still waits to be read is read first
    const auto* open = std::get_if<OpenState>(&state_);
    if (open != nullptr && open->is_closing && outbox_.empty() && !deadline_) {
      deadline_ = now + config_.close_timeout;
    }
    auto* lingering = std::get_if<Lingering>(&state_);
    if (lingering != nullptr && outbox_.empty() && !lingering->has_shut_down && has_failed_) {
      lingering->has_shut_down = true;
      stream_.shutdown();
    }
    return *written;
  }

  bool may_read() const {
    if (std::holds_alternative<Lingering>(state_)) return true;  // all of it is thrown away
    if (fault_) return false;                                    // nothing behind it counts
    return unconsumed_ < kMaxUnconsumed && num_unread_ < kMaxUnread &&
           outbox_.control_size() < kMaxControlQueued;
  }

  bool read(TimePoint now) {
    bool moved = false;
    if (stream_.readable() == 0) {
      if (!may_read()) heard(now);  // silence is ours
      return false;
    }
    base::Bytes buffer(kReadSize);  // not on the stack, which is small in wasm
    while (!done() && may_read()) {
      const std::size_t got = stream_.read(buffer);
      if (got == 0) break;
      moved = true;
      heard(now);
      take(ByteView{buffer}.first(got), now);
    }
    if (!may_read()) heard(now);
    return moved;
  }

  void take(ByteView bytes, TimePoint now) {
    base::Bytes rest;
    if (auto* opening = std::get_if<OpeningState>(&state_)) {
      auto agreement = opening->opening->feed(bytes);
      if (!agreement) {
        fail(agreement.error(), now);
        return;
      }
      if (!*agreement) return;
      rest = std::move((*agreement)->rest);
      bytes = rest;
      events_.push_back(
          Opened{std::move((*agreement)->protocol), std::move((*agreement)->extensions)});
      outbox_.agree((*agreement)->deflate);
      state_ = OpenState{
          std::make_unique<Assembler>((*agreement)->deflate, config_.max_message_size), false};
      deadline_.reset();
      heard(now);
    }
    while (auto* open = std::get_if<OpenState>(&state_)) {
      auto incoming = open->assembler->feed(bytes);
      if (!incoming) {
        // The owner may answer what came before; then the server is told.
        fault_ = Fault{incoming.error(), now};
        (void)heed_fault(now);
        return;
      }
      if (!*incoming) return;
      std::visit([&](auto& value) { on(value, now); }, **incoming);
    }
  }

  void on(Message& message, TimePoint /*now*/) {
    if (!is_open()) return;  // as in the DOM: nothing is heard after close()
    unconsumed_ += message.bytes.size();
    ++num_unread_;
    events_.push_back(std::move(message));
  }
  void on(PingReceived& ping, TimePoint /*now*/) {
    if (is_open()) outbox_.push_control(Opcode::kPong, ping.payload);
  }
  void on(PongReceived& pong, TimePoint /*now*/) { events_.push_back(std::move(pong)); }
  void on(CloseReceived& close, TimePoint now) {
    if (is_open()) {
      outbox_.drop_messages();  // nobody reads them any more: only the echo goes out
      outbox_.push_close(close.code, {});
    }
    end(Closed{close.code.value_or(kNoStatus), std::move(close.reason), true, std::nullopt});
    linger(now);
  }

  void heard(TimePoint now) {
    if (config_.ping_interval <= base::Duration::zero()) return;
    ping_at_ = now + config_.ping_interval;
    lost_at_ = now + config_.pong_timeout;
  }

  bool check_end() {
    if (done() || fault_ || stream_.readable() > 0) return false;
    if (std::holds_alternative<Lingering>(state_)) {
      const bool is_over = stream_.at_end() || stream_.state() == net::StreamState::kFailed ||
                           stream_.state() == net::StreamState::kClosed;
      if (!is_over) return false;
      if (stream_.at_end()) stream_.shutdown();
      state_ = Done{};
      deadline_.reset();
      return true;
    }
    std::optional<Error> error;
    if (stream_.state() == net::StreamState::kFailed) {
      error = stream_.error().value_or(Error{Errc::ws_connection_lost});
    } else if (stream_.at_end() || stream_.state() == net::StreamState::kClosed) {
      error = Error{Errc::ws_connection_lost};
    }
    if (!error) return false;
    end(Closed{kAbnormalClosure, {}, false, std::move(error)});
    drop();
    return true;
  }

  bool check_time(TimePoint now) {
    if (done()) return false;
    if (base::is_due(deadline_, now)) {
      const bool was_opening = std::holds_alternative<OpeningState>(state_);
      end(Closed{kAbnormalClosure,
                 {},
                 false,
                 was_opening ? Error{Errc::ws_handshake_timeout}
                             : Error{Errc::ws_connection_lost, 0, "no close frame in time"}});
      drop();
      return true;
    }
    if (!std::holds_alternative<OpenState>(state_)) return false;
    if (base::is_due(lost_at_, now)) {
      end(Closed{kAbnormalClosure,
                 {},
                 false,
                 Error{Errc::ws_connection_lost, 0, "the server no longer answers"}});
      drop();
      return true;
    }
    if (base::is_due(ping_at_, now)) {
      ping_at_ = now + config_.ping_interval;
      if (is_open()) outbox_.push_control(Opcode::kPing, {});
      return write(now);
    }
    return false;
  }

  net::Stream& stream_;
  const Config config_;
  Outbox outbox_;
  std::variant<OpeningState, OpenState, Lingering, Done> state_;
  base::Deadline deadline_;           // of the handshake, of the close
  base::Deadline ping_at_, lost_at_;  // while open
  std::size_t num_unread_ = 0;
  std::size_t unconsumed_ = 0;  // message bytes given out and not yet read by the page
  std::optional<Fault> fault_;  // of the server, not yet acted on
  bool has_ended_ = false;      // Closed was told
  bool has_failed_ = false;     // the server broke the protocol
  std::deque<Event> events_;
};

Connection::Connection(net::Stream& stream, HandshakeRequest request, const Config& config,
                       base::Rng& rng, TimePoint now)
    : impl_(std::make_unique<Impl>(stream, std::move(request), config, rng, now)) {}
Connection::~Connection() = default;

bool Connection::advance(TimePoint now) { return impl_->advance(now); }
std::optional<Event> Connection::poll_event() { return impl_->poll_event(); }
base::Result<void> Connection::send(MessageKind kind, ByteView message) {
  return impl_->send(kind, message);
}
base::Result<void> Connection::ping(ByteView payload) { return impl_->ping(payload); }
base::Result<void> Connection::close(std::optional<std::uint16_t> code, std::string_view reason) {
  return impl_->close(code, reason);
}
void Connection::consumed(std::size_t bytes) { impl_->consumed(bytes); }
base::Deadline Connection::next_deadline() const { return impl_->next_deadline(); }
bool Connection::done() const { return impl_->done(); }

}  // namespace mix::websocket
