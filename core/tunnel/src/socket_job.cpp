#include "socket_job.h"

#include <algorithm>
#include <utility>

namespace mix::tunnel {
namespace {

using base::ByteView;
using base::Errc;
using base::Error;
using base::TimePoint;

/// Bytes given to the page and not yet consumed by it; beyond, the TCP window closes.
constexpr std::size_t kMaxUnconsumed = 512 * 1024;
/// Bytes of the page that wait for the stream; more is refused.
constexpr std::size_t kMaxPending = 64 * 1024 * 1024;
constexpr std::size_t kReadSize = 16 * 1024;
constexpr base::Duration kCloseTimeout = std::chrono::seconds{10};
constexpr std::size_t kMaxUnread = 1024;  // datagrams given to the page: empty ones count, too
constexpr std::size_t kMaxWaiting = 64;   // datagrams whose receiver is being looked up

tls::ClientOptions client_options(const TlsRequest& request) {
  tls::ClientOptions options;
  options.host = request.server_name;
  options.alpn = request.alpn;
  return options;
}

DialTarget target_of(const TcpRequest& request) {
  DialTarget target;
  target.host = request.host;
  target.port = request.port;
  target.timeout = request.timeout;
  if (request.tls) {
    target.security = Security::kTls;
    target.server_name = request.tls->server_name;
    target.alpn = request.tls->alpn;
  }
  return target;
}

bool is_over(const net::Stream& stream) {
  return stream.state() == net::StreamState::kFailed || stream.state() == net::StreamState::kClosed;
}

}  // namespace

// --- TCP ----------------------------------------------------------------------------------------

TcpJob::TcpJob(JobId id, TcpRequest request, const ChannelServices& services, TimePoint now)
    : ChannelJob(id, services),
      request_(std::move(request)),
      state_(std::make_unique<Dialer>(target_of(request_), services_.net, now)) {}

net::Stream* TcpJob::stream() const {
  if (const auto* open = std::get_if<Open>(&state_)) return open->stream.get();
  if (const auto* securing = std::get_if<Securing>(&state_)) return securing->stream.get();
  if (const auto* closing = std::get_if<Closing>(&state_)) return closing->stream.get();
  return nullptr;
}

bool TcpJob::advance(TimePoint now) {
  if (std::holds_alternative<std::unique_ptr<Dialer>>(state_)) return advance_dial(now);
  if (std::holds_alternative<Securing>(state_)) return advance_securing(now);
  if (std::holds_alternative<Open>(state_)) return advance_open(now);
  if (std::holds_alternative<Closing>(state_)) return advance_closing(now);
  return false;
}

void TcpJob::opened(std::string alpn) {
  tell(SocketOpened{net::to_string(peer_.address), peer_.port, std::move(alpn)});
}

bool TcpJob::advance_dial(TimePoint now) {
  Dialer& dialer = *std::get<std::unique_ptr<Dialer>>(state_);
  const bool moved = dialer.advance(now);
  dialer.secure(now);
  if (dialer.step() == Dialer::Step::kFailed) {
    fail(Error{*dialer.error()});
    return true;
  }
  if (dialer.step() != Dialer::Step::kOpen) return moved;
  peer_ = dialer.peer();
  opened(dialer.protocol());
  state_ = Open{dialer.take()};
  return true;
}

base::Result<void> TcpJob::start_tls(const TlsRequest& tls, TimePoint now) {
  auto* open = std::get_if<Open>(&state_);
  // Bytes on their way in the clear would end up within the handshake.
  if (open == nullptr || !pending_.empty() || is_writing_ended_) return Errc::usage_stale_handle;
  tls::ClientOptions options = client_options(tls);
  if (options.host.empty()) options.host = request_.host;
  options.handshake_timeout = request_.timeout;
  auto plain = std::move(open->stream);
  state_ = Securing{tls::connect(std::move(plain), std::move(options), services_.net.trust,
                                 services_.net.clock, services_.net.rng, now)};
  return {};
}

bool TcpJob::advance_securing(TimePoint now) {
  auto& stream = std::get<Securing>(state_).stream;
  stream->advance(now);
  if (stream->state() == net::StreamState::kConnecting) return false;
  if (is_over(*stream)) {
    fail(stream->error().value_or(Error{Errc::tls_handshake, 0, request_.host}));
    return true;
  }
  opened(std::string{stream->alpn()});
  std::unique_ptr<net::Stream> secure = std::move(stream);
  state_ = Open{std::move(secure)};
  return true;
}

bool TcpJob::write_pending(net::Stream& stream) {
  const auto taken = stream.write(ByteView{pending_}.subspan(pending_sent_));
  if (!taken || *taken == 0) return false;
  pending_sent_ += *taken;
  tell(SocketSent{*taken});
  if (pending_sent_ == pending_.size()) {
    pending_.clear();
    pending_sent_ = 0;
  }
  return true;
}

bool TcpJob::read_some(net::Stream& stream) {
  bool moved = false;
  while (unconsumed_ < kMaxUnconsumed && stream.readable() > 0) {
    base::Bytes bytes(std::min(stream.readable(), kReadSize));
    bytes.resize(stream.read(bytes));
    if (bytes.empty()) break;
    unconsumed_ += bytes.size();
    tell(SocketBytes{std::move(bytes)});
    moved = true;
  }
  return moved;
}

bool TcpJob::advance_open(TimePoint now) {
  net::Stream& stream = *std::get<Open>(state_).stream;
  stream.advance(now);
  bool moved = read_some(stream);
  if (!pending_.empty()) moved |= write_pending(stream);
  if (is_writing_ended_ && pending_.empty() && !has_shut_down_) {
    has_shut_down_ = true;
    stream.shutdown();
    moved = true;
  }
  if (stream.readable() == 0 && stream.state() == net::StreamState::kFailed) {
    fail(stream.error().value_or(Error{Errc::net_connection_reset}));
    return true;
  }
  if (stream.at_end() && !std::exchange(has_told_end_, true)) {
    tell(SocketEnded{});
    moved = true;
  }
  const bool both_ended = has_told_end_ && has_shut_down_;
  if (is_close_wanted_ || both_ended) {
    is_writing_ended_ = true;
    std::unique_ptr<net::Stream> last = std::move(std::get<Open>(state_).stream);
    state_ = Closing{std::move(last), now + kCloseTimeout};
    return true;
  }
  return moved;
}

bool TcpJob::advance_closing(TimePoint now) {
  auto& closing = std::get<Closing>(state_);
  net::Stream& stream = *closing.stream;
  stream.advance(now);
  bool moved = !pending_.empty() && write_pending(stream);
  if (pending_.empty() && !std::exchange(has_shut_down_, true)) {
    stream.shutdown();
    moved = true;
  }
  const bool all_out = has_shut_down_ && stream.unacknowledged() == 0;
  if (!all_out && !is_over(stream) && now < closing.give_up_at) return moved;
  tell(SocketClosed{});
  state_ = Done{};
  return true;
}

base::Result<void> TcpJob::command(ChannelCommand command, TimePoint now) {
  if (auto* write = std::get_if<WriteBytes>(&command)) {
    if (is_writing_ended_ || is_close_wanted_ || done()) return Errc::net_closed;
    if (pending_.size() + write->bytes.size() > kMaxPending) return Errc::usage_queue_full;
    base::append(pending_, write->bytes);
    return {};
  }
  if (const auto* consumed = std::get_if<ChannelConsumed>(&command)) {
    unconsumed_ -= std::min(consumed->bytes, unconsumed_);
    return {};
  }
  if (std::holds_alternative<EndWriting>(command)) {
    is_writing_ended_ = true;
    return {};
  }
  if (std::holds_alternative<CloseSocket>(command)) {
    is_close_wanted_ = true;
    if (std::holds_alternative<std::unique_ptr<Dialer>>(state_) ||
        std::holds_alternative<Securing>(state_)) {
      tell(SocketClosed{});
      state_ = Done{};
    }
    return {};
  }
  if (const auto* tls = std::get_if<StartTls>(&command)) return start_tls(tls->tls, now);
  return Errc::usage_stale_handle;
}

void TcpJob::lookup_finished(const dns::LookupDone& done, TimePoint now) {
  if (auto* dial = std::get_if<std::unique_ptr<Dialer>>(&state_)) {
    (*dial)->lookup_finished(done, now);
  }
}

void TcpJob::fail(const Error& error) {
  ChannelJob::fail(error);
  state_ = Done{};
}

base::Deadline TcpJob::next_deadline() const {
  if (const auto* dial = std::get_if<std::unique_ptr<Dialer>>(&state_)) {
    return (*dial)->next_deadline();
  }
  const net::Stream* current = stream();
  if (current == nullptr) return std::nullopt;
  base::Deadline out = current->next_deadline();
  if (const auto* closing = std::get_if<Closing>(&state_)) {
    out = base::earlier(out, closing->give_up_at);
  }
  return out;
}

// --- UDP ----------------------------------------------------------------------------------------

UdpJob::UdpJob(JobId id, const ChannelServices& services) : ChannelJob(id, services) {
  auto socket = services_.net.stack.open_udp();
  if (socket) {
    socket_ = *std::move(socket);
    tell(SocketOpened{});
  } else {
    ChannelJob::fail(socket.error());
  }
}

UdpJob::~UdpJob() {
  for (const auto& [lookup, waiting] : waiting_) services_.net.resolver.cancel(lookup);
}

bool UdpJob::advance(TimePoint /*now*/) {
  bool moved = false;
  // What a slow reader leaves stays in the socket, which drops what does not fit.
  while (socket_ && unconsumed_ < kMaxUnconsumed && num_unread_ < kMaxUnread) {
    auto datagram = socket_->receive();
    if (!datagram) break;
    unconsumed_ += datagram->payload.size();
    ++num_unread_;
    tell(DatagramReceived{std::move(datagram->payload), net::to_string(datagram->peer.address),
                          datagram->peer.port});
    moved = true;
  }
  return moved;
}

base::Result<void> UdpJob::command(ChannelCommand command, TimePoint now) {
  if (!socket_) return Errc::net_closed;
  if (auto* send = std::get_if<SendDatagram>(&command)) {
    if (const auto address = net::parse_ip(send->host)) {
      return socket_->send({*address, send->port}, send->bytes);
    }
    if (waiting_.size() >= kMaxWaiting) return Errc::usage_queue_full;
    const dns::LookupId lookup = services_.net.resolver.lookup(send->host, now);
    waiting_.emplace(lookup, Waiting{std::move(send->bytes), send->port});
    return {};
  }
  if (const auto* consumed = std::get_if<ChannelConsumed>(&command)) {
    unconsumed_ -= std::min(consumed->bytes, unconsumed_);
    if (num_unread_ > 0) --num_unread_;
    return {};
  }
  if (std::holds_alternative<CloseSocket>(command)) {
    tell(SocketClosed{});
    socket_.reset();
    return {};
  }
  return Errc::usage_stale_handle;
}

void UdpJob::lookup_finished(const dns::LookupDone& done, TimePoint /*now*/) {
  const auto it = waiting_.find(done.id);
  if (it == waiting_.end()) return;
  const Waiting waiting = std::move(it->second);
  waiting_.erase(it);
  // UDP promises nothing: a name that does not resolve is a lost datagram.
  if (!socket_ || !done.addresses) return;
  (void)socket_->send({done.addresses->front(), waiting.port}, waiting.bytes);
}

void UdpJob::fail(const Error& error) {
  ChannelJob::fail(error);
  socket_.reset();
}

}  // namespace mix::tunnel
