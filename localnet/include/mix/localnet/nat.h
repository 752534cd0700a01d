// The way out of the exit: IP packets of a session become sockets of this process, in user space,
// without privileges or a TUN device. libslirp carries UDP and ICMP (and TCP when told to), ping
// sockets the ICMPv6 echo that it does not know, and TcpRelay TCP. Destinations may be written
// elsewhere by an AddressMap. Sessions share nothing.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mix/base/rng.h"
#include "mix/localnet/address_map.h"

namespace mix::localnet {

/// Who stands in for the destination of a client's TCP connection. libslirp's TCP is of 1990: no
/// selective acknowledgements, no window scaling, and three duplicate acknowledgements halve its
/// rate, which behind reordering mixes leaves 73 kB/s of 470. Ours does what kernels do.
enum class TcpEnds : std::uint8_t { kHere, kInSlirp };

struct NatConfig {
  std::uint16_t mtu = 1420;  // of the exit's device. spec: ipr §7.5
  /// Source addresses of what leaves. A loopback address is used towards loopback only, since the
  /// kernel routes it nowhere else.
  std::optional<IpAddress> outbound_v4, outbound_v6;
  AddressMap map;
  TcpEnds tcp = TcpEnds::kHere;
  std::size_t max_flows = 4096;  // of one session; the longest idle goes first
};

/// Counters since the start.
struct NatStats {
  std::uint64_t packets_out = 0, packets_in = 0, dropped = 0;
  std::size_t sockets = 0, flows = 0;
};

/// All sessions' ways out, driven by one io_context (single-threaded).
class Nat {
 public:
  using SessionId = std::uint32_t;
  /// An IP packet for the client of a session.
  using Deliver = std::function<void(SessionId, base::ByteView ip_packet)>;

  /// `rng` must outlive the Nat. Throws std::system_error when the kernel refuses an epoll
  /// instance.
  Nat(boost::asio::io_context& io, const NatConfig& config, base::Rng& rng, Deliver deliver);
  ~Nat();
  Nat(const Nat&) = delete;
  Nat& operator=(const Nat&) = delete;

  /// `v4` and `v6` are the client's addresses in the tunnel. An open session is replaced.
  void open(SessionId session, const IpAddress& v4, const IpAddress& v6);
  void close(SessionId session);
  /// A packet of the client. Dropped when the session is unknown or the packet is malformed.
  void send(SessionId session, base::ByteView ip_packet);
  [[nodiscard]] NatStats stats() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mix::localnet
