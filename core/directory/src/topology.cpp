#include "mix/directory/topology.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "mix/base/encoding.h"
#include "mix/base/panic.h"
#include "mix/crypto/blinding.h"

namespace mix::directory {
namespace {

using base::Errc;
using base::Error;
using base::Result;

}  // namespace

// --- rotation; spec: topology §4 ---

std::uint32_t KeyRotationInfo::rotation_id() const {
  if (validity_epochs == 0 || current_epoch_id < initial_epoch_id) return 0;
  return (current_epoch_id - initial_epoch_id) / validity_epochs;
}

base::WallTime KeyRotationInfo::epoch_start(std::int64_t epoch) const {
  const auto length = std::chrono::duration_cast<std::chrono::milliseconds>(epoch_duration);
  return current_epoch_start + (epoch - std::int64_t{current_epoch_id}) * length;
}

base::WallTime KeyRotationInfo::rotation_start() const {
  return epoch_start(std::int64_t{initial_epoch_id} +
                     std::int64_t{validity_epochs} * rotation_id());
}

base::WallTime KeyRotationInfo::next_rotation_start() const {
  return epoch_start(std::int64_t{initial_epoch_id} +
                     std::int64_t{validity_epochs} * (std::int64_t{rotation_id()} + 1));
}

// --- topology; spec: topology §5 ---

Result<Topology> Topology::build(const EpochMetadata& metadata, const RewardedSet& rewarded,
                                 std::vector<Node> mixnodes, std::vector<Node> gateways,
                                 std::uint8_t min_mixnode_performance,
                                 std::uint8_t min_gateway_performance) {
  std::erase_if(mixnodes, [&](const Node& n) { return n.performance < min_mixnode_performance; });
  std::erase_if(gateways, [&](const Node& n) { return n.performance < min_gateway_performance; });

  std::unordered_map<NodeId, const Node*> by_id;
  for (const Node& node : mixnodes) by_id[node.id] = &node;
  for (const Node& node : gateways) by_id[node.id] = &node;

  Topology out;
  out.metadata_ = metadata;
  for (std::size_t i = 0; i < kNumLayers; ++i) {
    for (const NodeId id : rewarded.layers[i]) {
      const auto found = by_id.find(id);
      if (found != by_id.end()) out.layers_[i].push_back(*found->second);
    }
    if (out.layers_[i].empty()) {
      return Error{Errc::directory_not_routable, static_cast<std::uint32_t>(i + 1)};
    }
  }
  if (rewarded.entry_gateways.empty() && rewarded.exit_gateways.empty()) {
    return Errc::directory_not_routable;
  }

  for (Node& node : gateways) {
    // The later of two entries counts, whether they share the id or the identity.
    if (by_id.at(node.id) != &node) continue;
    const auto [at, is_new] = out.gateway_index_.try_emplace(node.identity, out.gateways_.size());
    if (is_new) {
      out.gateways_.push_back(std::move(node));
    } else {
      out.gateways_[at->second] = std::move(node);
    }
  }

  return out;
}

const std::vector<Node>& Topology::layer(std::size_t number) const {
  if (number < 1 || number > kNumLayers) base::panic("Topology: no such layer");
  return layers_[number - 1];
}

const Node* Topology::find_gateway(const crypto::Ed25519PublicKey& identity) const {
  const auto found = gateway_index_.find(identity);
  return found == gateway_index_.end() ? nullptr : checked(gateways_[found->second]);
}

const Node* Topology::checked(Node& node) const {
  const auto [known, is_new] = key_checks_.try_emplace(node.sphinx_key);
  if (is_new) known->second = crypto::in_prime_order_subgroup(node.sphinx_key);
  node.merged_derivation_safe = known->second;
  return &node;
}

Result<std::array<const Node*, 4>> Topology::random_route(const crypto::Ed25519PublicKey& egress,
                                                          base::Rng& rng) const {
  const Node* gateway = find_gateway(egress);
  if (gateway == nullptr) {
    return Error{Errc::directory_unknown_node, 0, base::base58_encode(egress.view())};
  }
  std::array<const Node*, 4> route{};
  for (std::size_t i = 0; i < kNumLayers; ++i) {
    route[i] = checked(layers_[i][static_cast<std::size_t>(rng.uniform(layers_[i].size()))]);
  }
  route[kNumLayers] = gateway;
  return route;
}

}  // namespace mix::directory
