// The exit part of a gateway: a mixnet client in the replier's role, the IP packet router on top of
// it, and the NAT behind that. The node that hosts it hands in what arrives for the router's
// address and sends out what the router's client builds. spec: ipr, messages §11.3.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "mix/base/log.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/directory/topology.h"
#include "mix/localnet/ip_router.h"
#include "mix/localnet/nat.h"
#include "mix/mixnet/client.h"

namespace mix::localnet {

/// The exit differs from a client's defaults in three values. spec: messages §11.3 last paragraph.
[[nodiscard]] mixnet::TrafficConfig exit_traffic();
[[nodiscard]] mixnet::ReplierConfig exit_replier();

struct ExitConfig {
  IpRouterConfig router;
  NatConfig nat;
  mixnet::TrafficConfig traffic = exit_traffic();
  mixnet::ReplierConfig replier = exit_replier();
};

/// What the hosting node gives to its exit.
struct ExitLink {
  /// Sends a packet to its first hop. Must not call back into the Exit.
  std::function<void(mixnet::MixPacket)> send;
  /// Packets that wait below, for back-pressure; empty function: none.
  std::function<std::size_t()> backlog;
};

struct ExitStats {
  IpRouterStats router;
  NatStats nat;
  mixnet::ClientStats mixnet;
};

/// For fault injection: a frozen exit takes everything in and answers nothing.
enum class ExitActivity : std::uint8_t { kRunning, kFrozen };

/// Single-threaded: every call comes from a handler of `io` (or before it runs). Owns one timer
/// for all deadlines. Callbacks of `link` are called from its own handlers, never from `deliver`.
class Exit {
 public:
  /// `keys`, `rng`, `log` and `clock` must outlive the exit. `gateway` is the identity of the node
  /// that hosts it. Throws std::system_error.
  Exit(boost::asio::io_context& io, const ExitConfig& config, const mixnet::ClientKeys& keys,
       const crypto::Ed25519PublicKey& gateway, base::Rng& rng, base::Log& log,
       const base::Clock& clock, ExitLink link);
  ~Exit();
  Exit(const Exit&) = delete;
  Exit& operator=(const Exit&) = delete;

  /// The router's Nym address, for the directory (`ip_packet_router.address`).
  [[nodiscard]] mixnet::Recipient address() const;
  /// Starts answering with the first topology.
  void set_topology(std::shared_ptr<const directory::Topology> topology);
  void set_rotation_info(const directory::KeyRotationInfo& info);
  /// The body of a final-hop packet whose destination is address().identity, or an ack (21 bytes).
  void deliver(base::ByteView delivered);
  void set_activity(ExitActivity activity);
  /// Other thresholds for reply SURBs from now on, e.g. to starve the exit of them.
  void set_replier(const mixnet::ReplierConfig& replier);
  [[nodiscard]] ExitStats stats() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mix::localnet
