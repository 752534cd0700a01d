// What a node does with one packet: choose the key, check the MAC, refuse replays, peel a layer,
// and say what follows. No sockets, no clock. spec: gateway §10.2 to §10.4, sphinx §9.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/localnet/epoch.h"
#include "mix/localnet/replay_filter.h"
#include "mix/mixnet/mix_packet.h"
#include "mix/sphinx/frame.h"
#include "mix/sphinx/packet.h"

namespace mix::localnet {

/// The mixnet addresses of all nodes of the network. Packets go nowhere else.
/// Differs: the reference filters by IP only; here everything shares loopback, so a port counts
/// too.
class AddressBook {
 public:
  void add(const sphinx::NodeAddress& address);
  void remove(const sphinx::NodeAddress& address);
  [[nodiscard]] bool contains(const sphinx::NodeAddress& address) const;

 private:
  std::set<base::Bytes> known_;  // encoded
};

/// A node does one kind of processing only. spec: gateway §10.2.
enum class NodeMode : std::uint8_t { kMixnode, kGateway };

/// Why a packet went no further.
enum class DropReason : std::uint8_t {
  kExpiredKey,      // no key for the packet's rotation
  kBadPacket,       // MAC, flag, address or length
  kBadPayload,      // altered on the way
  kReplay,          // seen before
  kWrongMode,       // forward hop at a gateway, last hop at a mix
  kBadAck,          // no readable SURB-ACK in front of the body
  kUnknownAddress,  // the next hop is no node of the network
  kOverflow,        // too much is held or queued
  kFault,           // injected
  kDead,            // the node is down
};
inline constexpr std::size_t kDropReasons = static_cast<std::size_t>(DropReason::kDead) + 1;
[[nodiscard]] const char* drop_reason_name(DropReason reason);

/// Send `packet` on after `delay` (already capped).
struct ForwardAction {
  sphinx::NodeAddress next;
  sphinx::KeyRotation rotation = sphinx::KeyRotation::kUnknown;  // of the incoming frame
  base::Duration delay{};
  base::Bytes packet;
};
/// Last hop: give `body` to the client, then send the ack at once.
struct DeliverAction {
  sphinx::Destination destination{};
  base::Bytes body;
  std::optional<ForwardAction> ack;  // none: the packet was an ack itself
};
struct DropAction {
  DropReason reason = DropReason::kBadPacket;
};
using NodeAction = std::variant<ForwardAction, DeliverAction, DropAction>;

struct NodeCoreConfig {
  NodeMode mode = NodeMode::kMixnode;
  base::Duration max_delay = std::chrono::seconds{10};  // spec: sphinx §13
};

class NodeCore {
 public:
  NodeCore(const NodeCoreConfig& config, NodeKeys keys);

  /// Takes one received packet apart.
  [[nodiscard]] NodeAction process(const sphinx::Frame& frame);
  /// Follows the network's clock; forgets the tags of an erased key.
  void update_epoch(const Epoch& epoch, base::Rng& rng);
  [[nodiscard]] const NodeKeys& keys() const { return keys_; }
  [[nodiscard]] std::size_t replay_tags() const;

 private:
  [[nodiscard]] base::Result<sphinx::Unwrapped> unwrap(const sphinx::Frame& frame,
                                                       const RotationKey*& used) const;
  [[nodiscard]] NodeAction last_hop(const sphinx::Frame& frame, const sphinx::FinalHop& hop) const;

  NodeCoreConfig config_;
  NodeKeys keys_;
  std::map<std::uint32_t, ReplayFilter> replay_filters_;  // by rotation
};

/// First hop and packet of the SURB-ACK at the front of a last hop's plaintext, and what follows.
struct SplitBody {
  sphinx::NodeAddress ack_first_hop;
  base::Bytes ack_packet;
  base::Bytes body;
};
/// spec: sphinx §9.2, §11. Errors: `base_truncated`, `sphinx_bad_address`.
[[nodiscard]] base::Result<SplitBody> split_surb_ack(base::ByteView plaintext);

}  // namespace mix::localnet
