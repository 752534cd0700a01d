// The TCP/IP stack (lwIP without threads) behind an IP packet port. Owns lwIP's one global
// instance: at most one Stack lives in a process (ADR 0003).
#pragma once

#include <memory>
#include <optional>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/net/address.h"
#include "mix/net/stream.h"

namespace mix::net {

struct StackConfig {
  std::uint16_t mtu = 1420;  // bytes; bounds the TCP segment size
  std::optional<Ipv4> ipv4;
  std::optional<Ipv6> ipv6;
  std::size_t max_queued_packets = 4096;  // outgoing; lwIP is told "no memory" beyond
};

struct TcpOptions {
  base::Duration connect_timeout = std::chrono::seconds{60};
  base::Duration keepalive = std::chrono::seconds{10};  // zero: off
  std::size_t receive_buffer = 512 * 1024;              // bytes; the window offered at most
  std::size_t send_buffer = 256 * 1024;                 // bytes
};

struct Datagram {
  Endpoint peer;
  base::Bytes payload;
};

/// UDP socket bound to a random local port.
class UdpSocket {
 public:
  virtual ~UdpSocket() = default;
  /// Errors: `net_unreachable`, `net_out_of_memory`, `net_closed`.
  [[nodiscard]] virtual base::Result<void> send(const Endpoint& to, base::ByteView payload) = 0;
  /// The oldest received datagram, from any peer. At most 64 wait; newer ones are dropped.
  [[nodiscard]] virtual std::optional<Datagram> receive() = 0;
};

struct StackStats {
  std::uint64_t packets_out = 0, bytes_out = 0, packets_in = 0, bytes_in = 0;
  std::uint64_t dropped_out = 0, tcp_retransmits = 0;
  std::size_t tcp_open = 0;
  std::optional<base::Duration> tcp_round_trip;  // smoothed, over all connections
};

class Stack {
 public:
  /// `clock` gives lwIP's time within a turn; `rng` ports and sequence numbers. Both outlive it.
  [[nodiscard]] static std::unique_ptr<Stack> create(const StackConfig& config,
                                                     const base::Clock& clock, base::Rng& rng);
  virtual ~Stack() = default;

  /// An IP packet from the exit; malformed ones are dropped.
  virtual void receive(base::ByteView ip_packet, base::TimePoint now) = 0;
  /// The next IP packet for the exit, or nothing.
  [[nodiscard]] virtual std::optional<base::Bytes> poll_output() = 0;
  [[nodiscard]] virtual base::Deadline next_deadline() const = 0;
  virtual void expire(base::TimePoint now) = 0;

  /// Starts connecting; watch the stream's state. Streams and sockets must not outlive the stack.
  /// Errors: `net_unreachable` (no address of that family), `net_out_of_memory`.
  [[nodiscard]] virtual base::Result<std::unique_ptr<Stream>> connect(const Endpoint& to,
                                                                      const TcpOptions& options,
                                                                      base::TimePoint now) = 0;
  [[nodiscard]] virtual base::Result<std::unique_ptr<UdpSocket>> open_udp() = 0;
  /// Fails every connecting TCP stream to `to` with `reason` (exit policy refusals).
  virtual void fail_connects(const Endpoint& to, const base::Error& reason) = 0;
  /// The path was interrupted and packets flow again: what timed out meanwhile is repeated within a
  /// tick instead of at the end of its back-off, and peers are asked for what they sent in vain.
  virtual void resume(base::TimePoint now) = 0;
  /// Fails every stream and replaces addresses and MTU, after the exit assigned new ones.
  virtual void readdress(const StackConfig& config, const base::Error& reason) = 0;
  [[nodiscard]] virtual bool supports(const IpAddress& family_of) const = 0;
  [[nodiscard]] virtual StackStats stats() const = 0;
};

}  // namespace mix::net
