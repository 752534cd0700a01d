// All nodes of a local network with their keys, clock and directory, without sockets: what Network
// puts on loopback and what a simulation runs on virtual time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/directory/topology.h"
#include "mix/localnet/directory_core.h"
#include "mix/localnet/epoch.h"
#include "mix/localnet/node.h"
#include "mix/mixnet/address.h"

namespace mix::localnet {

/// Where a node listens; decided by the host.
struct NodePlace {
  NodeRole role = NodeRole::kMix;
  std::uint8_t layer = 0;  // 1..3 for a mix
  std::string ip;          // literal
  std::uint16_t mix_port = 0;
  std::optional<std::uint16_t> ws_port;  // gateways with a WebSocket
};

struct ClusterConfig {
  std::vector<NodePlace> places;
  EpochConfig epochs;
  sphinx::FrameVersion frame_version = sphinx::FrameVersion::kLegacy;
  GatewayConfig gateway;
  std::string build_version = "1.37.0";       // of mixes and entries
  std::string exit_build_version = "1.37.0";  // from this one on clients try IPR v10
};

/// A node with its keys, as the cluster owns it.
struct ClusterNode {
  NodeRole role;
  std::uint8_t layer;
  sphinx::NodeAddress address;
  std::optional<std::uint16_t> ws_port;
  crypto::Ed25519KeyPair identity;
  crypto::X25519KeyPair host_key;
  /// Keys of the exit's own mixnet client; only at exits.
  std::optional<mixnet::ClientKeys> exit_keys;
  bool listed = true;
  std::uint8_t performance = 100;
  std::unique_ptr<Node> node;
};

class Cluster {
 public:
  /// Draws all keys. `rng` must outlive the cluster: its nodes draw from it. Throws
  /// std::invalid_argument for a bad address, layer or epoch length.
  Cluster(const ClusterConfig& config, base::Rng& rng, base::WallTime now);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Node ids count from 1 in the order of the places.
  [[nodiscard]] std::vector<ClusterNode>& nodes() { return nodes_; }
  [[nodiscard]] const std::vector<ClusterNode>& nodes() const { return nodes_; }
  /// Null when unknown.
  [[nodiscard]] ClusterNode* find(directory::NodeId id);
  [[nodiscard]] static directory::NodeId id_of_index(std::size_t index) {
    return static_cast<directory::NodeId>(index + 1);
  }
  /// The Nym address of an exit's router.
  [[nodiscard]] static mixnet::Recipient ipr_address(const ClusterNode& exit);

  /// Follows the clock: rotates keys and renews the directory when an epoch has begun. True when
  /// the epoch changed: hand the new topology and rotation info to the exits.
  bool update(base::WallTime now);
  /// When the current epoch ends.
  [[nodiscard]] base::WallTime next_epoch() const { return epoch_.end(); }
  [[nodiscard]] const Epoch& epoch() const { return epoch_; }
  /// Ends epochs early; see EpochClock.
  void advance_epochs(std::uint32_t epochs, base::WallTime now);
  void rotate_keys(base::WallTime now);
  /// A node leaves or joins the directory. It stays reachable for packets on their way.
  void set_listed(directory::NodeId id, bool listed, base::WallTime now);
  void set_performance(directory::NodeId id, std::uint8_t percent, base::WallTime now);

  // --- a network of several processes ---
  /// What the directory shall know of a node of ours. Its id is that of this cluster.
  [[nodiscard]] NodeRecord record(directory::NodeId id) const;
  /// In the directory's process: nodes that run elsewhere join ours.
  void set_remote(std::vector<NodeRecord> nodes, base::WallTime now);
  /// In a node's process: clock and directory are those of `state` from now on. Keys follow the
  /// epoch; do not call update(), advance_epochs() or rotate_keys() any more.
  void follow(const DirectoryState& state);

  [[nodiscard]] const DirectoryState& directory() const { return directory_; }
  /// Null while a layer has no listed node.
  [[nodiscard]] std::shared_ptr<const directory::Topology> topology() const { return topology_; }

 private:
  void enter(const Epoch& epoch, base::WallTime now);
  void renew_directory(base::WallTime now);
  void renew_topology();

  ClusterConfig config_;
  EpochClock clock_;
  Epoch epoch_;
  AddressBook book_;
  std::vector<ClusterNode> nodes_;
  std::vector<NodeRecord> remote_;
  bool follows_ = false;
  DirectoryState directory_;
  std::shared_ptr<const directory::Topology> topology_;
};

}  // namespace mix::localnet
