// TCP connections of one session: the client's ends are TcpEndpoints, the targets' are sockets of
// this process.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "mix/base/rng.h"
#include "mix/localnet/address_map.h"
#include "tcp_segment.h"

namespace mix::localnet {

struct TcpRelayConfig {
  std::uint16_t mtu = 1420;
  std::optional<IpAddress> outbound_v4, outbound_v6;
  std::size_t max_connections = 512;  // beyond, a SYN is answered with RST
};

class TcpRelay {
 public:
  /// Called from handlers of the io_context and from `send`, with an IP packet for the client.
  /// Must not call back.
  using Deliver = std::function<void(base::Bytes ip_packet)>;

  /// `map` and `rng` must outlive the relay.
  TcpRelay(boost::asio::io_context& io, const TcpRelayConfig& config, const AddressMap& map,
           base::Rng& rng, Deliver deliver);
  ~TcpRelay();
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  /// A segment of the client, parsed from `bytes`.
  void send(const IpPacket& packet, base::ByteView bytes);
  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mix::localnet
