#include "udp_socket.h"

#include <utility>

#include "stack_impl.h"

namespace mix::net {

using base::Errc;
using base::Error;

UdpSocketImpl::~UdpSocketImpl() {
  if (stack_ != nullptr) stack_->forget(this);
  if (pcb_ != nullptr) udp_remove(pcb_);
}

base::Result<void> UdpSocketImpl::bind() {
  pcb_ = udp_new_ip_type(IPADDR_TYPE_ANY);
  if (pcb_ == nullptr) return Errc::net_out_of_memory;
  const err_t result = stack_->bind_random_port(
      [&](std::uint16_t port) { return udp_bind(pcb_, IP_ANY_TYPE, port); });
  if (result != ERR_OK) return Errc::net_out_of_memory;
  udp_recv(pcb_, on_received, this);
  return {};
}

base::Result<void> UdpSocketImpl::send(const Endpoint& to, base::ByteView payload) {
  if (pcb_ == nullptr) return Errc::net_closed;
  if (!stack_->supports(to.address)) return Error{Errc::net_unreachable, 0, to_string(to)};
  if (payload.size() > kMaxIpPacketSize) return Errc::net_out_of_memory;
  pbuf* const packet =
      pbuf_alloc(PBUF_TRANSPORT, static_cast<std::uint16_t>(payload.size()), PBUF_RAM);
  if (packet == nullptr) return Errc::net_out_of_memory;
  err_t result = ERR_OK;
  if (!payload.empty()) {
    result = pbuf_take(packet, payload.data(), static_cast<std::uint16_t>(payload.size()));
  }
  const ip_addr_t address = to_lwip(to.address);
  if (result == ERR_OK) result = udp_sendto(pcb_, packet, &address, to.port);
  pbuf_free(packet);
  if (result == ERR_OK) return {};
  return Error{result == ERR_RTE ? Errc::net_unreachable : Errc::net_out_of_memory, 0,
               to_string(to)};
}

std::optional<Datagram> UdpSocketImpl::receive() {
  if (waiting_.empty()) return std::nullopt;
  Datagram oldest = std::move(waiting_.front());
  waiting_.pop_front();
  return oldest;
}

void UdpSocketImpl::orphan() {
  if (pcb_ != nullptr) udp_remove(std::exchange(pcb_, nullptr));
  stack_ = nullptr;
}

void UdpSocketImpl::on_received(void* self, udp_pcb*, pbuf* data, const ip_addr_t* from,
                                std::uint16_t port) {
  auto& socket = *static_cast<UdpSocketImpl*>(self);
  if (socket.waiting_.size() < kMaxWaitingDatagrams) {
    Datagram datagram{Endpoint{from_lwip(*from), port}, base::Bytes(data->tot_len)};
    pbuf_copy_partial(data, datagram.payload.data(), data->tot_len, 0);
    socket.waiting_.push_back(std::move(datagram));
  }
  pbuf_free(data);
}

}  // namespace mix::net
