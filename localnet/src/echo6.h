// ICMPv6 echo by the kernel's ping sockets: libslirp forwards that of IPv4 only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "ip_packet.h"

namespace mix::localnet {

/// Of one session. Where the kernel permits neither ping nor raw sockets, requests are dropped.
class Echo6 {
 public:
  /// Called from handlers of the io_context, with a whole IPv6 packet for the client.
  using Deliver = std::function<void(base::Bytes ip_packet)>;

  Echo6(boost::asio::io_context& io, Deliver deliver);
  ~Echo6();
  Echo6(const Echo6&) = delete;
  Echo6& operator=(const Echo6&) = delete;

  /// `packet` is an echo request, parsed from `bytes`.
  void send(const IpPacket& packet, base::ByteView bytes);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mix::localnet
