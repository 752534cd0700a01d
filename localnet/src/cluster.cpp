// The nodes and their directory follow one clock.
#include "mix/localnet/cluster.h"

#include <stdexcept>
#include <utility>

namespace mix::localnet {
namespace {

constexpr std::uint8_t kLayers = 3;

ClusterNode make_node(const NodePlace& place, base::Rng& rng) {
  auto address = sphinx::NodeAddress::parse(place.ip, place.mix_port);
  if (!address.has_value()) throw std::invalid_argument("not an IP address: " + place.ip);
  const bool is_mix = place.role == NodeRole::kMix;
  if (is_mix && (place.layer < 1 || place.layer > kLayers)) {
    throw std::invalid_argument("a mix belongs to layer 1, 2 or 3");
  }
  ClusterNode node{place.role,
                   place.layer,
                   *address,
                   place.ws_port,
                   crypto::Ed25519KeyPair::generate(rng),
                   crypto::X25519KeyPair::generate(rng),
                   std::nullopt,
                   true,
                   100,
                   nullptr};
  if (place.role == NodeRole::kExit) node.exit_keys = mixnet::ClientKeys::generate(rng);
  return node;
}

std::string ip_text(const sphinx::NodeAddress& address) {
  // "1.2.3.4:5" or "[::1]:5"
  const std::string text = address.to_string();
  const std::string host = text.substr(0, text.rfind(':'));
  return host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

Cluster::Cluster(const ClusterConfig& config, base::Rng& rng, base::WallTime now)
    : config_(config), clock_(config.epochs, now), epoch_(clock_.at(now)) {
  nodes_.reserve(config.places.size());  // nodes refer to their identity
  for (const NodePlace& place : config.places) {
    nodes_.push_back(make_node(place, rng));
    ClusterNode& entry = nodes_.back();
    book_.add(entry.address);
    NodeConfig node;
    node.mode = place.role == NodeRole::kMix ? NodeMode::kMixnode : NodeMode::kGateway;
    node.frame_version = config.frame_version;
    node.gateway = config.gateway;
    entry.node = std::make_unique<Node>(node, entry.identity, epoch_, book_, rng);
    if (entry.exit_keys) {
      entry.node->set_exit_client(entry.exit_keys->identity.public_key.bytes);
    }
  }
  renew_directory(now);
}

ClusterNode* Cluster::find(directory::NodeId id) {
  return id >= 1 && id <= nodes_.size() ? &nodes_[id - 1] : nullptr;
}

mixnet::Recipient Cluster::ipr_address(const ClusterNode& exit) {
  return {exit.exit_keys->identity.public_key, exit.exit_keys->encryption.public_key,
          exit.identity.public_key};
}

bool Cluster::update(base::WallTime now) {
  const Epoch epoch = clock_.at(now);
  if (epoch.id == epoch_.id) return false;
  enter(epoch, now);
  return true;
}

void Cluster::enter(const Epoch& epoch, base::WallTime now) {
  epoch_ = epoch;
  for (ClusterNode& entry : nodes_) entry.node->update_epoch(epoch);
  renew_directory(now);
}

void Cluster::advance_epochs(std::uint32_t epochs, base::WallTime now) {
  clock_.advance(epochs, now);
  enter(clock_.at(now), now);
}

void Cluster::rotate_keys(base::WallTime now) {
  clock_.rotate(now);
  enter(clock_.at(now), now);
}

void Cluster::set_listed(directory::NodeId id, bool listed, base::WallTime now) {
  if (ClusterNode* node = find(id)) node->listed = listed;
  renew_directory(now);
}

void Cluster::set_performance(directory::NodeId id, std::uint8_t percent, base::WallTime now) {
  if (ClusterNode* node = find(id)) node->performance = percent;
  renew_directory(now);
}

NodeRecord Cluster::record(directory::NodeId id) const {
  const ClusterNode& entry = nodes_.at(id - 1);
  const NodeKeys& keys = entry.node->keys();
  const bool is_exit = entry.role == NodeRole::kExit;
  NodeRecord record;
  record.id = id;
  record.role = entry.role;
  record.layer = entry.layer;
  record.identity = entry.identity.public_key;
  record.noise_key = entry.host_key.public_key;
  record.current = {keys.primary().rotation, keys.primary().keys.public_key};
  if (const RotationKey* next = keys.pre_announced()) {
    record.pre_announced = AnnouncedKey{next->rotation, next->keys.public_key};
  }
  record.ip_address = ip_text(entry.address);
  record.mix_port = entry.address.port;
  record.ws_port = entry.ws_port;
  if (is_exit) record.ipr_address = ipr_address(entry).to_string();
  record.build_version = is_exit ? config_.exit_build_version : config_.build_version;
  record.performance = entry.performance;
  record.listed = entry.listed;
  return record;
}

void Cluster::set_remote(std::vector<NodeRecord> nodes, base::WallTime now) {
  remote_ = std::move(nodes);
  renew_directory(now);
}

void Cluster::follow(const DirectoryState& state) {
  follows_ = true;
  directory_ = state;
  book_ = AddressBook();
  for (const ClusterNode& entry : nodes_) book_.add(entry.address);
  for (const NodeRecord& node : state.nodes) {
    const auto address = sphinx::NodeAddress::parse(node.ip_address, node.mix_port);
    if (address.has_value()) book_.add(*address);
  }
  if (epoch_.id != state.epoch.id || epoch_.rotation_epochs != state.epoch.rotation_epochs) {
    for (ClusterNode& entry : nodes_) entry.node->update_epoch(state.epoch);
  }
  epoch_ = state.epoch;
  renew_topology();
}

void Cluster::renew_directory(base::WallTime now) {
  // The one whom we follow hears of our nodes by their next announcement.
  if (follows_) return;
  directory_.epoch = epoch_;
  directory_.refreshed_at = now;
  directory_.nodes = remote_;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    directory_.nodes.push_back(record(id_of_index(i)));
  }
  renew_topology();
}

void Cluster::renew_topology() {
  auto topology = build_topology(directory_);
  topology_ = topology.has_value()
                  ? std::make_shared<const directory::Topology>(*std::move(topology))
                  : nullptr;
}

}  // namespace mix::localnet
