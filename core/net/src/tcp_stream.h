// TcpStream: one lwIP connection as a Stream. lwIP's callbacks only note what happened; bytes move
// and state changes show when the owner calls.
//
//   kConnecting --SYN-ACK--> kOpen --peer's FIN--> kPeerClosed --shutdown, all read--> kClosed
//        |                     |                       |
//        +---------------------+----- RST, time-out, fail() ------> kFailed
#pragma once

#include <cstdint>
#include <optional>

#include "lwip.h"
#include "mix/net/stack.h"

namespace mix::net {

class StackImpl;

class TcpStream final : public Stream {
 public:
  TcpStream(StackImpl& stack, const Endpoint& remote, const TcpOptions& options,
            base::TimePoint now);
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  /// Ends the connection in the background: orderly, or by RST when bytes were left unread.
  ~TcpStream() override;

  /// Sends the SYN. Errors: `net_unreachable`, `net_out_of_memory`.
  [[nodiscard]] base::Result<void> start();

  [[nodiscard]] StreamState state() const override;
  [[nodiscard]] std::optional<base::Error> error() const override { return error_; }
  std::size_t read(base::MutByteView out) override;
  [[nodiscard]] std::size_t readable() const override { return received_.size() - read_at_; }
  [[nodiscard]] bool at_end() const override;
  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override;
  [[nodiscard]] std::size_t writable() const override;
  [[nodiscard]] std::size_t unacknowledged() const override;
  void shutdown() override;
  void abort() override;
  void advance(base::TimePoint now) override;
  [[nodiscard]] base::Deadline next_deadline() const override;

  // For the stack.

  [[nodiscard]] bool is_connecting() const { return pcb_ != nullptr && !connected_; }
  [[nodiscard]] const Endpoint& remote() const { return remote_; }
  /// True when the connection is the one whose SYN left from this port with this number.
  [[nodiscard]] bool sent_syn(std::uint16_t local_port, std::uint32_t sequence) const;
  /// Ends the stream with an error; nothing is sent to the peer.
  void fail(base::Error reason);
  /// Hands what was written in this turn to IP.
  void flush();
  /// The stack goes away.
  void orphan();

 private:
  static err_t on_connected(void* self, tcp_pcb* pcb, err_t result);
  static err_t on_received(void* self, tcp_pcb* pcb, pbuf* data, err_t result);
  static void on_gone(void* self, err_t reason);

  void offer_window();
  void open_window(std::size_t bytes_read);
  void take(const pbuf& data);
  /// Leaves the connection to lwIP; no callback arrives any more.
  void detach();

  StackImpl* stack_;
  Endpoint remote_;
  TcpOptions options_;
  base::Deadline connect_deadline_;
  tcp_pcb* pcb_ = nullptr;  // lwIP frees it; then on_gone clears this
  std::optional<base::Error> error_;

  base::Bytes received_;  // [read_at_, end) waits to be read
  std::size_t read_at_ = 0;
  std::size_t window_ = 0;  // bytes that may arrive unread
  /// What the first window granted beyond options_.receive_buffer: reading pays this off before
  /// it opens the window again.
  std::size_t window_debt_ = 0;

  bool connected_ = false;
  bool peer_ended_ = false;
  bool shut_down_ = false;
  bool end_pending_ = false;  // our FIN is still to be queued
  bool dirty_ = false;        // written since the last flush
  bool aborted_ = false;
};

}  // namespace mix::net
