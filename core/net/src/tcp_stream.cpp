#include "tcp_stream.h"

#include <algorithm>
#include <utility>

#include "mix/net/constants.h"
#include "stack_impl.h"

namespace mix::net {
namespace {

using base::Errc;
using base::Error;

// One tcp_write: bounded because lwIP counts in 16 bits and takes a piece whole or not at all.
constexpr std::size_t kWritePiece = 16 * 1024;
constexpr std::size_t kKeptCapacity = 64 * 1024;  // of an emptied receive buffer
constexpr std::uint8_t kLingerTicks = static_cast<std::uint8_t>(kLingerWithoutProgress / kTcpTick);
static_assert(kLingerTicks == kLingerWithoutProgress / kTcpTick, "lwIP counts these in a byte");

std::uint32_t to_milliseconds(base::Duration duration) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// lwIP asks connections that were left to it whether they make progress.
err_t drop_stalled(void*, tcp_pcb* pcb) {
  tcp_abort(pcb);
  return ERR_ABRT;
}

}  // namespace

TcpStream::TcpStream(StackImpl& stack, const Endpoint& remote, const TcpOptions& options,
                     base::TimePoint now)
    : stack_(&stack),
      remote_(remote),
      options_(options),
      connect_deadline_(now + options.connect_timeout) {}

TcpStream::~TcpStream() {
  if (stack_ != nullptr) stack_->forget(this);
  if (pcb_ == nullptr) return;
  if (stack_ != nullptr) stack_->catch_up();
  if (pcb_ == nullptr) return;
  tcp_pcb* const pcb = pcb_;
  detach();
  if (readable() != 0) {
    tcp_abort(pcb);
    return;
  }
  // lwIP takes a window that is not at its own full size for data that nobody read.
  pcb->rcv_wnd = TCP_WND_MAX(pcb);
  tcp_close(pcb);
}

base::Result<void> TcpStream::start() {
  pcb_ = stack_->new_connection(remote_.address);
  if (pcb_ == nullptr) return Errc::net_out_of_memory;
  tcp_arg(pcb_, this);
  tcp_recv(pcb_, on_received);
  tcp_err(pcb_, on_gone);
  tcp_nagle_disable(pcb_);  // a turn's writes leave together anyway, see flush()
  if (options_.keepalive > base::Duration::zero()) {
    ip_set_option(pcb_, SOF_KEEPALIVE);
    pcb_->keep_idle = to_milliseconds(options_.keepalive);
    pcb_->keep_intvl = to_milliseconds(options_.keepalive);
    pcb_->keep_cnt = kKeepaliveProbes;
  }
  const ip_addr_t address = to_lwip(remote_.address);
  const ip_addr_t* const any = IP_IS_V6_VAL(address) ? IP6_ADDR_ANY : IP4_ADDR_ANY;
  err_t result =
      stack_->bind_random_port([&](std::uint16_t port) { return tcp_bind(pcb_, any, port); });
  if (result == ERR_OK) result = tcp_connect(pcb_, &address, remote_.port, on_connected);
  if (result == ERR_OK) return {};
  tcp_pcb* const pcb = pcb_;
  detach();
  tcp_abandon(pcb, 0);
  const bool no_route = result == ERR_RTE || result == ERR_VAL;
  return Error{no_route ? Errc::net_unreachable : Errc::net_out_of_memory, 0, to_string(remote_)};
}

StreamState TcpStream::state() const {
  if (error_) return StreamState::kFailed;
  if (aborted_) return StreamState::kClosed;
  if (!connected_) return StreamState::kConnecting;
  if (!peer_ended_) return StreamState::kOpen;
  return shut_down_ && readable() == 0 ? StreamState::kClosed : StreamState::kPeerClosed;
}

std::size_t TcpStream::read(base::MutByteView out) {
  const std::size_t n = std::min(out.size(), readable());
  std::copy_n(received_.begin() + static_cast<std::ptrdiff_t>(read_at_), n, out.begin());
  read_at_ += n;
  if (readable() == 0) {
    received_.clear();
    read_at_ = 0;
    if (received_.capacity() > kKeptCapacity) received_.shrink_to_fit();
  }
  open_window(n);
  return n;
}

bool TcpStream::at_end() const { return peer_ended_ && !aborted_ && readable() == 0; }

base::Result<std::size_t> TcpStream::write(base::ByteView bytes) {
  if (error_) return *error_;
  if (aborted_ || shut_down_) return Errc::net_closed;
  // Whether the retransmission timer runs is decided when this is flushed; its clock must be right.
  if (!dirty_ && pcb_ != nullptr) stack_->catch_up();
  if (error_) return *error_;
  bytes = bytes.first(std::min(bytes.size(), writable()));
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const base::ByteView piece = bytes.subspan(taken, std::min(kWritePiece, bytes.size() - taken));
    if (tcp_write(pcb_, piece.data(), static_cast<std::uint16_t>(piece.size()),
                  TCP_WRITE_FLAG_COPY) != ERR_OK) {
      break;
    }
    taken += piece.size();
    dirty_ = true;
  }
  return taken;
}

