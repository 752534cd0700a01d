// One instance of libslirp: IP packets of one guest on this side, sockets of this process on the
// other. Ethernet, which slirp insists on, stays inside. No event loop of its own: the owner asks
// which descriptors matter, polls them, and hands the outcome back.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/localnet/ip.h"

namespace mix::localnet {

struct SlirpStackConfig {
  std::uint16_t mtu = 1420;
  IpAddress guest_v4, guest_v6;
  std::optional<IpAddress> outbound_v4, outbound_v6;
};

class SlirpStack {
 public:
  /// Called from within `send` and `poll`, with a view that dies on return. Must not call back.
  using Deliver = std::function<void(base::ByteView ip_packet)>;

  /// Throws std::runtime_error when slirp refuses the configuration.
  SlirpStack(const SlirpStackConfig& config, Deliver deliver);
  ~SlirpStack();
  SlirpStack(const SlirpStack&) = delete;
  SlirpStack& operator=(const SlirpStack&) = delete;

  /// A packet of the guest.
  void send(base::ByteView ip_packet);
  /// Appends what slirp waits for, and tells how long it may wait at most.
  [[nodiscard]] std::chrono::milliseconds fill(std::vector<pollfd>& descriptors);
  /// `descriptors` as the last `fill` left them, with their revents.
  void poll(const std::vector<pollfd>& descriptors);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::localnet
