// UdpSocketImpl: one lwIP datagram endpoint on a random port of both address families.
#pragma once

#include <deque>

#include "lwip.h"
#include "mix/net/stack.h"

namespace mix::net {

class StackImpl;

class UdpSocketImpl final : public UdpSocket {
 public:
  explicit UdpSocketImpl(StackImpl& stack) : stack_(&stack) {}
  UdpSocketImpl(const UdpSocketImpl&) = delete;
  UdpSocketImpl& operator=(const UdpSocketImpl&) = delete;
  ~UdpSocketImpl() override;

  /// Takes a port. Errors: `net_out_of_memory`.
  [[nodiscard]] base::Result<void> bind();

  [[nodiscard]] base::Result<void> send(const Endpoint& to, base::ByteView payload) override;
  [[nodiscard]] std::optional<Datagram> receive() override;

  /// The stack goes away.
  void orphan();

 private:
  static void on_received(void* self, udp_pcb* pcb, pbuf* data, const ip_addr_t* from,
                          std::uint16_t port);

  StackImpl* stack_;
  udp_pcb* pcb_ = nullptr;
  std::deque<Datagram> waiting_;
};

}  // namespace mix::net