std::size_t TcpStream::writable() const {
  if (pcb_ == nullptr || !connected_ || shut_down_) return 0;
  if (tcp_sndqueuelen(pcb_) >= TCP_SND_QUEUELEN) return 0;
  const std::size_t used = unacknowledged();
  const std::size_t space = options_.send_buffer > used ? options_.send_buffer - used : 0;
  return std::min<std::size_t>(space, pcb_->snd_buf);
}

std::size_t TcpStream::unacknowledged() const {
  return pcb_ == nullptr ? 0 : TCP_SND_BUF - pcb_->snd_buf;
}

void TcpStream::shutdown() {
  if (shut_down_ || aborted_ || error_) return;
  if (pcb_ != nullptr) stack_->catch_up();
  shut_down_ = true;
  end_pending_ = true;
}

void TcpStream::abort() {
  if (aborted_ || error_) return;
  aborted_ = true;
  received_.clear();
  read_at_ = 0;
  if (pcb_ == nullptr) return;
  tcp_pcb* const pcb = pcb_;
  detach();
  tcp_abort(pcb);
}

void TcpStream::advance(base::TimePoint now) {
  if (is_connecting() && base::is_due(connect_deadline_, now)) {
    fail(Error{Errc::net_connect_timeout, 0, to_string(remote_)});
  }
}

base::Deadline TcpStream::next_deadline() const {
  return is_connecting() ? connect_deadline_ : std::nullopt;
}

bool TcpStream::sent_syn(std::uint16_t local_port, std::uint32_t sequence) const {
  return is_connecting() && pcb_->local_port == local_port && pcb_->lastack == sequence;
}

void TcpStream::fail(Error reason) {
  if (error_ || state() == StreamState::kClosed) return;
  error_ = std::move(reason);
  if (pcb_ == nullptr) return;
  tcp_pcb* const pcb = pcb_;
  detach();
  tcp_abandon(pcb, 0);
}

void TcpStream::flush() {
  if (pcb_ == nullptr || !connected_) return;
  if (std::exchange(end_pending_, false)) tcp_shutdown(pcb_, 0, 1);
  if (std::exchange(dirty_, false)) tcp_output(pcb_);
}

void TcpStream::orphan() {
  fail(Error{Errc::net_closed});
  if (pcb_ != nullptr) {  // orderly ended on our side, waiting for the last acknowledgement
    tcp_pcb* const pcb = pcb_;
    detach();
    tcp_abandon(pcb, 0);
  }
  stack_ = nullptr;
}

