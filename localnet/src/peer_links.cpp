// One state machine per peer: idle -> connecting -> open, back to idle when it breaks.
#include "peer_links.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <utility>
#include <vector>

#include "mix/localnet/constants.h"
#include "quiet.h"

namespace mix::localnet {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {
// One system call takes so many frames at most.
constexpr std::size_t kFramesPerWrite = 64;
constexpr std::uint32_t kMaxBackoffDoublings = 16;
}  // namespace

tcp::endpoint endpoint_of(const sphinx::NodeAddress& address) {
  if (const auto* v4 = std::get_if<sphinx::Ipv4Octets>(&address.ip)) {
    return {asio::ip::address_v4(v4->octets), address.port};
  }
  return {asio::ip::address_v6(std::get<sphinx::Ipv6Octets>(address.ip).octets), address.port};
}

// Handlers keep the link alive; `lost_` is cleared by close(), which the owner calls first.
class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  PeerLink(asio::io_context& io, const tcp::endpoint& peer, base::Duration backoff,
           std::function<void(std::size_t)> lost)
      : socket_(io), timer_(io), peer_(peer), backoff_(backoff), lost_(std::move(lost)) {}

  void send(base::Bytes frame) {
    const bool waits = state_ == State::kIdle && std::chrono::steady_clock::now() < retry_at_;
    if (waits || queue_.size() >= kPeerQueueLength) return report(1);
    queue_.push_back(std::move(frame));
    if (state_ == State::kIdle) {
      connect();
    } else if (state_ == State::kOpen && in_flight_.empty()) {
      write();
    }
  }

  [[nodiscard]] std::size_t backlog() const { return queue_.size() + in_flight_.size(); }

  void close() {
    lost_ = nullptr;
    queue_.clear();
    close_quietly(socket_);
    timer_.cancel();
    state_ = State::kClosed;
  }

 private:
  enum class State : std::uint8_t { kIdle, kConnecting, kOpen, kClosed };

  void connect() {
    state_ = State::kConnecting;
    timer_.expires_after(kPeerConnectTimeout);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (!error && self->state_ == State::kConnecting) self->cancel_connect();
    });
    socket_.async_connect(peer_, [self = shared_from_this()](boost::system::error_code error) {
      if (self->state_ == State::kConnecting) self->connected(error);
    });
  }

  void cancel_connect() { close_quietly(socket_); }

  void connected(boost::system::error_code error) {
    timer_.cancel();
    if (!error && !socket_.is_open()) error = asio::error::timed_out;
    if (error) {
      cancel_connect();
      state_ = State::kIdle;
      ++failures_;
      const auto doubled =
          backoff_ * (std::int64_t{1} << std::min(failures_, kMaxBackoffDoublings));
      retry_at_ = std::chrono::steady_clock::now() +
                  std::min<base::Duration>(doubled, kMaxReconnectBackoff);
      report(std::exchange(queue_, {}).size());
      return;
    }
    failures_ = 0;
    state_ = State::kOpen;
    set_no_delay(socket_);
    watch();
    write();
  }

  /// The peer sends nothing: whatever ends this read is the end of the connection.
  void watch() {
    socket_.async_read_some(
        asio::buffer(scratch_),
        [self = shared_from_this()](boost::system::error_code error, std::size_t) {
          if (self->state_ != State::kOpen) return;
          if (error) return self->broken();
          self->watch();
        });
  }

  void write() {
    if (queue_.empty()) return;
    const std::size_t count = std::min(queue_.size(), kFramesPerWrite);
    std::move(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count),
              std::back_inserter(in_flight_));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
    std::vector<asio::const_buffer> buffers;
    buffers.reserve(count);
    for (const base::Bytes& frame : in_flight_) buffers.emplace_back(asio::buffer(frame));
    asio::async_write(socket_, buffers,
                      [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                        self->written(error);
                      });
  }

  void written(boost::system::error_code error) {
    const std::size_t count = std::exchange(in_flight_, {}).size();
    if (error) report(count);
    if (state_ == State::kOpen) {
      if (error) return broken();
      write();
    } else if (state_ == State::kIdle && !queue_.empty()) {
      connect();
    }
  }

  void broken() {
    close_quietly(socket_);
    state_ = State::kIdle;
    // The first attempt after a loss goes out at once, when the last write has come back.
    if (in_flight_.empty() && !queue_.empty()) connect();
  }

  void report(std::size_t frames) {
    if (lost_ && frames > 0) lost_(frames);
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  tcp::endpoint peer_;
  base::Duration backoff_;
  std::function<void(std::size_t)> lost_;
  State state_ = State::kIdle;
  std::uint32_t failures_ = 0;
  std::chrono::steady_clock::time_point retry_at_{};
  std::deque<base::Bytes> queue_;
  std::vector<base::Bytes> in_flight_;
  std::array<std::uint8_t, 64> scratch_{};
};

PeerLinks::PeerLinks(asio::io_context& io, base::Duration backoff,
                     std::function<void(std::size_t)> lost)
    : io_(io), backoff_(backoff), lost_(std::move(lost)) {}

PeerLinks::~PeerLinks() { close(); }

void PeerLinks::send(const sphinx::NodeAddress& to, base::Bytes frame) {
  auto& link = links_[to.to_string()];
  if (!link) link = std::make_shared<PeerLink>(io_, endpoint_of(to), backoff_, lost_);
  link->send(std::move(frame));
}

std::size_t PeerLinks::backlog() const {
  std::size_t total = 0;
  for (const auto& [address, link] : links_) total += link->backlog();
  return total;
}

void PeerLinks::close() {
  for (const auto& [address, link] : links_) link->close();
  links_.clear();
}

}  // namespace mix::localnet
