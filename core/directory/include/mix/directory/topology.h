// The network as one moment of the directory describes it: nodes, layers, rotation.
// spec: topology §3 to §6.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/crypto/keys.h"
#include "mix/directory/constants.h"

namespace mix::directory {

using NodeId = std::uint32_t;

struct EntryPoints {
  std::string hostname = {};  // empty when none is announced
  std::uint16_t ws_port = 0;
  std::optional<std::uint16_t> wss_port = {};
};

struct SupportedRoles {
  bool mixnode = false, entry = false, exit_nr = false, exit_ipr = false;
};

/// A node of a skimmed list. Only usable nodes become one of these.
struct Node {
  NodeId id = 0;
  crypto::Ed25519PublicKey identity;
  crypto::X25519PublicKey sphinx_key;
  /// True when the key is known to lie in the prime-order subgroup. Headers through other keys use
  /// the chained derivation, so false is always right, just slower. Set by `Topology`.
  bool merged_derivation_safe = false;
  std::vector<std::string> ip_addresses;  // literals; the first is the mixnet address
  std::uint16_t mix_port = 0;
  std::optional<EntryPoints> entry;
  SupportedRoles roles;
  std::uint8_t performance = 0;  // percent
};

struct RewardedSet {
  std::vector<NodeId> entry_gateways, exit_gateways;
  std::array<std::vector<NodeId>, kNumLayers> layers;
};

struct EpochMetadata {
  std::uint32_t absolute_epoch_id = 0;
  std::uint32_t rotation_id = 0;
  friend bool operator==(const EpochMetadata&, const EpochMetadata&) = default;
};

struct KeyRotationInfo {
  std::uint32_t validity_epochs = 0;
  std::uint32_t initial_epoch_id = 0;
  std::uint32_t current_epoch_id = 0;
  base::WallTime current_epoch_start;
  base::Duration epoch_duration{};

  // Arithmetic of spec: topology §4. Before the initial epoch the rotation is 0.
  [[nodiscard]] std::uint32_t rotation_id() const;
  /// When the current rotation started and the next one starts, by the announced epoch length.
  [[nodiscard]] base::WallTime rotation_start() const;
  [[nodiscard]] base::WallTime next_rotation_start() const;
  /// Wall clock of the start of any epoch.
  [[nodiscard]] base::WallTime epoch_start(std::int64_t epoch) const;
  friend bool operator==(const KeyRotationInfo&, const KeyRotationInfo&) = default;
};

/// Immutable once built but for a cache of key checks; shared by reference within a turn, not
/// between threads.
class Topology {
 public:
  /// Joins the lists and drops nodes below the performance floors. Of a node listed twice the later
  /// entry counts.
  /// Errors: `directory_not_routable`, with the number of the empty layer as detail, 0 when the
  /// rewarded set names no gateway.
  [[nodiscard]] static base::Result<Topology> build(
      const EpochMetadata& metadata, const RewardedSet& rewarded, std::vector<Node> mixnodes,
      std::vector<Node> gateways, std::uint8_t min_mixnode_performance = kMinPerformance,
      std::uint8_t min_gateway_performance = kMinPerformance);

  [[nodiscard]] const EpochMetadata& metadata() const { return metadata_; }
  /// Nodes of layer 1..3; panics on another number.
  [[nodiscard]] const std::vector<Node>& layer(std::size_t number) const;
  /// Null when unknown. Checks the Sphinx key on first use (`merged_derivation_safe`).
  [[nodiscard]] const Node* find_gateway(const crypto::Ed25519PublicKey& identity) const;
  [[nodiscard]] const std::vector<Node>& gateways() const { return gateways_; }

  /// One uniformly random node of each layer, then the egress gateway. spec: topology §6.
  /// The pointers live as long as the topology. Checks Sphinx keys on first use.
  /// Errors: `directory_unknown_node`.
  [[nodiscard]] base::Result<std::array<const Node*, 4>> random_route(
      const crypto::Ed25519PublicKey& egress, base::Rng& rng) const;

 private:
  /// `node` with its key checked. A check costs as much as a Diffie-Hellman step, and only a few of
  /// the network's nodes carry packets of this client: so not before it is needed.
  const Node* checked(Node& node) const;

  EpochMetadata metadata_;
  mutable std::array<std::vector<Node>, kNumLayers> layers_;
  mutable std::vector<Node> gateways_;
  std::map<crypto::Ed25519PublicKey, std::size_t> gateway_index_;
  mutable std::map<crypto::X25519PublicKey, bool> key_checks_;
};

/// An exit with an IP packet router, as the described list announces it. spec: topology §8.
struct ExitDescription {
  crypto::Ed25519PublicKey identity;
  std::string ipr_address;               // "id.enc@gateway"
  crypto::Ed25519PublicKey ipr_gateway;  // the part behind the @
  std::string build_version;             // semantic version text; see semver.h
  /// Percent. 0, never chosen, also for a node that the skimmed list does not show as an exit with
  /// IPR: such a node is kept so that its version can be looked up.
  std::uint8_t performance = 0;
};

/// Where to open the WebSocket of an entry gateway.
struct EntryChoice {
  crypto::Ed25519PublicKey identity;
  std::vector<std::string> urls;  // first choice first: ws://… or wss://…
};

enum class Tls : std::uint8_t { kRequired, kOptional };

/// A uniformly random (or the preferred) entry. With `Tls::kRequired` just those with a host name
/// and a wss port. spec: topology §7.
/// Errors: `directory_no_entry`, naming the preferred identity when it is not usable.
[[nodiscard]] base::Result<EntryChoice> choose_entry(
    const std::vector<Node>& candidates, const std::optional<crypto::Ed25519PublicKey>& preferred,
    const std::vector<crypto::Ed25519PublicKey>& excluded, Tls tls, base::Rng& rng,
    std::uint8_t min_performance = kMinPerformance);

/// Weighted by performance, of nodes with a version of at least `kFirstWithIprV9` and a performance
/// of at least `min_performance`; never one at the node `entry`, never one of `excluded`.
/// spec: topology §8, ipr §1.2. Errors: `directory_no_exit`.
[[nodiscard]] base::Result<ExitDescription> choose_exit(
    const std::vector<ExitDescription>& candidates, const crypto::Ed25519PublicKey& entry,
    const std::vector<crypto::Ed25519PublicKey>& excluded, base::Rng& rng,
    std::uint8_t min_performance = kMinPerformance);

}  // namespace mix::directory
