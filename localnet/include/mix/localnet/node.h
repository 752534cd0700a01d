// A whole node without its sockets: packet processing, held packets, faults, and at gateways the
// clients' sessions and the hand-over to an exit. Sans-I/O: a host with sockets (Network) and the
// simulation drive it in the same way.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/localnet/epoch.h"
#include "mix/localnet/faults.h"
#include "mix/localnet/gateway_core.h"
#include "mix/localnet/node_core.h"

namespace mix::localnet {

struct NodeConfig {
  NodeMode mode = NodeMode::kMixnode;
  /// Nodes of the current release send the legacy frame. spec: gateway §10.1
  sphinx::FrameVersion frame_version = sphinx::FrameVersion::kLegacy;
  base::Duration max_delay = std::chrono::seconds{10};
  std::size_t max_held_bytes = std::size_t{64} << 20;  // of packets that wait for their delay
  GatewayConfig gateway;
};

// What the host shall do.
/// A frame for another node.
struct SendFrame {
  sphinx::NodeAddress to;
  base::Bytes frame;
};
/// A body or ack for the exit's own mixnet client.
struct DeliverToExit {
  base::Bytes body;
};
using NodeOutput = std::variant<SendFrame, DeliverToExit, SendToClient, PingClient, CloseLink>;

struct NodeStats {
  std::uint64_t received = 0;                   // frames from other nodes
  std::uint64_t from_exit = 0;                  // packets of the exit's own client
  std::uint64_t forwarded = 0;                  // frames to other nodes, acks included
  std::uint64_t delivered = 0;                  // bodies and acks at the last hop
  std::uint64_t acks_released = 0;              // ack packets sent on at the last hop
  std::uint64_t duplicated = 0, corrupted = 0;  // injected
  std::array<std::uint64_t, kDropReasons> dropped{};
  std::size_t held = 0;  // packets that wait for their delay
  std::size_t replay_tags = 0;
};

class Node {
 public:
  /// `identity`, `book` and `rng` must outlive the node.
  Node(const NodeConfig& config, const crypto::Ed25519KeyPair& identity, const Epoch& epoch,
       const AddressBook& book, base::Rng& rng);

  // --- from other nodes and from the exit's client ---
  void receive(const sphinx::Frame& frame, base::TimePoint now, base::WallTime wall_now);
  void send(const mixnet::MixPacket& packet, base::TimePoint now, base::WallTime wall_now);
  /// Bodies for this destination go to the exit instead of a client.
  void set_exit_client(const sphinx::Destination& destination) { exit_client_ = destination; }

  // --- clients' WebSockets (gateways only; a mix refuses to open one) ---
  [[nodiscard]] std::optional<LinkId> open_link(base::TimePoint now);
  void receive(LinkId link, const gateway::LinkFrame& frame, base::TimePoint now,
               base::WallTime wall_now);
  void pinged(LinkId link, base::TimePoint now, base::WallTime wall_now);
  void ponged(LinkId link, base::ByteView payload, base::TimePoint now, base::WallTime wall_now);
  void closed(LinkId link, base::TimePoint now, base::WallTime wall_now);

  // --- the host's loop ---
  [[nodiscard]] std::optional<NodeOutput> poll_output();
  /// What waits to be polled.
  [[nodiscard]] std::size_t queued() const { return outputs_.size(); }
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now, base::WallTime wall_now);

  void update_epoch(const Epoch& epoch) { core_.update_epoch(epoch, rng_); }
  void set_faults(const FaultRates& faults) { faults_ = faults; }
  [[nodiscard]] const FaultRates& faults() const { return faults_; }
  /// The host could not pass a frame on.
  void count_drop(DropReason reason) { ++stats_.dropped[static_cast<std::size_t>(reason)]; }
  /// Drops every client's socket.
  void cut_links();
  /// Down: held packets and sockets are gone, nothing is taken in. Keys and the tables of clients
  /// survive, as they do on a disk.
  void kill();
  void restart() { alive_ = true; }
  [[nodiscard]] bool alive() const { return alive_; }

  /// Null at mixes.
  [[nodiscard]] GatewayCore* gateway() { return gateway_ ? &*gateway_ : nullptr; }
  [[nodiscard]] const GatewayCore* gateway() const { return gateway_ ? &*gateway_ : nullptr; }
  [[nodiscard]] const NodeKeys& keys() const { return core_.keys(); }
  [[nodiscard]] NodeStats stats() const;

 private:
  /// When it is due, and its number: first in, first out among equals.
  using HeldKey = std::pair<base::TimePoint, std::uint64_t>;

  /// Applies faults, then holds or carries out.
  void schedule(NodeAction action, base::TimePoint now, base::WallTime wall_now);
  void hold(NodeAction action, base::TimePoint due);
  void carry_out(const NodeAction& action, base::WallTime wall_now);
  void forward(const ForwardAction& action);
  /// What the gateway wants, with its clients' packets on their way.
  void drain_gateway(base::TimePoint now, base::WallTime wall_now);

  NodeConfig config_;
  const AddressBook& book_;
  base::Rng& rng_;
  NodeCore core_;
  std::optional<GatewayCore> gateway_;
  std::optional<sphinx::Destination> exit_client_;
  FaultRates faults_;
  bool alive_ = true;
  std::map<HeldKey, NodeAction> held_;
  std::size_t held_bytes_ = 0;
  std::uint64_t next_order_ = 0;
  std::deque<NodeOutput> outputs_;
  NodeStats stats_;
};

}  // namespace mix::localnet
