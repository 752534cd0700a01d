// The network's directory (nym-api) as a function of its state: every call that a client or a node
// makes, with the answers' exact shapes. spec: topology §1 to §4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mix/base/time.h"
#include "mix/crypto/keys.h"
#include "mix/directory/topology.h"
#include "mix/localnet/epoch.h"
#include "mix/localnet/http.h"

namespace mix::localnet {

enum class NodeRole : std::uint8_t { kMix, kEntry, kExit };
/// "mix", "entry", "exit".
[[nodiscard]] const char* role_name(NodeRole role);

/// A public Sphinx key as a node announces it.
struct AnnouncedKey {
  std::uint32_t rotation = 0;
  crypto::X25519PublicKey key;

  friend bool operator==(const AnnouncedKey&, const AnnouncedKey&) = default;
};

/// What the directory knows of a node.
struct NodeRecord {
  directory::NodeId id = 0;
  NodeRole role = NodeRole::kMix;
  std::uint8_t layer = 0;  // 1..3 for a mix
  crypto::Ed25519PublicKey identity;
  crypto::X25519PublicKey noise_key;  // the host's own key; Noise itself is not announced
  AnnouncedKey current;
  std::optional<AnnouncedKey> pre_announced;
  std::string ip_address;
  std::uint16_t mix_port = 0;
  std::optional<std::uint16_t> ws_port;  // clients' WebSocket
  std::string ipr_address;               // exits: the router's Nym address
  std::string build_version;
  std::uint8_t performance = 100;  // percent
  bool listed = true;              // false: the node has left

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

struct DirectoryState {
  std::vector<NodeRecord> nodes;
  Epoch epoch;
  base::WallTime refreshed_at;
};

/// The key that the API tells for a rotation. spec: topology §4.
[[nodiscard]] const AnnouncedKey& key_for_rotation(const NodeRecord& node, std::uint32_t rotation);

/// Answers a request below the base path "/api"; 404 for what is unknown.
[[nodiscard]] HttpAnswer answer_directory(const DirectoryState& state, const HttpRequest& request);

/// The topology that a client would build from the answers, for the exit's own client.
/// Errors: `directory_not_routable`.
[[nodiscard]] base::Result<directory::Topology> build_topology(const DirectoryState& state);

}  // namespace mix::localnet