err_t TcpStream::on_connected(void* self, tcp_pcb* pcb, err_t) {
  auto& stream = *static_cast<TcpStream*>(self);
  stream.connected_ = true;
  stream.connect_deadline_.reset();
  pcb->mss = std::max(pcb->mss, kMinSegmentSize);
  // lwIP asserts that segments never shrink, but halves them for a peer whose window starts small.
  pcb->snd_wnd_max = std::max<tcpwnd_size_t>(pcb->snd_wnd_max, tcpwnd_size_t{2} * pcb->mss);
  // A lost SYN says nothing of this path's rate, yet lwIP lowers the threshold for it.
  pcb->ssthresh = TCP_SND_BUF;
  pcb->cwnd = kInitialWindowSegments * pcb->mss;
  stream.offer_window();
  return ERR_OK;
}

err_t TcpStream::on_received(void* self, tcp_pcb*, pbuf* data, err_t) {
  auto& stream = *static_cast<TcpStream*>(self);
  if (data != nullptr) {
    stream.take(*data);
    pbuf_free(data);
    return ERR_OK;
  }
  stream.peer_ended_ = true;
  // Both directions have ended: lwIP frees the block after TIME-WAIT without telling.
  if (stream.shut_down_ && !stream.end_pending_) stream.detach();
  return ERR_OK;
}

void TcpStream::on_gone(void* self, err_t reason) {
  auto& stream = *static_cast<TcpStream*>(self);
  stream.pcb_ = nullptr;
  if (reason == ERR_CLSD || (stream.peer_ended_ && stream.shut_down_)) return;
  const bool is_reset = reason == ERR_RST;
  const Errc code = stream.connected_
                        ? (is_reset ? Errc::net_connection_reset : Errc::net_connection_lost)
                        : (is_reset ? Errc::net_connect_refused : Errc::net_connect_timeout);
  stream.error_ = Error{code, 0, to_string(stream.remote_)};
}

void TcpStream::offer_window() {
  const std::size_t limit = std::min<std::size_t>(options_.receive_buffer, TCP_WND);
  window_ = kUnscaledWindow;  // already promised by the SYN
  if ((pcb_->flags & TF_WND_SCALE) != 0 && limit > window_) window_ = limit;
  window_debt_ = window_ > limit ? window_ - limit : 0;
  pcb_->rcv_wnd = static_cast<tcpwnd_size_t>(window_);
  pcb_->rcv_ann_wnd = pcb_->rcv_wnd;
}

void TcpStream::open_window(std::size_t bytes_read) {
  if (pcb_ == nullptr || peer_ended_) return;
  const std::size_t paid = std::min(bytes_read, window_debt_);
  window_debt_ -= paid;
  for (std::size_t left = bytes_read - paid; left != 0;) {
    const auto step = static_cast<std::uint16_t>(std::min<std::size_t>(left, 0xffff));
    tcp_recved(pcb_, step);
    left -= step;
  }
  // Acknowledgements carry the window along; one of its own is worth a packet only when the peer
  // may soon run out of it.
  const std::uint32_t opened = pcb_->rcv_nxt + pcb_->rcv_wnd - pcb_->rcv_ann_right_edge;
  if (opened >= (window_ - std::min(window_, window_debt_)) / 4 && opened != 0) {
    tcp_ack_now(pcb_);
    dirty_ = true;
  }
}

void TcpStream::take(const pbuf& data) {
  if (read_at_ > received_.size() / 2) {
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(read_at_));
    read_at_ = 0;
  }
  for (const pbuf* part = &data; part != nullptr; part = part->next) {
    base::append(received_,
                 base::ByteView(static_cast<const std::uint8_t*>(part->payload), part->len));
  }
}

void TcpStream::detach() {
  tcp_pcb* const pcb = std::exchange(pcb_, nullptr);
  tcp_arg(pcb, nullptr);
  tcp_recv(pcb, nullptr);
  tcp_err(pcb, nullptr);
  tcp_poll(pcb, drop_stalled, kLingerTicks);
}

}  // namespace mix::net
