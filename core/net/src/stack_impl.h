// StackImpl: lwIP's global instance as an object, its timers, and the queue of packets to send.
//
// lwIP's own timers would tick for ever; here a tick is due only while a connection waits for one,
// so an idle stack has no deadline.
#pragma once

#include <deque>
#include <vector>

#include "ip_packet.h"
#include "loss_recovery.h"
#include "lwip.h"
#include "mix/net/constants.h"
#include "mix/net/stack.h"
#include "round_trip.h"

namespace mix::net {

class TcpStream;
class UdpSocketImpl;

/// Ours beside each lwIP connection; lives as long as lwIP's block, TIME-WAIT included.
struct ConnectionExtra {
  std::uint32_t timestamp_offset = 0;
  LossRecovery recovery;
  bool had_gap = false;  // before the segment in hand
};

/// A packet that waits to be pulled.
struct QueuedPacket {
  base::Bytes bytes;
  /// Set when it carries nothing but an acknowledgement: a newer one may take its place.
  std::optional<OutgoingSegment> acknowledgement;
};

class StackImpl final : public Stack {
 public:
  StackImpl(const StackConfig& config, const base::Clock& clock, base::Rng& rng);
  StackImpl(const StackImpl&) = delete;
  StackImpl& operator=(const StackImpl&) = delete;
  ~StackImpl() override;

  void receive(base::ByteView ip_packet, base::TimePoint now) override;
  [[nodiscard]] std::optional<base::Bytes> poll_output() override;
  [[nodiscard]] base::Deadline next_deadline() const override;
  void expire(base::TimePoint now) override;
  [[nodiscard]] base::Result<std::unique_ptr<Stream>> connect(const Endpoint& to,
                                                              const TcpOptions& options,
                                                              base::TimePoint now) override;
  [[nodiscard]] base::Result<std::unique_ptr<UdpSocket>> open_udp() override;
  void fail_connects(const Endpoint& to, const base::Error& reason) override;
  void resume(base::TimePoint now) override;
  void readdress(const StackConfig& config, const base::Error& reason) override;
  [[nodiscard]] bool supports(const IpAddress& family_of) const override;
  [[nodiscard]] StackStats stats() const override;

  // For streams and sockets.

  /// Brings lwIP's clock to the present turn, before something starts a timer. May end
  /// connections whose time is over.
  void catch_up();
  /// Binds to random ports until one is free; `bind` returns lwIP's answer.
  template <class Bind>
  [[nodiscard]] err_t bind_random_port(Bind&& bind);
  /// Null when out of memory.
  [[nodiscard]] tcp_pcb* new_connection(const IpAddress& family_of);
  void forget(TcpStream* stream);
  void forget(UdpSocketImpl* socket);

  // For lwIP's port functions.

  [[nodiscard]] std::uint32_t random() { return rng_.u32(); }
  [[nodiscard]] std::uint32_t milliseconds() const;
  /// Before lwIP processes a segment of the connection.
  void before_segment(tcp_pcb& pcb, std::optional<std::uint32_t> echoed) const;

 private:
  static err_t init_interface(netif* interface);
  static err_t output4(netif* interface, pbuf* packet, const ip4_addr_t* next_hop);
  static err_t output6(netif* interface, pbuf* packet, const ip6_addr_t* next_hop);

  err_t send(const pbuf& packet);
  [[nodiscard]] bool replace_older(base::Bytes& packet, const OutgoingSegment& acknowledgement);
  void configure(const StackConfig& config);
  void drop_connections();
  void drop_fragments();
  void run_ticks(base::TimePoint now);
  [[nodiscard]] std::optional<std::uint32_t> ticks_until_work() const;
  void note_acknowledgements(base::TimePoint now);
  void handle(const IcmpError& error);

  StackConfig config_;
  const base::Clock& clock_;
  base::Rng& rng_;
  std::uint32_t clock_offset_;
  netif interface_{};
  std::deque<QueuedPacket> outgoing_;
  bool refused_output_ = false;  // lwIP waits for room in outgoing_
  base::TimePoint now_;          // of the turn, latest seen
  base::TimePoint ticked_;       // lwIP's slow timer stands here
  base::Deadline acknowledge_at_;
  ReorderWindow reordering_;
  SmoothedRoundTrip round_trip_;
  base::Deadline fragments_until_;
  std::vector<TcpStream*> streams_;
  std::vector<UdpSocketImpl*> sockets_;
  StackStats stats_;
};

template <class Bind>
err_t StackImpl::bind_random_port(Bind&& bind) {
  err_t result = ERR_USE;
  for (int attempt = 0; attempt < kPortAttempts && result == ERR_USE; ++attempt) {
    result =
        bind(static_cast<std::uint16_t>(kFirstEphemeralPort + rng_.uniform(kNumEphemeralPorts)));
  }
  return result;
}

}  // namespace mix::net
